"""The one decorator of compiled loops: cached on disk where a cache folder can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile ``function`` on its first call; loops only inside, no checks, no errors.

    The compiled code is kept beside the module or in numba's user cache. Numba refuses to import
    a cached function if it finds no writable folder (a read-only container without a home): then
    the function is compiled anew in each process.
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)
