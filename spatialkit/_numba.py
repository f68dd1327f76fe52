"""The one decorator of compiled loops: cached on disk where a cache folder can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["kernel"]


def kernel(function: Callable[..., object]) -> Any:
    """Compile ``function`` on its first call; loops only inside, no checks, no errors.

    The compiled code is kept beside the module or in numba's user cache. Where that fails, the
    function is compiled anew in each process: numba refuses to import a cached function if it
    finds no writable folder (a read-only container without a home), and fails in the call if the
    folder's disk or quota is full, or a file in it is damaged.
    """
    try:
        compiled = numba.njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:
        return numba.njit(function, nogil=True, error_model="numpy")
    if hasattr(compiled, "_cache"):  # not with NUMBA_DISABLE_JIT
        compiled._cache = _ForgivingCache(compiled._cache)
    return compiled


class _ForgivingCache:
    """A cache of numba's that misses where the other would fail."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, *arguments: Any) -> Any:
        try:
            return self._cache.load_overload(*arguments)
        except Exception:  # unpickling damaged files raises anything
            return None

    def save_overload(self, *arguments: Any) -> None:
        try:
            self._cache.save_overload(*arguments)
        except Exception:
            return
