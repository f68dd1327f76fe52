"""Groups of commands that other packages add to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spatialkit._distribution import DISTRIBUTION, describe_conflict

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["PluginGroup", "find_plugins"]


class PluginGroup(click.Group):
    """A group's own commands, then those of the entry points in the group ``plugins``.

    Each entry point names a `click.Command`. Those of other distributions are loaded when they are
    called, not when they are listed; none takes the place of an own command.
    """

    def __init__(self, *arguments: Any, plugins: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._group = plugins

    def own_names(self) -> list[str]:
        """Names of the commands that are not plug-ins, in the order of the help."""
        return list(self.commands)

    def own_command(self, name: str) -> click.Command:
        """One of ``own_names``."""
        return self.commands[name]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.own_names(), *sorted(self._plugins())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.own_names():
            return self.own_command(cmd_name)
        entry = self._plugins().get(cmd_name)
        if entry is None:
            return None
        called = f"command {cmd_name!r} ({entry.value})"
        try:
            command = entry.load()
        except (Exception, SystemExit) as error:  # a plug-in must not end the program
            conflict = describe_conflict()
            cause = f"{error}; {conflict}" if conflict else str(error)
            raise click.UsageError(f"{called} failed to import: {cause}.", ctx) from error
        if not isinstance(command, click.Command):
            raise click.UsageError(f"{called} is no click.Command: {command!r}.", ctx)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without loading what other distributions bring."""
        plugins = sorted(self._plugins().items())
        rows = [(name, self.own_command(name).get_short_help_str(60)) for name in self.own_names()]
        rows += [(name, self._summary(ctx, name, entry)) for name, entry in plugins]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _summary(self, ctx: click.Context, name: str, entry: EntryPoint) -> str:
        """What a plug-in's command does, if it comes from here and is thus quick to import."""
        if entry.dist is None or entry.dist.name != DISTRIBUTION:
            return f"From {entry.value}."
        command = self.get_command(ctx, name)
        assert command is not None
        return command.get_short_help_str(60)

    def _plugins(self) -> dict[str, EntryPoint]:
        found = find_plugins(self._group)
        return {name: entry for name, entry in found.items() if name not in self.own_names()}


def find_plugins(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by their names."""
    from importlib.metadata import entry_points  # 20 ms

    return {entry.name: entry for entry in entry_points(group=group)}
