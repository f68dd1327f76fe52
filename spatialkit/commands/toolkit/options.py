"""Options and arguments shared by commands, and the decorator that makes a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from spatialkit.commands.toolkit.names import LayoutName, Name, ambisonic_names

FILE = click.Path(path_type=Path)
LAYOUT_FILE = "a .json file"
OUTPUT_HELP = "Output file: .wav or .flac; mono or stereo also .ogg or .opus."
FORMAT_NAMES = f"a layout, {LAYOUT_FILE}, ambix1 to ambix7 or fuma1 to fuma3"


def _store_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and context.obj is not None:
        context.obj["debug"] = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_store_debug,
    help="Print the traceback of an error.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
force_option = click.option("--force", is_flag=True, help="Replace an existing output.")
file_argument = click.argument("source", metavar="IN", type=FILE)
output_option = click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=FILE,
    help=OUTPUT_HELP,
)
from_option = click.option(
    "--from",
    "source_format",
    type=LayoutName(ambisonics=True),
    metavar="FORMAT",
    help=f"Format of IN if the file does not contain it: {FORMAT_NAMES}.",
)
scene_option = click.option(
    "--from",
    "source_format",
    type=Name(ambisonic_names),
    metavar="FORMAT",
    help="Format of IN: ambix1 to ambix7 (by default, from the channels) or fuma1 to fuma3.",
)


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
