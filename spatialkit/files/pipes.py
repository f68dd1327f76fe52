"""Files to read from their path; pipes and standard input are stored temporarily first.

The end of a file has to be known before its samples are read, and a pipe cannot be read twice.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from spatialkit.errors import AudioFileError

STANDARD_INPUT = Path("-")
_COPY_SIZE = 1 << 20


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """Open a file; "-" is standard input, unless it is a terminal."""
    with ExitStack() as resources:
        if path != STANDARD_INPUT:
            file: BinaryIO = resources.enter_context(path.open("rb"))
        elif sys.stdin is None or sys.stdin.isatty():
            raise AudioFileError(
                "standard input is a terminal, not audio; pipe a file into it or specify its path"
            )
        else:
            file = cast(BinaryIO, sys.stdin.buffer)
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):  # /dev/zero never ends
            raise AudioFileError(f"{path} is a device, not an audio file")
        if not stat.S_ISREG(mode):
            stored = resources.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(file, stored, _COPY_SIZE)
            file = cast(BinaryIO, stored)
        yield file
