"""Isolation of the command line from what plug-ins do to the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from spatialkit.plugins import kept_folder

__all__ = ["isolated_plugins"]


@contextmanager
def isolated_plugins() -> Iterator[None]:
    """Redirect standard output to standard error, and keep the working folder.

    Plug-ins, and the libraries that they load, may print progress; what a command prints, such as
    JSON, is for other programs. The descriptor is redirected, too, because compiled libraries write
    to it directly.
    """
    sys.stdout.flush()
    duplicate = os.dup(1)
    os.dup2(2, 1)
    try:
        with kept_folder(), redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        os.dup2(duplicate, 1)
        os.close(duplicate)
