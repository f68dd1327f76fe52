"""Records of jobs that succeed, fail or lose their worker, with every executor."""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from spatialkit.batch import Record, WorkerProcesses, run_batch, runner
from spatialkit.batch.processes import THREAD_VARIABLES, available_cores
from spatialkit.errors import LayoutError, OptionError
from spatialkit.storage import replacing, replacing_folder


def square(number):
    """Job function: 1 succeeds, "kill" kills its process, a path does so once."""
    if number == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if isinstance(number, Path):
        try:
            number.touch(exist_ok=False)
        except FileExistsError:
            return "survived"
        os.kill(os.getpid(), signal.SIGKILL)
    if number == "exit":
        raise SystemExit("out")
    if number == "layout":
        raise LayoutError("no layout is called '8'")
    if number == "lambda":
        return lambda: None
    if number == "environment":
        return {name: os.environ.get(name) for name in THREAD_VARIABLES}
    return number * number


def spawned(count):
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"))


EXECUTORS = {
    "here": lambda: None,
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: spawned(2),
    "workers": lambda: WorkerProcesses(2),
}


@pytest.mark.parametrize("where", EXECUTORS)
def test_each_job_has_one_record_and_failed_jobs_do_not_stop_others(where):
    jobs = [3, "layout", 0, "exit", None, *range(100, 120)]
    executor = EXECUTORS[where]()
    try:
        records = list(run_batch(square, jobs, executor=executor))
    finally:
        if executor:
            executor.shutdown()
    assert len(records) == len(jobs)
    found = {record.job: record for record in records}
    assert found.keys() == set(jobs)
    for number in (3, 0, *range(100, 120)):
        assert (found[number].status, found[number].result) == ("done", number**2)
        assert (found[number].error, found[number].traceback) == ("", "")
        assert 0.0 <= found[number].seconds < 60.0
    errors = {job: found[job].error for job in ("layout", "exit", None)}
    assert errors["layout"] == "no layout is called '8'"
    assert errors["exit"] == "SystemExit: out"
    assert errors[None].startswith("TypeError: unsupported operand")
    for job in errors:
        assert (found[job].status, found[job].result) == ("failed", None)
        assert "in square" in found[job].traceback


def test_without_an_executor_jobs_run_serially_in_order():
    taken = []
    records = run_batch(square, (taken.append(n) or n for n in range(5)))
    assert taken == []
    assert next(records) == Record(0, "done", pytest.approx(0.0, abs=1.0), 0)
    assert taken == [0]
    assert [record.job for record in records] == [1, 2, 3, 4]


def test_records_are_yielded_in_order_of_completion():
    first, second = threading.Event(), threading.Event()
    events = {"first": first, "second": second}
    with ThreadPoolExecutor(2) as pool:
        records = run_batch(lambda name: events[name].wait(20), ["first", "second"], executor=pool)
        second.set()
        assert next(records).job == "second"
        first.set()
        assert next(records).job == "first"
        assert next(records, None) is None


class Counting(ThreadPoolExecutor):
    """Executor that counts the maximum number of pending jobs."""

    def __init__(self):
        super().__init__(2)
        self.held = self.most = 0
        self.lock = threading.Lock()

    def submit(self, *arguments):
        with self.lock:
            self.held += 1
            self.most = max(self.most, self.held)
        future = super().submit(*arguments)
        future.add_done_callback(self.let_go)
        return future

    def let_go(self, future):
        with self.lock:
            self.held -= 1


def test_a_limited_number_of_jobs_is_submitted_at_a_time(monkeypatch):
    monkeypatch.setattr(runner, "MAX_SUBMITTED", 10)
    taken = 0

    def jobs():
        nonlocal taken
        for number in range(2000):
            taken += 1
            yield number

    with Counting() as pool:
        for done, _ in enumerate(run_batch(square, jobs(), executor=pool), start=1):
            assert taken <= done + 19  # a window, and one that was taken while another came out
    assert done == taken == 2000
    assert pool.most <= 10


def test_closing_the_iterator_cancels_pending_jobs():
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        records = run_batch(lambda n: n == 0 or gate.wait(20), range(50), executor=pool)
        assert next(records).job == 0
        records.close()
        gate.set()
        start = time.monotonic()
    assert time.monotonic() - start < 20.0


def test_a_broken_pool_fails_all_remaining_jobs():
    """`ProcessPoolExecutor` accepts no more jobs after one of its processes is lost."""
    jobs = [1, 2, "kill", *range(10, 2000)]
    with spawned(1) as pool:
        records = {record.job: record for record in run_batch(square, jobs, executor=pool)}
    assert len(records) == len(jobs)
    assert records[1].result == 1
    for job in ("kill", *range(1000, 2000)):
        assert records[job].status == "failed"
        assert records[job].error.startswith("BrokenProcessPool: ")
        assert math.isnan(records[job].seconds)


def test_a_result_that_cannot_be_pickled_fails_its_job():
    for executor in (spawned(1), WorkerProcesses(1)):
        with executor as pool:
            bad, good = sorted(
                run_batch(square, ["lambda", 2], executor=pool), key=lambda record: record.status
            )[::-1]
        assert (bad.job, good.job, good.result) == ("lambda", 2, 4)
        assert "pickle" in bad.error


def test_cancelled_jobs_are_failed():
    class Idle(ThreadPoolExecutor):
        def submit(self, *arguments):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    (record,) = run_batch(square, [1], executor=Idle())
    assert record.status == "failed"
    assert record.error == "CancelledError: the executor cancelled the job"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"function": 3}, "function must be callable, got 3"),
        ({"executor": 4}, "executor must be a concurrent.futures.Executor"),
    ],
)
def test_invalid_arguments_are_rejected_immediately(arguments, words):
    with pytest.raises(OptionError, match=words):
        run_batch(**{"function": square, "jobs": [1], **arguments})


# Workers of the shell


def test_the_job_of_a_killed_worker_is_run_once_more(tmp_path):
    jobs = [1, tmp_path / "once", 2, "kill", 3, tmp_path / "again", *range(10, 30)]
    with WorkerProcesses(2) as pool:
        records = {record.job: record for record in run_batch(square, jobs, executor=pool)}
    assert records.pop("kill").error == (
        "BrokenExecutor: the worker process ended with signal 9 in 2 attempts; it was killed, "
        "possibly for lack of memory, or crashed in a library"
    )
    assert {record.status for record in records.values()} == {"done"}
    assert records[tmp_path / "once"].result == records[tmp_path / "again"].result == "survived"


def test_workers_divide_the_cores(monkeypatch):
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    with WorkerProcesses(available_cores() + 1) as pool:
        (record,) = run_batch(square, ["environment"], executor=pool)
    # One each if they are more than the cores; what the user has said stands.
    assert record.result == {**dict.fromkeys(THREAD_VARIABLES, "1"), "MKL_NUM_THREADS": "7"}
    assert "OMP_NUM_THREADS" not in os.environ


def write_for_long(folder):
    with replacing_folder(folder) as draft, replacing(draft / "a") as file:
        file.write(b"a")
        time.sleep(600)


def hang(path):
    """Write a file, and hang in compiled code that holds the lock of the interpreter."""
    path.touch()
    all(itertools.repeat(True))


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("timeout", [None, 1.0])
def test_interrupted_jobs_remove_unfinished_files(tmp_path, timeout):
    pool = WorkerProcesses(2, timeout=timeout)
    futures = [pool.submit(write_for_long, tmp_path / name) for name in "ab"]
    while len(list(tmp_path.rglob(".spatialkit-*/.spatialkit-*"))) < 2:
        time.sleep(0.01)
    if timeout:
        for future in futures:
            with pytest.raises(TimeoutError, match=r"^the job took longer than 1 s, and its work"):
                future.result(timeout=60)
    pool.kill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_worker_that_cannot_be_interrupted_is_killed(tmp_path):
    pool = WorkerProcesses(1)
    future = pool.submit(hang, tmp_path / "started")
    while not (tmp_path / "started").exists():
        time.sleep(0.01)
    (worker,) = pool._workers
    pool.kill()
    assert worker._process.exitcode == -signal.SIGKILL
    with pytest.raises(BrokenExecutor, match="the job was cancelled"):
        future.result(timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills what hangs in such code")
def test_a_worker_that_hangs_ends_with_its_leader(tmp_path):
    code = (
        "import sys; from pathlib import Path; from spatialkit.batch import WorkerProcesses;"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r}); import {__name__.rpartition('.')[2]};"
        f"WorkerProcesses(1).submit({__name__.rpartition('.')[2]}.hang, Path(sys.argv[1])).result()"
    )
    leader = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "started")],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not (tmp_path / "started").exists():
        assert leader.poll() is None
        time.sleep(0.01)
    leader.kill()
    leader.communicate(timeout=60)  # until the worker closes the pipe, too


def test_workers_can_be_killed_while_they_run_jobs():
    pool = WorkerProcesses(2)
    futures = [pool.submit(time.sleep, 600) for _ in range(4)]
    while len(pool._workers) < 2:
        time.sleep(0.01)
    pool.kill()
    for future in futures:
        if not future.cancelled():
            with pytest.raises(BrokenExecutor, match="the job was cancelled"):
                future.result(timeout=60)
    assert any(future.cancelled() for future in futures)
