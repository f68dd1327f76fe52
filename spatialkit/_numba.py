"""The one decorator of compiled loops: cached on disk where a cache folder can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., object]) -> Any:
    """Compile ``function`` on its first call; loops only inside, no checks, no errors.

    The compiled code is kept beside the module or in numba's user cache. Numba refuses to import
    a cached function if it finds no writable folder (a read-only container without a home): then
    the function is compiled anew in each process.
    """
    try:
        return numba.njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:
        return numba.njit(function, nogil=True, error_model="numpy")
