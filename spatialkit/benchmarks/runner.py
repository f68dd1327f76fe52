"""Benchmark runner: run systems on reference examples and aggregate metrics.

A benchmark yields examples, each with the trials of all systems on it; `run_benchmark` runs these
and collects one row per system and setting.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from numpy.typing import NDArray

from spatialkit._version import __version__
from spatialkit.benchmarks.results import Benchmark, Row
from spatialkit.benchmarks.systems import StimulusWriter, fingerprint
from spatialkit.errors import OptionError, error_message
from spatialkit.results import Metric

__all__ = [
    "Example",
    "Trial",
    "run_benchmark",
    "versions",
]


@dataclass(frozen=True)
class Trial:
    """Run of a system on an example.

    Parameters
    ----------
    system : str
        Name of its rows.
    setting : mapping of str to str
        Setting that distinguishes the row from others of the same system.
    audio : ndarray
        Input of the system.
    run : callable
        Function of this input that returns the output of the system.
    score : callable
        Function that returns the value of each metric by name for an output of the system.
    last_steps : mapping of str to callable
        Post-processing steps of the output by name, each of which has a row of its own.
    """

    system: str
    setting: Mapping[str, str]
    audio: NDArray[Any]
    run: Callable[[NDArray[Any]], NDArray[Any]]
    score: Callable[[NDArray[Any]], Mapping[str, float]]
    last_steps: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """Facts of an example, its length and rate, and the trials on it, generated when they run."""

    facts: Mapping[str, Any]
    seconds: float
    sample_rate: int
    trials: Iterable[Trial]


def run_benchmark(
    examples: Iterable[Example],
    metrics: Sequence[Metric],
    *,
    title: str,
    settings: Mapping[str, Any],
    notes: Sequence[str] = (),
    total: int | None = None,
    progress: bool = False,
    stimuli: StimulusWriter | None = None,
) -> Benchmark:
    """Run all trials of all examples.

    Parameters
    ----------
    examples : iterable of Example
        Examples, all with trials of the same systems and settings.
    metrics : sequence of Metric
        Metrics of the results; other scores are ignored. A row may have a subset of them, which
        must be the same for all of its trials.
    title, settings, notes
        Fields of the results.
    total : int, optional
        Number of examples, for the progress bar.
    progress : bool
        Show a progress bar if stderr is a terminal.
    stimuli : StimulusWriter, optional
        Writer of the inputs of all trials, which are then not run.

    Returns
    -------
    Benchmark
        Each example has the fingerprints of its stimuli by setting. The row of a system that fails
        contains the error; the other systems are still evaluated. The speed excludes the first
        run, in which code is loaded and compiled.

    Raises
    ------
    OptionError
        If two trials of an example have the same system and setting.
    """
    from tqdm import tqdm

    rows: dict[tuple[Any, ...], _RowData] = {}
    facts = []
    bar = tqdm(
        examples, total=total, unit="example", leave=False, disable=None if progress else True
    )
    for number, example in enumerate(bar, start=1):
        found: dict[str, str] = {}
        ran = set()
        for trial in example.trials:
            setting = " ".join(filter(None, trial.setting.values()))
            if (trial.system, setting) in ran:  # their values would be in one row
                raise OptionError(
                    f"system {trial.system!r} is there twice{f' in {setting}' if setting else ''}: "
                    "systems must have different names, and protocols must differ"
                )
            ran.add((trial.system, setting))
            if setting not in found:
                found[setting] = fingerprint(trial.audio, example.sample_rate)
                if stimuli:
                    stimuli.add(f"{number:03d} {setting}", trial.audio, example.sample_rate)
            if not stimuli:
                _run(trial, example.seconds, metrics, rows)
        facts.append({**example.facts, "stimuli": found})
    return Benchmark(
        title,
        tuple(metrics),
        tuple(builder.row() for builder in rows.values()),
        tuple(facts),
        settings,
        tuple(notes),
    )


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python, spatialkit and the given packages that are installed."""
    found = {"python": platform.python_version(), "spatialkit": __version__}
    for name in ("numpy", *packages):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


class _RowData:
    """Scores and run times of a row."""

    def __init__(self, system: str, setting: Mapping[str, str], metrics: Sequence[Metric]) -> None:
        self.system, self.setting = system, setting
        self.names = [metric.name for metric in metrics]
        self.values: dict[str, list[float]] = {}
        self.runs: list[tuple[float, float]] = []  # seconds of audio, of computation
        self.error = ""

    def add(self, scores: Mapping[str, float], seconds: float, elapsed: float) -> None:
        if not self.values:
            self.values = {name: [] for name in self.names if name in scores}
        for name, values in self.values.items():
            values.append(float(scores[name]))
        self.runs.append((seconds, elapsed))

    def row(self) -> Row:
        if self.error:
            return Row(self.system, self.setting, error=self.error)
        values = {name: tuple(found) for name, found in self.values.items()}
        seconds, elapsed = map(sum, zip(*(self.runs[1:] or self.runs), strict=True))
        return Row(self.system, self.setting, values, seconds / elapsed if elapsed else math.inf)


def _run(
    trial: Trial,
    seconds: float,
    metrics: Sequence[Metric],
    rows: dict[tuple[Any, ...], _RowData],
) -> None:
    """Run a trial and add its scores to its rows."""
    steps: dict[str, Callable[[NDArray[Any]], NDArray[Any]] | None]
    steps = {trial.system: None}
    steps |= {f"{trial.system}, {name}": step for name, step in trial.last_steps.items()}
    upmix, upmix_time = None, 0.0
    for name, step in steps.items():
        row = rows.setdefault(
            (name, *trial.setting.items()), _RowData(name, trial.setting, metrics)
        )
        if row.error:
            continue
        try:
            began = time.perf_counter()
            if upmix is None:
                upmix = trial.run(trial.audio)
                upmix_time = time.perf_counter() - began
            result = upmix if step is None else step(upmix)
            elapsed = time.perf_counter() - began
            row.add(trial.score(result), seconds, elapsed + (0.0 if step is None else upmix_time))
        except Exception as error:  # any failure of a system: the others continue
            row.error = error_message(error)
