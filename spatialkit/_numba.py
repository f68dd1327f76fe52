"""Compilation of loops with numba, cached on disk where a cache folder is writable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core import event

from spatialkit._compiling import CLOCK

__all__ = ["kernel"]


def kernel(function: Callable[..., object]) -> Any:
    """Compile a function on its first call for each combination of argument types.

    Kernels contain loops only, no checks and no errors. The compiled code is stored beside the
    module or in numba's user cache. Where that fails, each process compiles again: numba refuses to
    import a cached function if it finds no writable folder (a read-only container without a home),
    and fails in the call if the disk or quota of the folder is full, or a file in it is damaged.
    """
    try:
        compiled = numba.njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:
        return numba.njit(function, nogil=True, error_model="numpy")
    if hasattr(compiled, "_cache"):  # not with NUMBA_DISABLE_JIT
        compiled._cache = _TolerantCache(compiled._cache)
    return compiled


class _TolerantCache:
    """Cache of numba in which a failure is a miss."""

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


class _ClockListener(event.Listener):
    """Listener that runs the clock during compilations; loading from the cache is none."""

    def on_start(self, event: Any) -> None:
        CLOCK.start()

    def on_end(self, event: Any) -> None:
        CLOCK.stop()


event.register("numba:compile", _ClockListener())
