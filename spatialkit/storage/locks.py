"""Locks of files, which end with the process that holds them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spatialkit.errors import AudioFileError, SpatialkitError, SpatialkitWarning
from spatialkit.storage.replacement import writing_errors
from spatialkit.typing import StrPath

__all__ = ["lock", "locked_folder"]

LOCK = ".lock"
# Locked byte on Windows, where others can neither read nor write what is locked: the last possible.
_OFFSET = 2**31 - 2


@contextmanager
def locked_folder(
    folder: Path, advice: str, *, error: type[SpatialkitError] = AudioFileError
) -> Iterator[None]:
    """Lock a folder by the file ``.lock`` in it, which stays there.

    Parameters
    ----------
    folder : Path
    advice : str
        What to do if another process holds the lock, for the message.
    error : type
        Class of the error that is raised then, or if the file cannot be opened.

    Warns
    -----
    SpatialkitWarning
        If the file system has no locks.
    """
    with writing_errors(folder, error):
        file = (folder / LOCK).open("ab")
    with file:
        lock(file, folder, advice, error=error)
        yield


def lock(
    file: Any, path: StrPath, advice: str, *, error: type[SpatialkitError] = AudioFileError
) -> None:
    """Lock an open file until it is closed or this process ends, however that happens.

    The parameters are those of `locked_folder`; ``path`` is named in messages.
    """
    try:
        _lock(file)
    except (BlockingIOError, PermissionError) as found:
        raise error(f"{path} is in use by another process; {advice}") from found
    except OSError as found:
        warnings.warn(
            f"{path} cannot be locked on this file system ({found.strerror}); let no other "
            "process use it",
            SpatialkitWarning,
            stacklevel=3,
        )


if sys.platform == "win32":
    import msvcrt

    def _lock(file: Any) -> None:
        before = file.tell()
        file.seek(_OFFSET)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            file.seek(before)

else:
    import fcntl

    def _lock(file: Any) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
