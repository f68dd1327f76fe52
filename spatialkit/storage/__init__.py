"""Writing of files and folders that appear when they are complete, logs, and locks.

Nothing else in the packages opens files for writing. After a crash, a full disk, a signal or a race
of two processes a name refers to the old content or to the new one, never to a part of it.
"""

from spatialkit.storage.locks import locked_folder
from spatialkit.storage.logs import RecordLog
from spatialkit.storage.names import portable_name
from spatialkit.storage.replacement import (
    draft_folder,
    move,
    remove_parts,
    replace_file,
    replacing,
    replacing_folder,
    writing_errors,
)

__all__ = [
    "RecordLog",
    "draft_folder",
    "locked_folder",
    "move",
    "portable_name",
    "remove_parts",
    "replace_file",
    "replacing",
    "replacing_folder",
    "writing_errors",
]
