"""Processing of many files: worker processes or a cluster, result records, and logs of them."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from spatialkit._version import __version__
from spatialkit.commands import toolkit
from spatialkit.errors import AudioFileError, OptionError, SpatialkitError, error_message
from spatialkit.storage import RecordLog
from spatialkit.validation import extra, read_json_lines

__all__ = [
    "RecordLog",
    "file_key",
    "own_version",
    "require_regular",
    "jobs_option",
    "collect_warnings",
    "finished",
    "read_records",
    "run_jobs",
    "summarize",
    "resume_option",
    "workers",
]

# Time limit for the first answer of a cluster's scheduler, and for its first worker.
CLUSTER_SECONDS = 20

jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    show_default=True,
    help="Number of worker processes.",
)


def resume_option(records: str) -> Callable[[Any], Any]:
    """Return the option ``--resume``.

    Parameters
    ----------
    records : str
        Where the records of finished jobs are, for the help.
    """
    return click.option("--resume", is_flag=True, help=f"Skip what {records} list as done.")


def file_key(paths: Iterable[str | Path], settings: str) -> str:
    """Return a hash of the content of files and of settings.

    A result whose record has the same key is up to date.
    """
    whole = hashlib.sha256(settings.encode())
    for path in paths:
        require_regular(path)
        try:
            with open(path, "rb") as file:
                whole.update(hashlib.file_digest(file, "blake2b").digest())
        except OSError as error:
            raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
    return whole.hexdigest()


def require_regular(path: str | Path) -> None:
    """Raise an error for a device, a pipe or a folder, which batches would wait for or not end.

    A path without file is accepted: reading it is another error.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise AudioFileError(f"{path} is not a regular file: batches take regular files only")


@contextmanager
def collect_warnings() -> Iterator[list[str]]:
    """Collect the texts of warnings, since worker processes do not print.

    Yields
    ------
    list of str
        Filled when the context ends.
    """
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield texts
        finally:
            texts += [toolkit.message_of(warning.message) for warning in caught]


@contextmanager
def workers(
    jobs: int,
    files: int,
    cluster: str | None = None,
    versions: Callable[[], dict[str, str]] | None = None,
    timeout: float | None = None,
) -> Iterator[Executor | None]:
    """Provide the executor of a batch.

    Parameters
    ----------
    jobs : int
        Number of worker processes.
    files : int
        Number of files; no more workers than files are started.
    cluster : str, optional
        Address of a Dask scheduler, used instead of worker processes.
    versions : callable, optional
        Function of a module that returns versions by name, which must be equal on the workers of
        the cluster. By default that of spatialkit.
    timeout : float, optional
        Maximum duration of a job in s, which requires a worker process. It does not apply to a
        cluster.

    Yields
    ------
    Executor or None
        None for serial work in this process.
    """
    if cluster is not None:
        with _dask(cluster, versions or own_version) as executor:
            yield executor
    elif files and (timeout or min(jobs, files) > 1):
        from spatialkit.batch import WorkerProcesses

        pool = WorkerProcesses(min(jobs, files), timeout=timeout)
        try:
            yield pool
        except BaseException:
            pool.kill()
            raise
        pool.shutdown()
    else:
        yield None


@contextmanager
def _dask(address: str, versions: Callable[[], dict[str, str]]) -> Iterator[Executor]:
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise OptionError(f"a cluster needs {extra('cluster')}") from error
    # Jobs lost with a scheduler are in the records; the client would log pages of tracebacks.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CLUSTER_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise OptionError(
            f"no Dask scheduler answers at {address}; the scheduler prints its address, "
            "such as tcp://192.168.0.10:8786, when it starts"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CLUSTER_SECONDS)
        except TimeoutError as error:
            raise OptionError(f"the cluster at {address} has no workers: start some") from error
        _require_equal_versions(client, address, versions)
        yield client.get_executor()


def own_version() -> dict[str, str]:
    """Return the version of spatialkit by its name."""
    return {"spatialkit": __version__}


def _require_equal_versions(
    client: Any, address: str, versions: Callable[[], dict[str, str]]
) -> None:
    """Refuse a cluster whose workers have other versions than this process."""
    own = versions()
    try:
        found: dict[str, dict[str, str]] = client.run(versions)
    except Exception as error:  # of any kind, raised on a worker
        raise OptionError(
            f"a worker of the cluster at {address} cannot run spatialkit: {error_message(error)}; "
            "install it on all workers"
        ) from error
    for worker, theirs in found.items():
        for name, version in own.items():
            if theirs.get(name) != version:
                raise OptionError(
                    f"worker {worker} has {name} {theirs.get(name) or 'missing'}, this process has "
                    f"{version}: install the same version everywhere"
                )


def run_jobs(
    function: Callable[[Any], dict[str, Any]],
    jobs: Sequence[Any],
    executor: Executor | None,
    *,
    names: Sequence[str],
    unit: str,
    quiet: bool,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Run jobs with a progress bar and yield the record of each.

    Errors and warnings are printed as soon as they are known, above the progress bar.

    Parameters
    ----------
    function : callable
        Called with a job; returns fields of its record. A list of texts in the field "warnings" is
        printed.
    jobs : sequence
    executor : Executor or None
        From `workers`.
    names : sequence of str
        Name of each job, for the error of a worker process that was lost.
    unit : str
        Unit of the progress bar, such as "file".
    quiet : bool
        Whether to hide the progress bar.

    Yields
    ------
    int
        Index of the job. Jobs come in the order in which they end.
    dict
        Fields status ("done", "failed" or "skipped"), time (UTC), seconds, spatialkit (version of
        the worker, unless it failed), the fields that ``function`` returned, and error.
    """
    from tqdm import tqdm

    from spatialkit.batch import run_batch

    debug = click.get_current_context().obj["debug"]
    with tqdm(total=len(jobs), unit=unit, leave=False, disable=quiet) as bar:
        for record in run_batch(_Numbered(function), list(enumerate(jobs)), executor=executor):
            facts = {
                "status": record.status,
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "seconds": record.seconds,
                **(record.result or {}),
            }
            bar.update()
            with tqdm.external_write_mode():
                if record.error:
                    lost = f"{names[record.job[0]]}: " if math.isnan(record.seconds) else ""
                    facts["error"] = lost + record.error
                    if debug:
                        toolkit.print_text(record.traceback.rstrip("\n"), err=True)
                    toolkit.print_error(facts["error"], debug=False)
                for text in facts.get("warnings", ()):
                    toolkit.print_warning(text)
                yield record.job[0], facts


class _Numbered:
    """Function of a job that is called with the index of the job too.

    The messages of its errors and warnings are those for the command that started the batch.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.options = toolkit.current_options()
        self.version = __version__

    def __call__(self, numbered: tuple[int, Any]) -> Any:
        if self.version != __version__:  # a worker that joined a cluster after the start
            raise OptionError(
                f"the worker has spatialkit {__version__}, the batch was started with "
                f"{self.version}: install the same version everywhere"
            )
        with toolkit.use_options(self.options), toolkit.hidden_progress():
            try:
                return {**own_version(), **self.function(numbered[1])}
            except SpatialkitError as error:
                error.args = (toolkit.message_of(error),)
                raise


def summarize(records: Iterable[dict[str, Any]]) -> str:
    """Return the number of records by status: "3 done, 1 failed"."""
    found = [record["status"] for record in records]
    counts = [
        f"{found.count(status)} {status}"
        for status in ("done", "skipped", "failed")
        if status == "done" or status in found
    ]
    return ", ".join(counts)


def read_records(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Read the records of logs, sorted by time.

    Missing logs, and lines that are no JSON object, such as truncated ones, are skipped.
    """
    records: list[dict[str, Any]] = []
    for path in paths:
        try:
            records += read_json_lines(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
    return sorted(records, key=_time)


def _time(record: dict[str, Any]) -> str:
    time = record.get("time")
    return time if isinstance(time, str) else ""


def finished(
    paths: Iterable[Path], names: Sequence[str], fields: Sequence[str]
) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Return the last records of finished jobs in logs.

    Parameters
    ----------
    paths : iterable of Path
        Logs.
    names : sequence of str
        Fields that identify a job. Records in which one of them is not text are skipped.
    fields : sequence of str
        Fields to return. Records without one of them are skipped.

    Returns
    -------
    dict
        Values of ``fields`` by values of ``names``.
    """
    found = {}
    for record in read_records(paths):
        job = tuple(name for name in map(record.get, names) if isinstance(name, str))
        complete = len(job) == len(names) and record.keys() >= set(fields)
        if complete and record.get("status") == "done":
            found[job] = tuple(record[field] for field in fields)
    return found
