"""The shell: one file per command, imported when the command is used.

Packages add commands with entry points in the group ``spatialkit.commands``, each naming a
`click.Command`; they are loaded when they are called, not when they are listed.
"""

from __future__ import annotations

from importlib import import_module

import click

from spatialkit._version import __version__
from spatialkit.commands.plugins import PluginGroup
from spatialkit.commands.toolkit import debug_option

__all__ = ["cli"]

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
@debug_option
@click.pass_context
def cli(context: click.Context) -> None:
    """Spatial audio: pan, encode, decode, fold down, upmix and measure.

    Each command explains itself: spatialkit upmix --help. Exit status: 0 done, 1 some files
    failed, 2 wrong use or input.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
