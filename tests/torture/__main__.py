"""Attacks on spatialkit: damaged files, odd arguments, hostile JSON and random command lines.

``make torture SEED=7 MINUTES=20`` runs in worker processes with limits of time and memory, so that
a crash or a hang is a finding, too. Each case is determined by its seed, kind and number.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from importlib import import_module
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
KINDS = ("files", "calls", "json", "commands", "tensors")
# Limits of one case: CPU time, and time on the clock for what waits instead of computing.
CPU_SECONDS = 20.0
CLOCK_SECONDS = 120.0
MEMORY = 2 * 2**30
# Seconds after which a worker ends and another kind gets its turn.
TURN_SECONDS = 120.0


def attack_kind(kind: str):
    sys.path[:0] = [str(HERE), str(HERE.parent / "files")]
    return import_module(f"attack_{kind}")


def random_of(seed: int, kind: str, case: int) -> np.random.Generator:
    return np.random.default_rng([seed, KINDS.index(kind), case])


def limit_memory() -> None:
    """Refuse memory beyond `MEMORY` more than the process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def work(kind: str, seed: int, first: int, last: int, seconds: float) -> None:
    """Run cases in this process; report "case", then "end" and an outcome, or "finding"."""
    report = os.fdopen(os.dup(1), "w", buffering=1, errors="backslashreplace")
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    module = attack_kind(kind)
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    os.chdir(folder)
    try:
        state = module.prepare(folder)
        limit_memory()
        end = time.monotonic() + seconds
        for case in range(first, last):
            report.write(f"case {case}\n")
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
            try:
                outcome = f"end {module.attack(state, folder, random_of(seed, kind, case))}"
            except Exception as finding:
                name = type(finding).__name__
                text = f"{'' if name == 'Finding' else f'{name}: '}{finding}"
                outcome = f"finding {' '.join(text.split())}"
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            report.write(f"{outcome}\n")
            if time.monotonic() > end:
                break
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def repeat(kind: str, seed: int, case: int) -> int:
    """Run one case in this process and print its traceback."""
    module = attack_kind(kind)
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    os.chdir(folder)
    try:
        state = module.prepare(folder)
        limit_memory()
        print(module.attack(state, folder, random_of(seed, kind, case)))
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


class Worker:
    """A process that runs cases of one kind."""

    def __init__(self, kind: str, seed: int, first: int, last: int, seconds: float) -> None:
        self.kind, self.case, self.started = kind, first, time.monotonic()
        self.findings: list[tuple[int, str]] = []
        self.outcomes: Counter[str] = Counter()
        self.next, self.is_ready, self.rest = first, False, b""
        numbers = map(str, (seed, first, last, seconds))
        self.process = subprocess.Popen(
            [sys.executable, str(HERE), "--work", kind, *numbers],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self.process.stdout is not None

    def read(self) -> bool:
        """Read lines of the process; return False at its end."""
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.note(line.decode(errors="backslashreplace"))
        return bool(data)

    def note(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "case":
            self.case, self.started, self.is_ready = int(rest), time.monotonic(), True
        elif word == "end":
            self.outcomes[rest] += 1
            self.next = self.case + 1
        elif word == "finding":
            self.findings.append((self.case, rest))
            self.next = self.case + 1

    def finish(self) -> None:
        """Wait for the end of the process; a crash or a hang is a finding."""
        late = self.is_late()
        if late:
            os.killpg(self.process.pid, signal.SIGKILL)
        status = self.process.wait()
        while self.read():
            pass
        if not self.is_ready:
            sys.exit(f"the worker does not start: python tests/torture --only {self.kind} --case 0")
        if self.next == self.case and status:
            what = f"ended with exit status {status}"
            if status == -signal.SIGPROF:
                what = f"more than {CPU_SECONDS:g} s of CPU time"
            elif late:
                what = f"more than {CLOCK_SECONDS:g} s"
            elif status < 0:
                what = f"crashed by {signal.Signals(-status).name}"
            self.findings.append((self.case, what))
            self.next = self.case + 1
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # processes that the case left

    def is_late(self) -> bool:
        return time.monotonic() - self.started > CLOCK_SECONDS


def run(kinds: list[str], seed: int, seconds: float, cases: int, workers: int) -> int:
    """Run workers until the time is over, print findings and counts, return the exit status."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        os.environ["TMPDIR"] = folder  # of the workers, which may be killed
        return supervise(kinds, seed, seconds, cases, workers)


def supervise(kinds: list[str], seed: int, seconds: float, cases: int, workers: int) -> int:
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    following = dict.fromkeys(kinds, 0)
    waiting, running = list(kinds), {}
    findings = 0
    end, shown = time.monotonic() + seconds, time.monotonic()
    selector = selectors.DefaultSelector()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                kind = waiting.pop(0)
                left = end - time.monotonic()
                if left <= 0 or following[kind] >= cases:
                    continue
                turn = min(left, TURN_SECONDS)
                worker = Worker(kind, seed, following[kind], cases, turn)
                running[worker.process.stdout] = worker
                selector.register(worker.process.stdout, selectors.EVENT_READ)
            ready = {key.fileobj for key, _ in selector.select(1.0)}
            for pipe, worker in list(running.items()):
                if (pipe in ready and worker.read()) or (
                    pipe not in ready and not worker.is_late()
                ):
                    continue
                worker.finish()
                selector.unregister(pipe)
                del running[pipe]
                pipe.close()
                following[worker.kind] = worker.next
                counts[worker.kind].update(worker.outcomes)
                counts[worker.kind]["findings"] += len(worker.findings)
                for case, text in worker.findings:
                    findings += 1
                    print(f"finding {findings}: {worker.kind} {case}: {text}")
                    print(
                        f"    make torture SEED={seed} ONLY={worker.kind} CASE={case}", flush=True
                    )
                waiting.append(worker.kind)
            if time.monotonic() - shown > 60.0:
                shown = time.monotonic()
                print(summary(counts, end - shown), flush=True)
    finally:
        for worker in running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.process.pid, signal.SIGKILL)
    print(f"seed {seed}: {summary(counts, 0.0)}")
    return 1 if findings else 0


def summary(counts: dict[str, Counter[str]], left: float) -> str:
    parts = [
        f"{kind} {sum(each.values())} ({', '.join(f'{n} {what}' for what, n in each.items())})"
        for kind, each in counts.items()
    ]
    return "; ".join(parts) + (f"; {left / 60.0:.0f} minutes left" if left > 0.0 else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--cases", type=int, default=2**31, help="most cases of each kind")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--case", type=int, help="repeat one case of --only")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        kind, *numbers = given.work
        work(kind, *map(int, numbers[:3]), float(numbers[3]))
        return 0
    if given.case is not None:
        return repeat(given.only, given.seed, given.case)
    kinds = [given.only] if given.only else list(KINDS)
    return run(kinds, given.seed, 60.0 * given.minutes, given.cases, given.workers)


if __name__ == "__main__":
    sys.exit(main())
