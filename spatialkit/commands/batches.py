"""What the commands for many files share: where the work is done, and its records."""

from __future__ import annotations

import hashlib
import json
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

from spatialkit.commands import toolkit
from spatialkit.errors import AudioFileError, OptionError
from spatialkit.validation import extra

# A cluster that has not answered by then will not; nor will one that has no worker.
CLUSTER_SECONDS = 20

jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    show_default=True,
    help="Files at a time, each in a process of its own.",
)


def resume_option(records: str) -> Callable[[Any], Any]:
    """``--resume``, with where it finds what is done."""
    return click.option(
        "--resume",
        is_flag=True,
        help=f"Skip what is done, by {records}; redo what failed or was cut off, and what "
        "other content, settings or versions were used for.",
    )


def file_key(paths: Iterable[str | Path], settings: str) -> str:
    """Hash of what a result depends on: the content of files, and settings."""
    whole = hashlib.sha256(settings.encode())
    for path in paths:
        try:
            with open(path, "rb") as file:
                whole.update(hashlib.file_digest(file, "blake2b").digest())
        except OSError as error:
            raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
    return whole.hexdigest()


@contextmanager
def noted_warnings() -> Iterator[list[str]]:
    """Texts of the warnings that are given meanwhile: workers have no terminal."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield texts
        finally:
            texts += [str(warning.message) for warning in caught]


@contextmanager
def workers(jobs: int, files: int, cluster: str | None = None) -> Iterator[Executor | None]:
    """Executor for so many jobs at a time, or of a cluster; None: here, one after another."""
    if cluster is not None:
        with _dask(cluster) as executor:
            yield executor
    elif min(jobs, files) > 1:
        from spatialkit.batch import WorkerProcesses

        pool = WorkerProcesses(min(jobs, files))
        try:
            yield pool
        except BaseException:
            pool.kill()
            raise
        pool.shutdown()
    else:
        yield None


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise OptionError(f"--cluster needs {extra('cluster')}") from error
    # What is lost with a scheduler is in the records; its log prints pages of tracebacks.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CLUSTER_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise OptionError(
            f"--cluster: no scheduler of Dask answers at {address}; it prints its address, such as "
            "tcp://192.168.0.10:8786, when it starts"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CLUSTER_SECONDS)
        except TimeoutError as error:
            raise OptionError(f"--cluster: {address} has no workers: start some") from error
        yield client.get_executor()


def records_of(
    function: Callable[[Any], dict[str, Any]],
    jobs: Sequence[Any],
    executor: Executor | None,
    *,
    names: Sequence[str],
    unit: str,
    quiet: bool,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Do all jobs; number of each and what became of it, as they are done.

    The fields are status ("done", "failed", "skipped"), time (UTC), seconds, what ``function``
    returned, and error. Errors and warnings are printed as they come, under a progress bar. The
    ``names`` of the jobs stand in errors of lost workers, which cannot know what they did.
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
                        click.echo(toolkit.printable(record.traceback), err=True, nl=False)
                    toolkit.print_error(facts["error"], debug=False)
                for text in facts.get("warnings", ()):
                    toolkit.print_warning(text)
                yield record.job[0], facts


class _Numbered:
    """A function of a job, called with its number, too."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, numbered: tuple[int, Any]) -> Any:
        return self.function(numbered[1])


def count(records: Iterable[dict[str, Any]]) -> str:
    """Return "3 done, 1 failed"."""
    found = [record["status"] for record in records]
    parts = [
        f"{found.count(status)} {status}"
        for status in ("done", "skipped", "failed")
        if status == "done" or status in found
    ]
    return ", ".join(parts)


class RecordLog:
    """File of JSON lines, each written at once: what is cut off is the last line at most."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("a+b", buffering=0)
            self._file.seek(0)
            first = self._file.read(1)
            self._file.seek(max(0, self._file.seek(0, os.SEEK_END) - 1))
            last = self._file.read(1)
        except OSError as error:
            raise AudioFileError(f"{path} cannot be written: {error.strerror}") from error
        if first not in (b"", b"{"):  # a song, or the catalogue itself
            self._file.close()
            raise AudioFileError(f"{path} holds other things than records: choose another file")
        if last not in (b"", b"\n"):
            self._write(b"\n")

    def __enter__(self) -> RecordLog:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def add(self, record: dict[str, Any]) -> None:
        """Write a record."""
        self._write(toolkit.json_line(record).encode())

    def _write(self, line: bytes) -> None:
        try:
            written = self._file.write(line)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise AudioFileError(f"{self.path} cannot be written: {error.strerror}") from error
        if written < len(line):
            raise AudioFileError(f"{self.path} cannot be written: the disk is full")


def read_records(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Records of logs, in the order of their time; lines that were cut off are left out."""
    records = []
    for path in paths:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                records += [record for line in file if (record := _record(line))]
        except FileNotFoundError:
            continue
        except OSError as error:
            raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
    return sorted(records, key=lambda record: str(record.get("time")))


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
