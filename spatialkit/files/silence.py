"""Silence of compiled libraries that print to standard error."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

# Name of the variable that C libraries print to.
_NAMES = {"linux": "stderr", "darwin": "__stderrp"}
_lock = threading.Lock()
_state = {"users": 0, "original": 0}


@contextmanager
def silent() -> Iterator[None]:
    """Discard what C code prints, such as mpg123 about each damaged frame.

    Only the variable of C's standard library is exchanged: what Python prints in other threads, and
    reports of crashes, are written to the descriptor of standard error. Other systems than Linux
    and macOS are left as they are.
    """
    variable = _variable()
    if variable is None:
        yield
        return
    with _lock:
        if not _state["users"]:
            _state["original"] = variable.value or 0
            variable.value = _null_file()
        _state["users"] += 1
    try:
        yield
    finally:
        with _lock:
            _state["users"] -= 1
            if not _state["users"]:
                variable.value = _state["original"]


@cache
def _variable() -> ctypes.c_void_p | None:
    try:
        return ctypes.c_void_p.in_dll(ctypes.CDLL(None), _NAMES[sys.platform])
    except (KeyError, OSError, ValueError):
        return None


@cache
def _null_file() -> int | None:
    """Return a FILE of C that discards what is written to it."""
    fopen = ctypes.CDLL(None).fopen
    fopen.restype, fopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_char_p)
    return fopen(os.devnull.encode(), b"w")
