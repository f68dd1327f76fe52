"""Process of a job: a command of ``spatialkit`` that writes its progress to a file.

``python -m spatialkit.page.worker PROGRESS upmix song.wav -o surround.wav`` replaces the content of
the file PROGRESS, a number from 0 to 1, and prints what the command prints.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from spatialkit import interrupts
from spatialkit._compiling import CLOCK
from spatialkit.commands import main, toolkit

__all__ = ["run"]

# Seconds between two updates.
INTERVAL = 0.1


def run(path: str, arguments: Sequence[str]) -> int:
    """Run a command and return its exit status."""
    CLOCK.limit = 1e6  # seconds: no notice that kernels are compiled, which is read afterwards
    file = os.open(path, os.O_RDWR)
    last = 0.0

    def report(ratio: float) -> None:
        nonlocal last
        if time.monotonic() - last > INTERVAL or ratio >= 1.0:
            last = time.monotonic()
            os.lseek(file, 0, os.SEEK_SET)
            os.write(file, f"{ratio:.4f}".encode())  # always 6 bytes, so that readers see all of it

    with toolkit.reported_progress(report):
        return interrupts.exit_status(lambda: main(list(arguments)))


if __name__ == "__main__":
    interrupts.end_with_parent()
    sys.exit(run(sys.argv[1], sys.argv[2:]))
