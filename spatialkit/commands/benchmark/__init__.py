"""The command group ``spatialkit benchmark``."""

from spatialkit.commands.benchmark.group import command

__all__ = [
    "command",
]
