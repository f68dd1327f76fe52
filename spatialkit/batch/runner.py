"""Run many jobs serially, in parallel or on a cluster, with one result record per job.

The function is called once per job. A job that fails results in a record and does not stop the
other jobs.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from spatialkit.errors import OptionError, error_message

__all__ = ["JobStatus", "Record", "run_batch"]

JobStatus = Literal["done", "failed"]

# Maximum number of jobs submitted to an executor at a time: more than the workers of most clusters,
# and independent of the number of all jobs.
MAX_SUBMITTED = 1000


@dataclass(frozen=True)
class Record:
    """Result record of one job.

    Parameters
    ----------
    job : object
        The job.
    status : {"done", "failed"}
        Whether the function returned or raised an error.
    seconds : float
        Duration of the call; NaN if it is unknown because the worker was lost.
    result : object
        Return value of the function; None if it failed.
    error : str
        Message of the error; "" if there was none.
    traceback : str
        Traceback of the error in the worker; "" if there was none.
    """

    job: Any
    status: JobStatus
    seconds: float
    result: Any = None
    error: str = ""
    traceback: str = ""


def run_batch(
    function: Callable[[Any], Any], jobs: Iterable[Any], *, executor: Executor | None = None
) -> Iterator[Record]:
    """Call a function for each of many jobs and yield one result record per job.

    Parameters
    ----------
    function : callable
        Function of one job. For processes and clusters it must be picklable: a function of a
        module, not a lambda.
    jobs : iterable
        Jobs; also a generator of any length, as at most 1000 jobs are submitted at a time.
    executor : concurrent.futures.Executor, optional
        Executor that runs the jobs: threads, processes, or a cluster, such as
        ``dask.distributed.Client(...).get_executor()``. It is not shut down. By default the jobs
        run serially in this process.

    Yields
    ------
    Record
        One record per job, in the order of completion; without an executor, in the order of jobs.
        A job fails if the function raises an error, if the job or its result cannot be pickled, or
        if its worker is lost. A `ProcessPoolExecutor` that has lost a process accepts no more jobs:
        all running and remaining jobs fail with "BrokenProcessPool" and can be submitted to a new
        executor. Dask reruns the jobs of a lost worker by itself; so does `WorkerProcesses`.

    Raises
    ------
    OptionError
        If the function is not callable, or the executor is not an executor.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor() as pool:
    ...     records = list(run_batch(float, ["1.5", "two"], executor=pool))
    >>> for record in sorted(records, key=lambda record: record.job):
    ...     print(record.job, record.status, record.result, record.error)
    1.5 done 1.5
    two failed None ValueError: could not convert string to float: 'two'
    """
    if not callable(function):
        raise OptionError(f"function must be callable, got {function!r}")
    if executor is None:
        return (Record(job, **_attempt(function, job)) for job in jobs)
    if not callable(getattr(executor, "submit", None)):
        raise OptionError(
            f"executor must be a concurrent.futures.Executor (a Dask client has one: "
            f"get_executor()), got {executor!r}"
        )
    return _run(function, iter(jobs), executor)


def _run(
    function: Callable[[Any], Any], jobs: Iterator[Any], executor: Executor
) -> Iterator[Record]:
    """Submit jobs up to the maximum and yield their records."""
    pending: dict[Future[dict[str, Any]], Any] = {}
    more = True
    try:
        while more or pending:
            more = False
            for job in islice(jobs, MAX_SUBMITTED - len(pending)):
                more = True
                try:
                    pending[executor.submit(_attempt, function, job)] = job
                except Exception as error:  # a broken or closed executor
                    yield Record(job, **_failure(error, math.nan))
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                yield Record(pending.pop(future), **_outcome(future))
    finally:
        for future in pending:
            future.cancel()


def _attempt(function: Callable[[Any], Any], job: Any) -> dict[str, Any]:
    """Return the fields of a record; errors are caught, as not all of them can be pickled."""
    start = time.perf_counter()
    try:
        result = function(job)
    except (Exception, SystemExit) as error:  # a job must not end this process
        return _failure(error, time.perf_counter() - start)
    return {"status": "done", "seconds": time.perf_counter() - start, "result": result}


def _outcome(future: Future[dict[str, Any]]) -> dict[str, Any]:
    """Return the fields of the record of a completed, failed or cancelled future."""
    try:
        error = future.exception()
    except CancelledError:
        error = CancelledError("the executor cancelled the job")
    return future.result() if error is None else _failure(error, math.nan)


def _failure(error: BaseException, seconds: float) -> dict[str, Any]:
    """Return the fields of the record of a failed job."""
    return {
        "status": "failed",
        "seconds": seconds,
        "error": error_message(error),
        "traceback": "".join(traceback.format_exception(error)),
    }
