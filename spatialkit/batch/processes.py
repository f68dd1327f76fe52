"""Worker processes that may be lost: an executor of as many as are wanted, on this machine."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

# A job that its worker did not survive is done once more: the machine may have been short of
# memory. A job that kills twice would kill for ever.
ATTEMPTS = 2
# What numerical libraries read when they are loaded; Numba, OpenMP, OpenBLAS, MKL, Accelerate.
THREAD_VARIABLES = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_starting = threading.Lock()


class WorkerProcesses(ThreadPoolExecutor):
    """Executor of processes, each led by a thread of ours that gives it one job at a time.

    Where `concurrent.futures.ProcessPoolExecutor` breaks as a whole when a process is killed (by
    the system, short of memory, or by a crash in a library), here the thread starts a new process
    and does that one job once more. Processes are spawned: a fork copies locks that other threads
    hold. Together they use as many threads for numerical work as there are cores.

    Parameters
    ----------
    count : int
        The most processes; each is started when there is work for it.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._threads_each = max(1, available_cores() // count)
        self._own = threading.local()
        self._workers: set[_Worker] = set()
        self._killed = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Schedule ``function(*args, **kwargs)``: all of it, and the result, are pickled."""
        return super().submit(self._do, function, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes once their jobs are done."""
        super().shutdown(wait=wait, cancel_futures=cancel_futures)
        for worker in list(self._workers) if wait else ():
            worker.close()

    def kill(self) -> None:
        """End the processes at once; their jobs fail."""
        self._killed = True
        super().shutdown(wait=False, cancel_futures=True)
        for worker in list(self._workers):
            worker.kill()

    def _do(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """In a thread: have the job done by the process of this thread."""
        fate = ""
        for _ in range(ATTEMPTS):
            if self._killed:
                break
            worker: _Worker | None = getattr(self._own, "worker", None)
            if worker is None:
                worker = self._own.worker = _Worker(self._threads_each)
                self._workers.add(worker)
                if self._killed:  # meanwhile
                    worker.kill()
            try:
                return worker.do((function, args, kwargs))
            except (EOFError, OSError):
                fate = worker.fate()
                self._own.worker = None
                self._workers.discard(worker)
        raise BrokenExecutor(
            f"the process that did it ended with {fate}, twice: killed, perhaps for memory, or a "
            "crash in a library"
            if fate and not self._killed
            else "it was broken off"
        )


class _Worker:
    """One process and the way to it."""

    def __init__(self, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        # The tracker of the child's resources would lift our block when it starts.
        resource_tracker.ensure_running()
        variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
        with _starting, _environment(variables), _interrupts_blocked():
            self._process.start()
        theirs.close()

    def do(self, work: tuple[Any, ...]) -> Any:
        self._connection.send_bytes(pickle.dumps(work))
        succeeded, value = pickle.loads(self._connection.recv_bytes())
        if not succeeded:
            raise RuntimeError(value)
        return value

    def fate(self) -> str:
        """How the process ended: "signal 9", "exit status 1"."""
        self.close()
        code = self._process.exitcode or 0
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    def close(self) -> None:
        self._connection.close()
        self._process.join()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(connection: Connection) -> None:
    """In the process: do what comes, until the other end is closed or gone."""
    # Ctrl-C is for the process that leads: it ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    with suppress(EOFError, OSError):
        while True:
            work = connection.recv_bytes()
            try:
                function, args, kwargs = pickle.loads(work)
                reply = pickle.dumps((True, function(*args, **kwargs)))
            except Exception as error:
                reply = pickle.dumps((False, f"{type(error).__name__}: {error}"))
            connection.send_bytes(reply)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Variables that a process started here inherits; what the user has set stands."""
    added = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process started here does not see Ctrl-C until it has said what to do with it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # less than all in a Slurm job
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
