"""Atomic replacement of files and folders."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from spatialkit.errors import AudioFileError, SpatialkitError
from spatialkit.typing import StrPath

__all__ = [
    "draft_folder",
    "move",
    "remove_parts",
    "replace_file",
    "replacing",
    "replacing_folder",
    "writing_errors",
]

# How often a folder is replaced if other processes replace it at the same time.
MAX_ATTEMPTS = 20
# Errors of moving a folder to a name that another folder has.
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, *((errno.EACCES,) if os.name == "nt" else ()))


@contextmanager
def replacing(
    path: StrPath, *, error: type[SpatialkitError] = AudioFileError
) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces ``path`` when the context ends without an error.

    The temporary file is in the same folder and has a random name, ".spatialkit-....part". It is
    flushed to the disk before it replaces the old file, and removed on errors and signals; only a
    process that is killed leaves it. A symbolic link is kept: the file that it names is replaced.
    The permissions of an old file are kept.

    Parameters
    ----------
    path : str or path
        File to write.
    error : type
        Class of the error that is raised if the file cannot be written.

    Yields
    ------
    file
        Open for reading and writing in binary mode.
    """
    target = Path(os.path.realpath(path) if os.path.islink(path) else path)
    part = target.parent / _temporary_name()
    try:
        with writing_errors(path, error):
            if target.exists() and not target.is_file():
                raise OSError(0, "it is not a regular file")
            file = part.open("x+b")
        try:
            yield file
            with writing_errors(path, error):
                file.flush()
                os.fsync(file.fileno())
        finally:
            with writing_errors(path, error):
                file.close()
        with writing_errors(path, error):
            with suppress(OSError):  # no old file, or a file system without permissions
                shutil.copymode(target, part)
            move(part, target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def replace_file(
    path: StrPath, data: bytes, *, error: type[SpatialkitError] = AudioFileError
) -> None:
    """Write a file as `replacing` does."""
    with replacing(path, error=error) as file, writing_errors(path, error):
        file.write(data)


@contextmanager
def draft_folder(parent: StrPath) -> Iterator[Path]:
    """Create a hidden folder with a random name, which is removed when the context ends."""
    draft = Path(parent, _temporary_name())
    try:
        draft.mkdir()
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def replacing_folder(
    folder: StrPath, *, error: type[SpatialkitError] = AudioFileError
) -> Iterator[Path]:
    """Create a folder that replaces ``folder``, with all its content, when the context ends.

    Parameters
    ----------
    folder : str or path
        Folder to write; its parent must exist.
    error : type
        Class of the error that is raised if the folder cannot be written.

    Yields
    ------
    Path
        Folder to write to. It is removed on errors and signals.
    """
    folder = Path(folder)
    with writing_errors(folder, error), draft_folder(folder.parent) as draft:
        if folder.is_file():
            raise OSError(0, "it is not a folder")
        yield draft
        with draft_folder(folder.parent) as replaced:
            for attempt in range(MAX_ATTEMPTS):
                if _exchange(draft, folder, replaced / str(attempt)):
                    return
        raise OSError(0, "other processes write it at the same time")


def _exchange(draft: Path, folder: Path, old: Path) -> bool:
    """Move a folder to ``old`` and a draft to its place; return False if another one took it."""
    try:
        with suppress(FileNotFoundError):
            os.replace(folder, old)
        move(draft, folder)
    except BaseException as error:
        with suppress(OSError):
            os.replace(old, folder)
        if isinstance(error, OSError) and error.errno in _TAKEN:
            return False
        raise
    return True


def move(source: Path, target: Path) -> None:
    """Move a file or folder within a file system, so that a power failure cannot undo it."""
    os.replace(source, target)
    with suppress(OSError):  # Windows and some network file systems cannot flush folders
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def remove_parts(folder: Path) -> None:
    """Remove temporary files that killed processes left in a folder in which no other writes."""
    for part in folder.glob(".spatialkit-*.part"):
        with suppress(OSError):
            part.unlink()


@contextmanager
def writing_errors(path: StrPath, error: type[SpatialkitError] = AudioFileError) -> Iterator[None]:
    """Convert errors of the system to one that names the file."""
    try:
        yield
    except OSError as found:
        if isinstance(found, SpatialkitError):
            raise
        raise error(f"{os.fspath(path)} cannot be written: {found.strerror}") from found


def _temporary_name() -> str:
    return f".spatialkit-{os.urandom(8).hex()}.part"
