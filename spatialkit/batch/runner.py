"""Many jobs: in this process, on this machine's cores, or on a cluster; a record of each.

The function is called once for each job, wherever the executor has room. A job that fails is a
record like any other: it never stops the rest.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any

from spatialkit.errors import OptionError, error_message

__all__ = ["Record", "run_batch"]

# The most jobs that an executor holds at a time, waiting ones included: more than the workers of
# most clusters, few enough that the list of jobs may have any length.
MOST_SUBMITTED = 1000


@dataclass(frozen=True)
class Record:
    """What became of one job.

    Parameters
    ----------
    job : object
        As it was given.
    status : {"done", "failed"}
    seconds : float
        That the function took; NaN if it is not known, because the worker was lost.
    result : object
        What the function returned; None if it failed.
    error : str
        Why it failed, "" if it did not.
    traceback : str
        Of the error, where it was raised.
    """

    job: Any
    status: str
    seconds: float
    result: Any = None
    error: str = ""
    traceback: str = ""


def run_batch(
    function: Callable[[Any], Any], jobs: Iterable[Any], *, executor: Executor | None = None
) -> Iterator[Record]:
    """Call a function for each of many jobs, and record what becomes of each.

    Parameters
    ----------
    function : callable
        Called with one job. For processes and clusters it must be picklable: a function of a
        module, not a lambda.
    jobs : iterable
        May be a generator of any length: no more than 1000 jobs are taken ahead.
    executor : concurrent.futures.Executor, optional
        Where the work is done: threads, processes, or a cluster, such as
        ``dask.distributed.Client(...).get_executor()``. It stays open. By default the jobs are
        done here, one after another.

    Yields
    ------
    Record
        One for each job, as they are done: in the order of the jobs only without an executor.
        A job fails if the function raises, if the job or its result cannot be pickled, or if its
        worker is lost. A `ProcessPoolExecutor` that loses a process takes no more jobs: those
        under way and those still to come are all recorded as failed, with "BrokenProcessPool",
        and can be given to a new one. Dask does the jobs of a lost worker elsewhere by itself.

    Raises
    ------
    OptionError
        If the function cannot be called, or the executor is none.

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
    """Keep the executor busy without flooding it."""
    under_way: dict[Future[dict[str, Any]], Any] = {}
    more = True
    try:
        while more or under_way:
            more = False
            for job in islice(jobs, MOST_SUBMITTED - len(under_way)):
                more = True
                try:
                    under_way[executor.submit(_attempt, function, job)] = job
                except Exception as error:  # it is broken, or closed
                    yield Record(job, **_failure(error, math.nan))
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                yield Record(under_way.pop(future), **_outcome(future))
    finally:
        for future in under_way:
            future.cancel()


def _attempt(function: Callable[[Any], Any], job: Any) -> dict[str, Any]:
    """Fields of a record; nothing is raised, as not every exception can be pickled."""
    start = time.perf_counter()
    try:
        result = function(job)
    except (Exception, SystemExit) as error:  # a job must not end the program
        return _failure(error, time.perf_counter() - start)
    return {"status": "done", "seconds": time.perf_counter() - start, "result": result}


def _outcome(future: Future[dict[str, Any]]) -> dict[str, Any]:
    """Fields of a record, whatever the executor did with the job."""
    try:
        error = future.exception()
    except CancelledError:
        error = CancelledError("its executor has given it up")
    return future.result() if error is None else _failure(error, math.nan)


def _failure(error: BaseException, seconds: float) -> dict[str, Any]:
    return {
        "status": "failed",
        "seconds": seconds,
        "error": error_message(error),
        "traceback": "".join(traceback.format_exception(error)),
    }
