"""The shell: one file per command, imported when the command is used.

Packages add commands with entry points in the group ``spatialkit.commands``, each naming a
`click.Command`; they are loaded when they are called, not when they are listed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from spatialkit._version import __version__
from spatialkit.commands._common import debug_option

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

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
    "layouts",
    "upmixers",
    "info",
)


class _Commands(click.Group):
    """Commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *sorted(_plugins())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return import_module(f"spatialkit.commands.{cmd_name}").command
        entry = _plugins().get(cmd_name)
        if entry is None:
            return None
        try:
            return entry.load()
        except Exception as error:
            sentence = f"command {cmd_name!r} ({entry.value}) failed to import: {error}."
            raise click.UsageError(sentence, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without loading what other packages bring."""
        rows = []
        for name in COMMANDS:
            command = self.get_command(ctx, name)
            rows.append((name, command.get_short_help_str(60) if command else ""))
        rows += [(name, f"From {entry.value}.") for name, entry in sorted(_plugins().items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _plugins() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # 20 ms

    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in COMMANDS}


@click.group(
    cls=_Commands,
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
