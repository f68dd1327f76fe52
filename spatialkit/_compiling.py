"""Time spent compiling with numba, with a callback when it exceeds a second.

The command line uses it to print a notice. Importing this module does not import numba; cached
code costs no time, since numba reports only real compilations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

__all__ = ["CLOCK", "CompileClock"]


class CompileClock:
    """Clock that runs while numba compiles.

    Attributes
    ----------
    seconds : float
        Time spent in finished compilations.
    limit : float
        Seconds after which the callback of `notified` is called.
    """

    def __init__(self, limit: float = 1.0) -> None:
        self.seconds = 0.0
        self.limit = limit
        self._depth = 0
        self._started = 0.0
        self._callback: Callable[[], None] | None = None
        self._timer: Timer | None = None

    def start(self) -> None:
        """Note the start of a compilation, which can be part of another one."""
        self._depth += 1
        if self._depth > 1:
            return
        self._started = time.perf_counter()
        if self._callback:
            self._timer = Timer(max(self.limit - self.seconds, 0.0), self._notify)
            self._timer.daemon = True
            self._timer.start()

    def stop(self) -> None:
        """Note the end of a compilation."""
        self._depth -= 1
        if self._depth > 0:
            return
        self.seconds += time.perf_counter() - self._started
        if self._timer:
            self._timer.cancel()
            self._timer = None

    @contextmanager
    def notified(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call a function, once, when compilations of the context exceed the limit."""
        before, self._callback, self.seconds = self._callback, callback, 0.0
        try:
            yield
        finally:
            self._callback = before

    def _notify(self) -> None:
        callback, self._callback = self._callback, None
        if callback:
            callback()


CLOCK = CompileClock()
