"""One benchmark for all models: systems upmix what is known, metrics judge, tables tell.

A benchmark makes examples, each with the trials of all systems on it; `run_benchmark` runs them
and gathers a row per system and setting.
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
from spatialkit_models.evaluation.report import Benchmark, Metric, Row, Summary, summarize

__all__ = [
    "Benchmark",
    "Example",
    "Metric",
    "Row",
    "Summary",
    "System",
    "Trial",
    "load_models",
    "run_benchmark",
    "summarize",
    "versions",
]


@dataclass(frozen=True)
class System:
    """Something that upmixes.

    Parameters
    ----------
    name : str
        What its rows are called.
    upmix : callable
        Of audio (channels, samples) and a style, whatever that is for the benchmark: makes
        (channels, samples).
    uses_style : bool
        Whether the style makes a difference: else it gets None, once for all styles.
    facts : mapping
        What is to be known of it, such as the card of its weights.
    """

    name: str
    upmix: Callable[[NDArray[Any], Any], NDArray[Any]]
    uses_style: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """A system at work on an example.

    Parameters
    ----------
    system : System
    setting : mapping of str to str
        What tells its row from others of the same system.
    audio : ndarray
        What it gets.
    style : object
        In which style it has to upmix, None if it uses none.
    score : callable
        Gives the value of each metric by name, of what the system made.
    last_steps : mapping of str to callable
        What may be made of that, each a row of its own.
    """

    system: System
    setting: Mapping[str, str]
    audio: NDArray[Any]
    style: Any
    score: Callable[[NDArray[Any]], Mapping[str, float]]
    last_steps: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """What is known of an example, its length, and all trials on it, made as they are run."""

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
        Each with trials of the same systems and settings.
    metrics : sequence of Metric
        What scores hold; other values of them are dropped. A row need not have all metrics: its
        trials' scores are to hold the same ones.
    title, settings, notes
        Go into the results.
    total : int, optional
        How many examples there are, for the bar.
    progress : bool
        Show a bar, if somebody looks.

    Returns
    -------
    Benchmark
        A system that fails has a row that says why, and the others are measured. The speed is
        that of all runs but the first, in which code is compiled and read.
    """
    from tqdm import tqdm

    rows: dict[tuple[Any, ...], _Gathered] = {}
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
        tuple(gathered.row() for gathered in rows.values()),
        tuple(facts),
        settings,
        tuple(notes),
    )


def versions(*packages: str) -> dict[str, str]:
    """Version of Python, spatialkit and these packages, as far as they are installed."""
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
    """Name, model, and facts of each file of weights.

    Parameters
    ----------
    load : callable
        Of a path: makes a model that has ``name`` and ``sample_rate``.
    paths : iterable of path
        Files of weights, their cards beside them.
    sample_rate : int
        Hz that all must be made for.

    Raises
    ------
    WeightsError
        If a file is missing, damaged, or of something else.
    OptionError
        If a model is for another sample rate.
    """
    from spatialkit_models.weights import read_json

    names: set[str] = set()
    for path in map(Path, paths):
        model = load(path)
        if model.sample_rate != sample_rate:
            raise OptionError(
                f"{path} is for {model.sample_rate} Hz, the benchmark has {sample_rate} Hz"
            )
        name = f"{model.name} ({path})" if model.name in names else model.name
        names.add(name)
        yield name, model, {"weights": str(path), "card": read_json(path.with_suffix(".json"))}


class _Gathered:
    """A row to be."""

    def __init__(self, system: str, setting: Mapping[str, str], metrics: Sequence[Metric]) -> None:
        self.system, self.setting = system, setting
        self.names = [metric.name for metric in metrics]
        self.values: dict[str, list[float]] = {}
        self.runs: list[tuple[float, float]] = []  # seconds of sound, of work
        self.error = ""

    def add(self, scores: Mapping[str, float], seconds: float, worked: float) -> None:
        if not self.values:
            self.values = {name: [] for name in self.names if name in scores}
        for name, values in self.values.items():
            values.append(float(scores[name]))
        self.runs.append((seconds, worked))

    def row(self) -> Row:
        if self.error:
            return Row(self.system, self.setting, error=self.error)
        values = {name: tuple(found) for name, found in self.values.items()}
        heard, worked = map(sum, zip(*(self.runs[1:] or self.runs), strict=True))
        return Row(self.system, self.setting, values, heard / worked if worked else math.inf)


def _run(
    trial: Trial, seconds: float, metrics: Sequence[Metric], rows: dict[tuple[Any, ...], _Gathered]
) -> None:
    """Run a trial, and put what is found of it into its rows."""
    steps: dict[str, Callable[[NDArray[Any]], NDArray[Any]] | None]
    steps = {trial.system.name: None}
    steps |= {f"{trial.system.name}, {name}": step for name, step in trial.last_steps.items()}
    made, upmixed = None, 0.0
    for name, step in steps.items():
        row = rows.setdefault(
            (name, *trial.setting.items()), _Gathered(name, trial.setting, metrics)
        )
        if row.error:
            continue
        try:
            began = time.perf_counter()
            if made is None:
                made = trial.system.upmix(trial.audio, trial.style)
                upmixed = time.perf_counter() - began
            final = made if step is None else step(made)
            worked = time.perf_counter() - began
            row.add(trial.score(final), seconds, worked if step is None else upmixed + worked)
        except Exception as error:  # whatever a system does: the others go on
            row.error = error_message(error)
