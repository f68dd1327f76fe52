"""The command ``spatialkit upmix``: files, jobs and the command itself."""

from spatialkit.commands.upmix.command import command

__all__ = [
    "command",
]
