"""Command line ``spatialkit``, with the toolkit for packages that add commands to it.

Packages add commands with entry points in the group ``spatialkit.commands``, each naming a
`click.Command`; it is imported when it is called, not when it is listed. They may use `toolkit`
(options, reading, writing, printing) and `batches` (many files).
"""

from spatialkit.commands import batches, toolkit
from spatialkit.commands.cli import COMMANDS, GROUP, cli, main, run

__all__ = [
    "COMMANDS",
    "GROUP",
    "batches",
    "cli",
    "main",
    "run",
    "toolkit",
]
