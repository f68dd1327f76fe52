"""``spatialkit listening-test``: `command` the group, `build` and `analyse` its commands."""

from spatialkit.commands.listening_test.command import command

__all__ = [
    "command",
]
