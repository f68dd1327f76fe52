"""Jobs of the local page: uploaded files, and commands on them in processes of their own."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from spatialkit.errors import OptionError
from spatialkit.storage import portable_name

__all__ = ["Job", "Jobs", "Limits", "State", "Upload", "file_name"]

State = Literal["queued", "running", "done", "failed", "cancelled"]

MAX_NAME = 120  # bytes of the name of a file, to which outputs add theirs
MAX_SUFFIX = 9  # bytes of its suffix
MAX_VALUE = 1000  # characters of an option
COPY_BYTES = 1 << 20
# Bytes of the disk that uploads leave free.
RESERVE = 1 << 28
# Seconds in which a cancelled process removes its files before it is killed.
GRACE = 5.0


@dataclass(frozen=True)
class Limits:
    """Limits of a page.

    Parameters
    ----------
    max_bytes : int
        Largest size of an upload.
    seconds : float
        Longest duration of a job.
    max_jobs : int
        Number of jobs that are kept, and of uploads.
    workers : int
        Number of jobs that run at the same time.
    """

    max_bytes: int = 1 << 30
    seconds: float = 3600.0
    max_jobs: int = 200
    workers: int = 1


@dataclass(frozen=True)
class Upload:
    """Uploaded file: what `spatialkit info` reports about it is in ``facts``."""

    id: str
    path: Path
    facts: Mapping[str, Any]


@dataclass
class Job:
    """Commands that run one after the other, and what became of them."""

    id: str
    folder: Path
    commands: Sequence[Sequence[str]]
    title: str
    state: State = "queued"
    done: int = 0
    """Number of commands that have ended."""
    facts: list[Any] = field(default_factory=list)
    """JSON that each command printed."""
    messages: list[str] = field(default_factory=list)
    """Lines that they printed on stderr: warnings, and the error of a failed job."""
    process: subprocess.Popen[str] | None = None

    @property
    def progress_file(self) -> Path:
        return self.folder / ".progress"

    def progress(self) -> float:
        """Return the progress of all commands, 0 to 1."""
        if self.state == "done":
            return 1.0
        try:
            ratio = float(self.progress_file.read_text()[:6] or 0.0)
        except (OSError, ValueError):
            ratio = 0.0
        return (self.done + min(ratio, 0.999)) / len(self.commands)

    def files(self) -> list[Path]:
        """Return the files that the job wrote."""
        if self.state != "done":
            return []
        return sorted(path for path in self.folder.iterdir() if not path.name.startswith("."))

    def describe(self) -> dict[str, Any]:
        """Return what the page shows."""
        return {
            "id": self.id,
            "title": self.title,
            "state": self.state,
            "progress": round(self.progress(), 4),
            "messages": self.messages,
            "facts": self.facts,
            "files": [{"name": each.name, "size": each.stat().st_size} for each in self.files()],
        }


class Jobs:
    """Uploads and jobs in a folder, which is removed by `close`.

    Parameters
    ----------
    folder : Path
        Empty folder.
    limits : Limits
    """

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.folder, self.limits = folder, limits or Limits()
        self.uploads: dict[str, Upload] = {}
        self.jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(self.limits.workers)
        self._closed = False

    def upload(self, name: str, source: BinaryIO, size: int) -> Upload:
        """Store ``size`` bytes of a file, and let `spatialkit info` examine it.

        Raises
        ------
        OptionError
            If it is too large, cut off, or no audio file; in that case nothing is kept.
        """
        if size > self.limits.max_bytes:
            raise OptionError(
                f"the file has {size} bytes; at most {self.limits.max_bytes} are accepted"
            )
        if size + RESERVE > shutil.disk_usage(self.folder).free:
            raise OptionError("the disk is full: remove files and try again")
        self._require_room(self.uploads, "uploads")
        identity = secrets.token_urlsafe(12)
        folder = self.folder / "uploads" / identity
        folder.mkdir(parents=True)
        path = folder / file_name(name)
        try:
            _store(path, source, size)
            facts = self._examine(path)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        found = Upload(identity, path, facts)
        with self._lock:
            self.uploads[identity] = found
        return found

    def start(self, title: str, make: Any) -> Job:
        """Queue a job.

        Parameters
        ----------
        title : str
        make : callable
            Returns the commands from the folder for their outputs.
        """
        self._require_room(self.jobs, "jobs")
        identity = secrets.token_urlsafe(12)
        folder = self.folder / "jobs" / identity
        folder.mkdir(parents=True)
        try:
            job = Job(identity, folder, make(folder), title)
        except BaseException:
            folder.rmdir()
            raise
        with self._lock:
            if self._closed:
                raise OptionError("the page is closing")
            self.jobs[identity] = job
        self._pool.submit(self._run, job)
        return job

    def cancel(self, job: Job) -> None:
        """End a job; one that has ended keeps its files."""
        with self._lock:
            if job.state not in ("queued", "running"):
                return
            job.state = "cancelled"
            process = job.process
        if process:
            process.terminate()  # the command removes its files

    def remove(self, job: Job) -> None:
        """End a job and remove its files."""
        self.cancel(job)
        with self._lock:
            self.jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def remove_upload(self, upload: Upload) -> None:
        """Remove an uploaded file; jobs that read it fail."""
        with self._lock:
            self.uploads.pop(upload.id, None)
        shutil.rmtree(upload.path.parent, ignore_errors=True)

    def close(self) -> None:
        """End all jobs and remove all files."""
        with self._lock:
            self._closed = True
            jobs = list(self.jobs.values())
        for job in jobs:
            self.cancel(job)
        self._pool.shutdown(cancel_futures=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _require_room(self, kept: Mapping[str, Any], what: str) -> None:
        if len(kept) >= self.limits.max_jobs:
            raise OptionError(f"there are {len(kept)} {what}, the maximum: remove some")

    def _examine(self, path: Path) -> Mapping[str, Any]:
        """Return the facts about a file, from a process that may crash."""
        job = Job("", path.parent, [["info", str(path), "--json"]], path.name)
        self._run(job)
        if job.state != "done":
            raise OptionError(job.messages[-1] if job.messages else f"{path.name} cannot be read")
        job.progress_file.unlink(missing_ok=True)
        facts: Mapping[str, Any] = job.facts[0]
        return facts

    def _run(self, job: Job) -> None:
        """Run the commands of a job until one fails."""
        with self._lock:
            if job.state == "queued":
                job.state = "running"
        try:
            for command in job.commands:
                if job.state != "running" or not self._succeeds(job, command):
                    break
                job.done += 1
        except Exception as error:  # such as a full disk
            job.messages.append(f"{type(error).__name__}: {error}")
        with self._lock:
            if job.state == "running":
                job.state = "done" if job.done == len(job.commands) else "failed"
        if job.id not in self.jobs and job.id:  # removed meanwhile
            shutil.rmtree(job.folder, ignore_errors=True)

    def _succeeds(self, job: Job, command: Sequence[str]) -> bool:
        job.progress_file.write_bytes(b"")
        with self._process(job, command) as process:
            try:
                printed, errors = process.communicate(timeout=self.limits.seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                job.messages.append(f"stopped after {self.limits.seconds:g} s, the maximum")
                return False
        lines = self._without_folders(errors).splitlines()
        job.messages += [line.strip().removeprefix("Error: ") for line in lines if line.strip()]
        if process.returncode:
            if process.returncode < 0 and job.state == "running":
                job.messages.append(f"the process was ended by signal {-process.returncode}")
            return False
        with suppress(ValueError):
            job.facts.append(json.loads(self._without_folders(printed)))
        return True

    def _without_folders(self, text: str) -> str:
        """Return text with the names of files instead of their places on this machine."""
        folder = rf"{re.escape(str(self.folder))}[/\\]+(?:uploads|jobs)[/\\]+[\w-]+[/\\]+"
        return re.sub(folder, "", text)

    @contextmanager
    def _process(self, job: Job, command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
        """Start a command, unless the job was cancelled meanwhile."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "spatialkit.page.worker", str(job.progress_file)),
                *command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            cwd=job.folder,
        )
        with self._lock:
            job.process = process
            cancelled = job.state == "cancelled"
        if cancelled:
            process.terminate()
        try:
            yield process
        finally:
            with self._lock:
                job.process = None


def file_name(name: str) -> str:
    r"""Return a name for a file on this machine from that of a browser.

    Examples
    --------
    >>> file_name("../Dvořák: 9. Symphonie.flac"), file_name("\x00/"), file_name("-o.wav")
    ('Dvořák_ 9. Symphonie.flac', 'song', '_o.wav')
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2].strip(" .")
    stem, _, suffix = last.rpartition(".")
    end = f".{portable_name(suffix, MAX_SUFFIX)}" if stem else ""
    kept = portable_name(stem or last, MAX_NAME - (1 + MAX_SUFFIX if end else 0))
    kept = f"_{kept[1:]}" if kept.startswith("-") else kept
    return kept + end if kept.strip("_") or end else "song"


def _store(path: Path, source: BinaryIO, size: int) -> None:
    left = size
    with path.open("xb") as file:
        while left:
            block = source.read(min(left, COPY_BYTES))
            if not block:
                raise OptionError("the upload ended early: send the file again")
            file.write(block)
            left -= len(block)
