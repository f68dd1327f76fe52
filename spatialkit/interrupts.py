"""End of a command by Ctrl-C, SIGTERM (timeout, docker stop, Slurm) or SIGHUP (closed terminal).

This module is imported before all others and imports the standard library only, so that signals
which arrive during the imports of a command are handled as well.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from os import _exit  # plug-ins run with another os._exit
from typing import Any

__all__ = [
    "GRACE",
    "SIGNALS",
    "end_with_parent",
    "exit_status",
    "ignore_signals",
    "received",
    "report",
    "signals_blocked",
]

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# Time in s for which a second signal is ignored: one to a process and its group arrives twice, and
# would interrupt the removal of unfinished files. A later one ends the process at once.
GRACE = 2.0


class _Interrupts:
    """Handler of `SIGNALS`, and what it received."""

    def __init__(self) -> None:
        self.received = 0
        self.running = False
        self.is_reported = False
        self._since = 0.0
        self._swallowed = False

    def start(self) -> None:
        """Let the next signal raise KeyboardInterrupt."""
        sys.unraisablehook = self.raise_again
        self.running = True

    def install(self) -> None:
        """Handle signals that are not ignored (nohup), nor handled by somebody else."""
        for number in SIGNALS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self.handle)

    def handle(self, number: int, frame: object) -> None:
        """Interrupt a running command; end the process if there is nothing to remove."""
        if self.running and (self._swallowed or not self.received):
            self._swallowed = False
            if not self.received:
                self.received, self._since = number, time.monotonic()
            raise KeyboardInterrupt
        if not self.received or time.monotonic() - self._since > GRACE:
            with suppress(OSError):  # a closed terminal
                os.write(2, b"interrupted\n")
            _exit(128 + number)

    def raise_again(self, unraisable: Any) -> None:
        """Interrupt again if that failed in a callback of a C library, which only prints errors."""
        if not (self.received and issubclass(unraisable.exc_type, KeyboardInterrupt)):
            sys.__unraisablehook__(unraisable)
            return
        self._swallowed = True
        threading.Timer(0.01, _interrupt_main_thread, (self.received,)).start()


def _interrupt_main_thread(number: int) -> None:
    if hasattr(signal, "pthread_kill"):  # also ends a call of the system
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


def _is_imported_for_command() -> bool:
    """Return whether ``python -m spatialkit`` or the script ``spatialkit`` imports this module."""
    if sys.argv[:1] == ["-m"]:  # until the module, which comes before its arguments, is found
        return sys.orig_argv[-len(sys.argv)] == "spatialkit"
    return os.path.basename("".join(sys.argv[:1])) in ("spatialkit", "spatialkit.exe")


_interrupts = _Interrupts()
if _is_imported_for_command():
    _interrupts.install()


def received() -> int:
    """Return the number of the first signal that interrupted the command, 0 for none."""
    return _interrupts.received


def report() -> int:
    """Print that the command was interrupted, and return its exit status."""
    _interrupts.is_reported = True
    with suppress(OSError):  # a closed terminal
        print("interrupted", file=sys.stderr)
    return _status()


def _status() -> int:
    return 128 + (received() or signal.SIGINT)


def exit_status(command: Callable[[], int]) -> int:
    """Run the command of this process and return its exit status.

    The first signal raises KeyboardInterrupt in the command.

    Parameters
    ----------
    command : callable
        Returns an exit status, and calls `report` after KeyboardInterrupt.
    """
    _interrupts.install()
    _interrupts.start()
    try:
        status = command()
    except KeyboardInterrupt:  # before or after the statement of the command that catches it
        status = _status() if _interrupts.is_reported else report()
    _interrupts.running = False
    if received():
        _prepare_end(status)
    return status


def _prepare_end(status: int) -> None:
    """Ensure that Python ends soon and with a status, whatever is left to it."""
    ignore_signals()  # Python resets other handlers, and the process would end by the signal
    # After a KeyboardInterrupt in an `exec` of text, such as that of dataclasses, `python -m` ends
    # by SIGINT even if it was caught; the next `exec` forgets it.
    exec("")
    last = threading.Timer(GRACE, _exit, (status,))  # of threads that do not end
    last.daemon = True
    last.start()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # a closed terminal, for which Python would end with status 120
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Block `SIGNALS` in processes that this thread starts, until they call `ignore_signals`."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_signals(interruption: int | None = None) -> None:
    """Ignore `SIGNALS` in a worker process, which the process that started it ends.

    Parameters
    ----------
    interruption : int, optional
        Number of another signal, by which it does so. The signal raises KeyboardInterrupt.
    """
    if interruption is not None:
        signal.signal(interruption, _interrupts.handle)
        _interrupts.start()
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def end_with_parent(enabled: bool = True) -> None:
    """Let Linux kill this worker process when the thread that started it ends.

    A thread of the worker cannot do so while compiled code holds the lock of the interpreter.
    """
    if sys.platform != "linux":
        return
    import ctypes
    import multiprocessing

    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL if enabled else 0)
    parent = multiprocessing.parent_process()
    if enabled and parent is not None and os.getppid() != parent.pid:  # it ended before
        _exit(1)
