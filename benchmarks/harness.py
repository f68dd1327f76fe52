"""Timing and tables of the benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """A row of a table: time of one library for one task, and the difference of its result."""

    task: str
    library: str
    seconds: float
    """Shortest run, for the whole task or per item, depending on ``unit``."""
    unit: str = "s"
    """Unit in the table: "s", "ms", "us" or "ns", optionally per item ("us/direction")."""
    difference: float | None = None
    """Largest absolute difference from the result of spatialkit; None if not comparable."""
    note: str = ""
    """For example "quoted 2026-11-21" for a library that cannot be installed with this one."""


SCALES = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def best_times(
    tasks: dict[str, Callable[[], Any]],
    runs: int = 7,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Measure the shortest run of each task in seconds; tasks alternate, for equal conditions."""
    for task in tasks.values():
        task()  # compile, fill caches, allocate memory
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(runs):
        for name, task in tasks.items():
            start = clock()
            task()
            best[name] = min(best[name], clock() - start)
    return best


def markdown(rows: Iterable[Row]) -> str:
    """Format rows as a Markdown table."""
    lines = ["| task | library | time | largest difference | note |", "|---|---|---|---|---|"]
    for row in rows:
        scale = SCALES[row.unit.partition("/")[0]]
        difference = "" if row.difference is None else f"{row.difference:.1e}"
        time_text = f"{row.seconds * scale:.3g} {row.unit}"
        lines.append(f"| {row.task} | {row.library} | {time_text} | {difference} | {row.note} |")
    return "\n".join(lines)
