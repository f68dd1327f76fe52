"""The command group ``spatialkit``: one module per command, imported when it is called."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module

import click

from spatialkit import interrupts
from spatialkit._compiling import CLOCK
from spatialkit._distribution import describe_conflict
from spatialkit._version import __version__
from spatialkit.commands import toolkit
from spatialkit.commands.plugins import PluginGroup
from spatialkit.errors import SpatialkitError
from spatialkit.validation import unknown_name

__all__ = ["COMMANDS", "GROUP", "cli", "main", "run"]

GROUP = "spatialkit.commands"
COMMANDS = (
    "upmix",
    "pan",
    "encode",
    "decode",
    "microphones",
    "rotate",
    "render",
    "downmix",
    "evaluate",
    "compare",
    "report",
    "benchmark",
    "listening-test",
    "layouts",
    "upmixers",
    "info",
    "check",
    "warmup",
    "completion",
)


class _Commands(PluginGroup):
    """Commands by name, each in a module of its own."""

    def own_names(self) -> list[str]:
        return list(COMMANDS)

    def own_command(self, name: str) -> click.Command:
        return import_module(f"spatialkit.commands.{name.replace('-', '_')}").command


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

    See "spatialkit upmix --help" for the options of a command. "spatialkit completion --help"
    shows how to switch on completion with the Tab key (bash, zsh, fish).

    Exit status: 0 done, 1 some files failed, 2 invalid usage or input, 128 + n ended by signal n.
    """
    if context.invoked_subcommand is None:
        toolkit.print_text(context.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    arguments : list of str, optional
        Arguments after ``spatialkit``. By default those of this process.

    Returns
    -------
    int
        0 done, 1 some files failed, 2 invalid usage or input (with one sentence on stderr),
        128 + n ended by signal n: 130 by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.

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
    if "_SPATIALKIT_COMPLETE" in os.environ:
        import_module("spatialkit.commands.completion").register()
    if conflict := describe_conflict():
        toolkit.print_warning(conflict)
    try:
        with CLOCK.notified(_print_compiling):
            return cli.main(arguments, "spatialkit", standalone_mode=False, obj=state) or 0
    except (click.Abort, KeyboardInterrupt):
        return interrupts.report()
    except Exception as error:
        if interrupts.received():  # a consequence of the interruption
            return interrupts.report()
        toolkit.print_error(_message(error), state["debug"])
        return 2
    finally:
        warnings.showwarning = show


def _print_compiling() -> None:
    from tqdm import tqdm  # it prints above a progress bar, if there is one

    tqdm.write("Compiling numba kernels (first run only) ...", file=sys.stderr)


def _message(error: Exception) -> str:
    if isinstance(error, click.ClickException):
        return _usage_message(error)
    named = isinstance(error, OSError) and error.filename is not None
    if isinstance(error, SpatialkitError) or named:
        return toolkit.message_of(error)
    return f"unexpected {type(error).__name__}: {error} (see --debug)"


def _usage_message(error: click.ClickException) -> str:
    """Return the message of an error of click, with the closest option and the help command."""
    message = error.format_message().replace("\n\t", " ")  # a list of choices
    context = getattr(error, "ctx", None)  # set for usage errors
    if context is None:
        return message
    if isinstance(error, click.NoSuchOption):
        options = [name for each in context.command.get_params(context) for name in each.opts]
        known = [name for name in options if name.startswith("--")]
        message = f"{unknown_name('option', error.option_name, known)}."
    return f"{message.rstrip('.')}. See: {context.command_path} --help"


def run() -> None:
    """Run the command of this process and exit with its status."""
    sys.exit(interrupts.exit_status(main))
