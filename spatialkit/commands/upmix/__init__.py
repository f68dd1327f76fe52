"""The command ``spatialkit upmix``."""

from spatialkit.commands.upmix.command import command

__all__ = [
    "command",
]
