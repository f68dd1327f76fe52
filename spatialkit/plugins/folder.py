"""Working folder of the process, which plug-ins may change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["kept_folder"]


@contextmanager
def kept_folder() -> Iterator[None]:
    """Return to the working folder after a call of a plug-in: paths may be relative to it."""
    try:
        before = os.getcwd()
    except FileNotFoundError:  # removed
        yield
        return
    try:
        yield
    finally:
        if os.getcwd() != before:
            os.chdir(before)
