"""What every benchmark shares: a row, a fair clock, and a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line of a table: who did which task how fast, and how far its numbers lie from ours."""

    task: str
    who: str
    seconds: float
    """Best of the runs, for the whole task or per item: ``unit`` says which."""
    unit: str = "s"
    """What ``seconds`` is shown in: "s", "ms", "us" or "ns", with "/direction" and the like."""
    difference: float | None = None
    """Largest absolute difference of the numbers against ours; None where they do not compare."""
    note: str = ""
    """Such as "quoted 2026-11-21" for a peer that cannot be installed beside the project."""


SCALES = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def best_times(tasks: dict[str, Callable[[], Any]], runs: int = 7) -> dict[str, float]:
    """Best seconds of each task, taken in turn: a slow moment of the machine hits all alike."""
    for task in tasks.values():
        task()  # compiles, fills caches, touches memory
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(runs):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def markdown(rows: Iterable[Row]) -> str:
    """Rows as a Markdown table, a blank line between tasks left to the reader's eye."""
    lines = ["| task | who | time | largest difference | note |", "|---|---|---|---|---|"]
    for row in rows:
        scale = SCALES[row.unit.partition("/")[0]]
        difference = "" if row.difference is None else f"{row.difference:.1e}"
        time_text = f"{row.seconds * scale:.3g} {row.unit}"
        lines.append(f"| {row.task} | {row.who} | {time_text} | {difference} | {row.note} |")
    return "\n".join(lines)
