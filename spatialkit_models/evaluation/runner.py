"""Benchmark runner: run systems on reference examples and aggregate metrics.

A benchmark yields examples, each with the trials of all systems on it; `run_benchmark` runs these
and collects one row per system and setting.
"""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spatialkit import __version__
from spatialkit.errors import OptionError, error_message
from spatialkit.results import Benchmark, Metric, Row

__all__ = [
    "Example",
    "System",
    "Trial",
    "load_models",
    "run_benchmark",
    "versions",
]


@dataclass(frozen=True)
class System:
    """System under test: a function that upmixes.

    Parameters
    ----------
    name : str
        Name of its rows.
    upmix : callable
        Function of audio (channels, samples) and a style, whose type depends on the benchmark,
        that returns audio (channels, samples).
    uses_style : bool
        Whether the output depends on the style; otherwise the system runs once with None.
    facts : mapping
        Facts recorded in the results, such as the model card.
    """

    name: str
    upmix: Callable[[NDArray[Any], Any], NDArray[Any]]
    uses_style: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """Run of a system on an example.

    Parameters
    ----------
    system : System
    setting : mapping of str to str
        Setting that distinguishes the row from others of the same system.
    audio : ndarray
        Input of the system.
    style : object
        Style of the upmix; None if the system uses none.
    score : callable
        Function that returns the value of each metric by name for an output of the system.
    last_steps : mapping of str to callable
        Post-processing steps of the output by name, each of which has a row of its own.
    """

    system: System
    setting: Mapping[str, str]
    audio: NDArray[Any]
    style: Any
    score: Callable[[NDArray[Any]], Mapping[str, float]]
    last_steps: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """Facts of an example, its length, and the trials on it, generated when they are run."""

    facts: Mapping[str, Any]
    seconds: float
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

    Returns
    -------
    Benchmark
        The row of a system that fails contains the error; the other systems are still evaluated.
        The speed excludes the first run, in which code is loaded and compiled.
    """
    from tqdm import tqdm

    rows: dict[tuple[Any, ...], _RowData] = {}
    facts = []
    bar = tqdm(
        examples, total=total, unit="example", leave=False, disable=None if progress else True
    )
    for example in bar:
        facts.append(dict(example.facts))
        for trial in example.trials:
            _run(trial, example.seconds, metrics, rows)
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


def load_models(
    load: Callable[[Path], Any], paths: Iterable[str | os.PathLike[str]], sample_rate: int
) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield name, model and facts of each file of weights.

    Parameters
    ----------
    load : callable
        Function of a path that returns a model with attributes ``name`` and ``sample_rate``.
    paths : iterable of path
        Files of weights, each with its model card beside it.
    sample_rate : int
        Sample rate in Hz that all models must have.

    Raises
    ------
    WeightsError
        If a file is missing, corrupted, or contains another model.
    OptionError
        If a model has another sample rate.
    """
    from spatialkit_models.weights import read_json

    names: set[str] = set()
    for path in map(Path, paths):
        model = load(path)
        if model.sample_rate != sample_rate:
            raise OptionError(
                f"{path} has a sample rate of {model.sample_rate} Hz, the benchmark of "
                f"{sample_rate} Hz; pass sample_rate={model.sample_rate} to the excerpts"
            )
        name = f"{model.name} ({path})" if model.name in names else model.name
        names.add(name)
        yield name, model, {"weights": str(path), "card": read_json(path.with_suffix(".json"))}


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
    steps = {trial.system.name: None}
    steps |= {f"{trial.system.name}, {name}": step for name, step in trial.last_steps.items()}
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
                upmix = trial.system.upmix(trial.audio, trial.style)
                upmix_time = time.perf_counter() - began
            result = upmix if step is None else step(upmix)
            elapsed = time.perf_counter() - began
            row.add(trial.score(result), seconds, elapsed + (0.0 if step is None else upmix_time))
        except Exception as error:  # any failure of a system: the others continue
            row.error = error_message(error)
