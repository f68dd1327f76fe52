"""Command groups that other packages add commands to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from spatialkit._distribution import DISTRIBUTION, describe_conflict, find_entry_points
from spatialkit.commands.toolkit import isolated_plugins, printable
from spatialkit.validation import match_name, unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["PluginGroup", "find_plugins"]


class PluginGroup(click.Group):
    """Command group with commands of its own and those of entry points.

    Each entry point names a `click.Command`. Commands of other distributions are imported when
    they are called, not when they are listed. None of them can replace an own command.

    Parameters
    ----------
    *arguments, **options
        As for `click.Group`.
    plugins : str
        Group of the entry points.
    """

    def __init__(self, *arguments: Any, plugins: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._group = plugins

    def own_names(self) -> list[str]:
        """Return the names of the commands that are not plug-ins, in the order of the help."""
        return list(self.commands)

    def own_command(self, name: str) -> click.Command:
        """Return a command of ``own_names``."""
        return self.commands[name]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.own_names(), *sorted(self._plugins())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = match_name(cmd_name, self.list_commands(ctx))
        if name is None:
            return None
        if name in self.own_names():
            return self.own_command(name)
        entry = self._plugins()[name]
        described = f"command {name!r} ({entry.value})"
        try:
            with isolated_plugins():
                command = entry.load()
        except (Exception, SystemExit) as error:  # a plug-in must not end the program
            conflict = describe_conflict()
            cause = f"{error}; {conflict}" if conflict else str(error)
            raise click.UsageError(f"{described} failed to import: {cause}.", ctx) from error
        if not isinstance(command, click.Command):
            raise click.UsageError(f"{described} is not a click.Command: {command!r}.", ctx)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        unknown = match_name(args[0], names) is None and not args[0].startswith("-")
        if unknown and not ctx.resilient_parsing:
            raise click.UsageError(f"{unknown_name('command', args[0], names)}.", ctx)
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        """Return the help, with escapes in texts of plug-ins."""
        return "\n".join(map(printable, super().get_help(ctx).split("\n")))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing those of other distributions."""
        plugins = sorted(self._plugins().items())
        rows = [(name, self.own_command(name).get_short_help_str(60)) for name in self.own_names()]
        rows += [(name, self._summary(ctx, name, entry)) for name, entry in plugins]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands, without importing any, and options."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*map(CompletionItem, names), *options]

    def _summary(self, ctx: click.Context, name: str, entry: EntryPoint) -> str:
        """Return the summary of a plug-in's command if it is built-in and so imports quickly."""
        if entry.dist is None or entry.dist.name != DISTRIBUTION:
            return f"From {entry.value}."
        command = self.get_command(ctx, name)
        assert command is not None
        return command.get_short_help_str(60)

    def _plugins(self) -> dict[str, EntryPoint]:
        found = find_plugins(self._group)
        return {name: entry for name, entry in found.items() if name not in self.own_names()}


def find_plugins(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name."""
    return {entry.name: entry for entry in find_entry_points(group)}
