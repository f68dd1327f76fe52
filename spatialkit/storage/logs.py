"""Logs of records: files of JSON lines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spatialkit._json import to_json
from spatialkit.errors import AudioFileError, SpatialkitError
from spatialkit.storage.locks import lock
from spatialkit.storage.replacement import writing_errors

__all__ = ["RecordLog"]


class RecordLog:
    """File of JSON lines to which one process at a time appends records.

    Each record is flushed to the disk. An interruption truncates at most the last line, which the
    next record does not join. As a context manager, a new file is removed again after an error
    before the first record.

    Parameters
    ----------
    path : Path
        New file, or a file of records.
    error : type
        Class of the errors that are raised.

    Raises
    ------
    AudioFileError
        If the file cannot be written, is in use by another process, or does not start like a file
        of records.

    Warns
    -----
    SpatialkitWarning
        If the file system has no locks.
    """

    def __init__(self, path: Path, *, error: type[SpatialkitError] = AudioFileError) -> None:
        self.path = path
        self._error = error
        self._is_new = not os.path.lexists(path)
        with writing_errors(path, error):
            self._file = path.open("a+b", buffering=0)
        try:
            lock(self._file, path, "wait until it ends, or choose another file", error=error)
            with writing_errors(path, error):
                self._file.seek(0)
                first = self._file.read(1)
                self._file.seek(max(0, self._file.seek(0, os.SEEK_END) - 1))
                last = self._file.read(1)
            if first not in (b"", b"{"):  # such as a song, or the list of pairs itself
                raise error(f"{path} is not a file of records: choose another file")
            self._is_cut = last not in (b"", b"\n")
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> RecordLog:
        return self

    def __exit__(self, *raised: object) -> None:
        if any(raised) and self._is_new and not self._file.seek(0, os.SEEK_END):
            self.path.unlink(missing_ok=True)  # an error before the first record
        self._file.close()

    def add(self, record: Mapping[str, Any]) -> None:
        """Append a record; after an error, the file is as before."""
        start = "\n" if self._is_cut else ""
        self._append(f"{start}{to_json(record)}\n".encode())
        self._is_cut = False

    def _append(self, data: bytes) -> None:
        with writing_errors(self.path, self._error):
            size = self._file.seek(0, os.SEEK_END)
            try:
                if self._file.write(data) < len(data):
                    raise OSError(0, "the disk is full")
                os.fsync(self._file.fileno())
            except OSError:
                self._file.truncate(size)
                raise
