"""The command group ``spatialkit``: one module per command, imported when it is called."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module

import click

from spatialkit._distribution import describe_conflict
from spatialkit._version import __version__
from spatialkit.commands import toolkit
from spatialkit.commands.plugins import PluginGroup
from spatialkit.errors import SpatialkitError

__all__ = ["COMMANDS", "GROUP", "cli", "main", "run"]

GROUP = "spatialkit.commands"
COMMANDS = (
    "upmix",
    "pan",
    "encode",
    "decode",
    "render",
    "downmix",
    "evaluate",
    "benchmark",
    "layouts",
    "upmixers",
    "info",
)


class _Commands(PluginGroup):
    """Commands by name, each in a module of its own."""

    def own_names(self) -> list[str]:
        return list(COMMANDS)

    def own_command(self, name: str) -> click.Command:
        return import_module(f"spatialkit.commands.{name}").command


@click.group(
    cls=_Commands,
    plugins=GROUP,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},  # of the commands, too
    epilog="Example: spatialkit upmix song.wav -o surround.wav --layout 7.1.4",
)
@click.version_option(__version__, prog_name="spatialkit")
@toolkit.debug_option
@click.pass_context
def cli(context: click.Context) -> None:
    """Spatial audio: pan, encode, decode, downmix, upmix and measure.

    See "spatialkit upmix --help" for the options of a command. Exit status: 0 done, 1 some files
    failed, 2 wrong use or input.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    arguments : list of str, optional
        Arguments after ``spatialkit``. By default those of this process.

    Returns
    -------
    int
        0 done, 1 some files failed, 2 wrong use or input (with one sentence on stderr),
        130 interrupted.

    Examples
    --------
    >>> main(["layouts", "stereo"])
    stereo: 2 channels, WAVE mask 0x3
    channel  label  azimuth  elevation
    1        FL     30       0
    2        FR     -30      0
    0
    """
    state = {"debug": False}
    show = warnings.showwarning
    warnings.showwarning = toolkit.print_warning
    if conflict := describe_conflict():
        toolkit.print_warning(conflict)
    try:
        return cli.main(arguments, "spatialkit", standalone_mode=False, obj=state) or 0
    except click.Abort:
        print("interrupted", file=sys.stderr)
        return 130
    except click.ClickException as error:
        context = getattr(error, "ctx", None)  # set for usage errors
        see = f" See: {context.command_path} --help" if context else ""
        toolkit.print_error(error.format_message() + see, state["debug"])
    except SpatialkitError as error:
        toolkit.print_error(str(error), state["debug"])
    except Exception as error:
        sentence = f"unexpected {type(error).__name__}: {error} (see --debug)"
        toolkit.print_error(sentence, state["debug"])
    finally:
        warnings.showwarning = show
    return 2


def run() -> None:
    """Run the command of this process and exit with its status."""
    sys.exit(main())
