"""Executor of worker processes on this machine that restarts lost workers."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from os import _exit  # plug-ins run with another os._exit
from typing import Any

from spatialkit.interrupts import GRACE, end_with_parent, ignore_signals, signals_blocked
from spatialkit.validation import as_number

# A job whose worker process died is run once more, as the machine may have been short of memory. A
# job whose worker dies twice fails.
MAX_ATTEMPTS = 2
# Environment variables for the number of threads of Numba, OpenMP, OpenBLAS, MKL and Accelerate,
# which these read when they are loaded.
THREAD_VARIABLES = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# Signal of the main process that interrupts a job; those to all processes are ignored.
_INTERRUPTION = getattr(signal, "SIGUSR1", None)
_starting = threading.Lock()


class WorkerProcesses(ThreadPoolExecutor):
    """Executor of worker processes that restarts a lost process and reruns its job.

    `concurrent.futures.ProcessPoolExecutor` stops as a whole when a process is killed (by the
    system when memory is short, or by a crash in a library). Here each process is controlled by a
    thread, which then starts a new process and runs that job once more. Processes are spawned,
    because a fork would copy locks that other threads hold. All processes together use as many
    threads for numerical computation as there are cores.

    Parameters
    ----------
    count : int
        Maximum number of processes; each is started when the first job needs it.
    timeout : float, optional
        Maximum duration of a job in s, 0.001 to 1,000,000. A job that takes longer fails, and its
        process is killed and replaced.

    Examples
    --------
    >>> from spatialkit.batch import run_batch
    >>> with WorkerProcesses(1) as pool:
    ...     [record.result for record in run_batch(abs, [-1], executor=pool)]
    [1]
    """

    def __init__(self, count: int, *, timeout: float | None = None) -> None:
        super().__init__(count)
        if timeout is not None:
            timeout = as_number(timeout, "timeout", minimum=1e-3, maximum=1e6, unit="s")
        self._timeout = timeout
        self._threads_each = max(1, available_cores() // count)
        self._own = threading.local()
        self._workers: set[_Worker] = set()
        self._killed = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Schedule ``function(*args, **kwargs)``; the call and its result are pickled."""
        return super().submit(self._do, function, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop the processes after their jobs are done."""
        super().shutdown(wait=wait, cancel_futures=cancel_futures)
        for worker in list(self._workers) if wait else ():
            worker.close()

    def kill(self) -> None:
        """Stop the processes immediately; their jobs fail.

        Jobs are interrupted by KeyboardInterrupt, so that they remove unfinished files. Processes
        that have not ended after two seconds are killed.
        """
        self._killed = True
        super().shutdown(wait=False, cancel_futures=True)
        _stop(list(self._workers))

    def _do(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run a job in the process of the current thread."""
        ended_with = ""
        for _ in range(MAX_ATTEMPTS):
            if self._killed:
                break
            worker: _Worker | None = getattr(self._own, "worker", None)
            if worker is None:
                worker = self._own.worker = _Worker(self._threads_each)
                self._workers.add(worker)
                if self._killed:  # since the check above
                    _stop([worker])
            try:
                return worker.do((function, args, kwargs), self._timeout)
            except TimeoutError:
                _stop([worker])
                self._discard(worker)
                raise
            except (EOFError, OSError):
                ended_with = worker.exit_reason()
                self._discard(worker)
        raise BrokenExecutor(
            f"the worker process ended with {ended_with} in {MAX_ATTEMPTS} attempts; it was "
            "killed, possibly for lack of memory, or crashed in a library"
            if ended_with and not self._killed
            else "the job was cancelled"
        )

    def _discard(self, worker: _Worker) -> None:
        self._own.worker = None
        self._workers.discard(worker)


class _Worker:
    """Worker process and the connection to it."""

    def __init__(self, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        # Its start ignores Ctrl-C and SIGTERM itself, and unblocks them.
        with signals_blocked():
            resource_tracker.ensure_running()
        variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
        with _starting, _environment(variables), signals_blocked():
            self._process.start()
        theirs.close()

    def do(self, work: tuple[Any, ...], timeout: float | None) -> Any:
        """Run one job and return its result; an error of the job is raised."""
        self._connection.send_bytes(pickle.dumps(work))
        self._connection.recv_bytes()  # the process has started, and with it the job
        if not self._connection.poll(timeout):
            raise TimeoutError(
                f"the job took longer than {timeout:g} s, and its worker process was killed"
            )
        succeeded, value = pickle.loads(self._connection.recv_bytes())
        if not succeeded:
            raise RuntimeError(value)
        return value

    def exit_reason(self) -> str:
        """Return how the process ended, such as "signal 9" or "exit status 1"."""
        self.close()
        code = self._process.exitcode or 0
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    def close(self) -> None:
        """Stop the process after its current job."""
        self._connection.close()
        self._process.join()

    def interrupt(self) -> None:
        """Interrupt the job, where the system can."""
        if _INTERRUPTION is not None and self._process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self._process.pid or 0, _INTERRUPTION)

    def kill(self, deadline: float) -> None:
        """Wait for the end of the process until a time of the monotonic clock, then kill it."""
        self._process.join(max(0.0, deadline - time.monotonic()) if _INTERRUPTION else 0.0)
        self._process.kill()
        self._process.join()


def _stop(workers: Sequence[_Worker]) -> None:
    """Interrupt the jobs of processes, and kill those processes that do not end."""
    for worker in workers:
        worker.interrupt()
    deadline = time.monotonic() + GRACE
    for worker in workers:
        worker.kill(deadline)


def _serve(connection: Connection) -> None:
    """Run jobs in the worker process until the connection is closed or lost."""
    with suppress(EOFError, OSError, KeyboardInterrupt):
        ignore_signals(_INTERRUPTION)
        threading.Thread(target=_watch_parent, daemon=True).start()
        while True:
            work = connection.recv_bytes()
            connection.send_bytes(b"")
            try:
                end_with_parent()
                function, args, kwargs = pickle.loads(work)
                reply = pickle.dumps((True, function(*args, **kwargs)))
            except Exception as error:
                reply = pickle.dumps((False, f"{type(error).__name__}: {error}"))
            end_with_parent(False)  # the thread that waits for jobs may end before this process
            connection.send_bytes(reply)


def _watch_parent() -> None:
    """End this process as soon as its parent ends, however that happens."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    _exit(1)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables for processes started here, except those that the user has set."""
    added = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # fewer than all in a Slurm job
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
