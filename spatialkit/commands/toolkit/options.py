"""Options and arguments shared by commands, and the decorator that makes a command."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from spatialkit.commands.toolkit.encoding import encoding_options
from spatialkit.commands.toolkit.messages import start_command
from spatialkit.commands.toolkit.names import LayoutName, Name, SetupFile, ambisonic_names
from spatialkit.commands.toolkit.standard_output import writes_output
from spatialkit.errors import OptionError
from spatialkit.validation import as_number, as_sample_rate

if TYPE_CHECKING:
    from spatialkit.layouts import Layout
    from spatialkit.setups import LoudspeakerSetup

FILE = click.Path(path_type=Path)
LAYOUT_FILE = "a .json file"
OUTPUT_HELP = 'Output file: .wav, .flac, .opus, .m4a, .mp4, .mka, .caf ...; "-": standard output.'
FORMAT_NAMES = f"a layout, {LAYOUT_FILE}, ambix1 to ambix7 or fuma1 to fuma3"
SCENE_NAMES = "ambix1 to ambix7 (by default, from the channels) or fuma1 to fuma3"
# Arguments of `spatialkit.files.read` and `stream` that are options of commands.
READING = ("format", "force_format", "offset", "duration", "on_truncated", "sample_rate")
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _start_command(context: click.Context, parameter: click.Parameter, debug: bool) -> None:
    """Prepare the messages of a command; each command has the option ``--debug``."""
    start_command(context.command)
    if debug and context.obj is not None:
        context.obj["debug"] = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_start_command,
    help="Print the traceback of an error.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
force_option = click.option("--force", is_flag=True, help="Replace an existing output.")
file_argument = click.argument("source", metavar="IN", type=FILE)
files_argument = click.argument("sources", metavar="IN...", nargs=-1, required=True, type=FILE)
_output = click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=FILE,
    help=OUTPUT_HELP,
)


def outputs_option(suffixes: str) -> Decorator:
    """Return the option ``--output`` of a command that writes a file per input.

    Its value is text, as a final "/" makes it a folder.

    Parameters
    ----------
    suffixes : str
        Formats of a file, for the help.
    """
    return click.option(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        type=click.Path(),
        help=f"Output file ({suffixes}), or folder.",
    )


def output_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--output``, whose value "-" is standard output, and the options of its encoding."""
    return _output(writes_output(encoding_options(function)))


truncated_option = click.option(
    "--truncated",
    "on_truncated",
    type=click.Choice(["error", "warn"]),
    metavar="error|warn",
    help="What to do with a file that is cut off: an error (default), or read what it contains.",
)


class Seconds(click.ParamType):
    """Number of seconds, at least 0."""

    name = "SECONDS"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        return as_number(value, param.opts[0], minimum=0.0, unit="s")


class SampleRate(click.ParamType):
    """Sample rate in Hz."""

    name = "HZ"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        if isinstance(value, str):
            value = as_number(value, param.opts[0], unit="Hz")
        return as_sample_rate(value, param.opts[0])


def reading_options(
    *, source: str = "IN", formats: str = FORMAT_NAMES, also: str = "", output: bool = True
) -> Decorator:
    """Return a decorator that adds the options of what is read, as one parameter ``reading``.

    The command receives them as a dictionary of the arguments of `spatialkit.files.read` and
    `stream` that were specified.

    Parameters
    ----------
    source : str
        Name of the input in the help.
    formats : str
        Formats of the input for the help, `SCENE_NAMES` for Ambisonics; "" for sources whose
        channels have no format, without the options ``--from`` and ``--force-format``.
    also : str
        Second name of the option ``--from``.
    output : bool
        Whether the command writes audio and has the option ``--sample-rate``.
    """
    names = Name(ambisonic_names) if formats == SCENE_NAMES else LayoutName(ambisonics=True)
    options = [
        click.option(
            "--from",
            *filter(None, [also]),
            "format",
            type=names,
            metavar="FORMAT",
            help=f"Format of {source} if a file does not contain it: {formats}.",
        ),
        click.option(
            "--force-format",
            is_flag=True,
            help="Let --from replace the format that a file contains.",
        ),
    ]
    options = [
        *(options if formats else ()),
        click.option(
            "--start", "offset", type=Seconds(), help=f"Start of an excerpt of {source} in seconds."
        ),
        click.option(
            "--duration", type=Seconds(), help="Length of the excerpt. By default up to the end."
        ),
        truncated_option,
    ]
    if output:
        options.append(
            click.option(
                "--sample-rate",
                type=SampleRate(),
                help="Sample rate of the output in Hz. By default that of the input.",
            )
        )

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def command(**parameters: Any) -> Any:
            given = {name: parameters.pop(name, None) for name in READING}
            reading = {
                name: value
                for name, value in given.items()
                if value is not None and value is not False
            }
            return function(reading=reading, **parameters)

        for option in reversed(options):
            command = option(command)
        return command

    return add


def layout_option(default: str | None, help: str = "Output layout") -> Callable[..., Any]:
    """Return the option ``--layout`` with a default."""
    return click.option(
        "--layout",
        type=LayoutName(),
        metavar="NAME",
        default=default,
        show_default=default is not None,
        help=f"{help} (see spatialkit layouts), or {LAYOUT_FILE}.",
    )


def hrtf_option(help: str, default: str | None = "ku100") -> Decorator:
    """Return the option ``--hrtf``.

    Parameters
    ----------
    help : str
        What it is for.
    default : str, optional
        None for commands that distinguish whether it is specified, and then use "ku100".
    """
    name = "ku100" if default else "ku100 (default)"
    return click.option(
        "--hrtf",
        type=Name(("ku100",)),
        metavar="NAME",
        default=default,
        show_default=default is not None,
        help=f"{help}: {name}, or a .sofa or .mhr file.",
    )


setup_option = click.option(
    "--setup",
    type=SetupFile(),
    metavar="FILE",
    help="Setup of the room (.json): its layout, distances, levels and subwoofers.",
)


def layout_of(
    setup: LoudspeakerSetup | None, given: str | Layout | None, option: str = "layout"
) -> str | Layout:
    """Return the layout of ``--setup``, or the value of another option.

    Parameters
    ----------
    setup : LoudspeakerSetup, optional
    given : str or Layout, optional
        Value of the other option.
    option : str
        Name of the parameter of the other option.

    Raises
    ------
    OptionError
        If both options are specified, or none.
    """
    context = click.get_current_context()
    name = next(each.opts[0] for each in context.command.params if each.name == option)
    if setup is None:
        if given is None:
            raise OptionError(f"{name} or --setup is required")
        return given
    if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
        raise OptionError(f"{name} and --setup are mutually exclusive: the setup has a layout")
    return setup.layout


def command(*examples: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator that makes a command of a function.

    The command has the option ``--debug``. Its name is that of the module of the function, but
    the group or the entry point that lists a command decides under which name it is called.

    Parameters
    ----------
    *examples : str
        Command lines to print below the help.

    Examples
    --------
    >>> @command("spatialkit hello")
    ... def hello():
    ...     "Print a greeting."
    >>> hello.get_short_help_str()
    'Print a greeting.'
    """

    def make(function: Callable[..., Any]) -> click.Command:
        name = function.__module__.removesuffix(".command").rpartition(".")[2]
        title = "Examples:" if len(examples) > 1 else "Example:"
        epilog = "\n".join(["\b", title, *(f"  {example}" for example in examples)])
        return debug_option(click.command(name, epilog=epilog)(function))

    return make
