"""Isolation of the command line from what plug-ins do to the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import NoReturn

from spatialkit.plugins import kept_folder

__all__ = ["isolated_plugins"]


@contextmanager
def isolated_plugins() -> Iterator[None]:
    """Redirect standard output to standard error, keep the working folder, and refuse to end.

    Plug-ins, and the libraries that they load, may print progress; what a command prints, such as
    JSON, is for other programs. The descriptor is redirected, too, because compiled libraries write
    to it directly.
    """
    sys.stdout.flush()
    duplicate = os.dup(1)
    os.dup2(2, 1)
    try:
        with kept_folder(), redirect_stdout(sys.stderr), _exit_refused():
            yield
    finally:
        sys.stderr.flush()
        os.dup2(duplicate, 1)
        os.close(duplicate)


@contextmanager
def _exit_refused() -> Iterator[None]:
    """Let `os._exit` raise an error, as the command would end without a message or status."""
    process, end = os.getpid(), os._exit

    def refuse(status: int) -> NoReturn:
        if os.getpid() != process:  # a process that was forked by the plug-in
            end(status)
        raise RuntimeError(f"os._exit({status}) was called, which is not allowed here")

    os._exit = refuse
    try:
        yield
    finally:
        os._exit = end
