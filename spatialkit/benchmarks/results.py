"""Benchmark results: one row per system and setting, one value per metric and example."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit._display import plots
from spatialkit._json import as_dataclass, parse_json, to_json
from spatialkit.errors import OptionError
from spatialkit.metrics import Comparison, Results, bootstrap_interval, compare_systems
from spatialkit.results import Bar, Metric, Panel, markdown_table
from spatialkit.validation import unknown_name

__all__ = ["Benchmark", "Row", "Summary", "summarize"]

MAX_DECIMALS = 20
# Settings that belong to a system and not to the example.
SYSTEM_SETTINGS = ("style",)


@dataclass(frozen=True)
class Summary:
    """Mean, standard deviation, bootstrap 95 % confidence interval of the mean, and median."""

    mean: float
    deviation: float
    low: float
    high: float
    median: float
    count: int


def summarize(values: Sequence[float]) -> Summary:
    """Summarize values without NaN.

    The confidence interval is the percentile interval of the bootstrap (`bootstrap_interval`): it
    lies within the range of the values, so that angles and percentages cannot exceed their bounds.
    With fewer than ten values it is too narrow. Deviation and interval are NaN for fewer than two
    values or infinite values.

    Examples
    --------
    >>> found = summarize([0.0, 0.0, 0.0, 180.0, float("nan")])
    >>> found.mean, found.median, found.count
    (45.0, 0.0, 4)
    >>> found.low, found.high
    (0.0, 135.0)
    """
    return _summary(tuple(value for value in values if not math.isnan(value)))


@lru_cache(maxsize=4096)
def _summary(values: tuple[float, ...]) -> Summary:
    """Return the summary; tables, JSON and figures need the same one."""
    found = np.array(values, np.float64)
    if not found.size:
        return Summary(math.nan, math.nan, math.nan, math.nan, math.nan, 0)
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf, squares beyond 1e308
        mean, median = float(found.mean()), float(np.median(found))
        deviation = float(found.std(ddof=1)) if found.size > 1 else math.nan
    low = high = math.nan
    if not math.isfinite(deviation):
        deviation = math.nan
    elif deviation == 0.0:
        low = high = mean
    else:
        low, high = bootstrap_interval(found)
    return Summary(mean, deviation, low, high, median, found.size)


@dataclass(frozen=True)
class Row:
    """Results of one system in one setting."""

    system: str
    setting: Mapping[str, str] = field(default_factory=dict)
    """Setting, such as ``{"protocol": "same"}``."""
    values: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Values by metric, one per example."""
    speed: float = math.nan
    """Seconds of audio upmixed per second."""
    error: str = ""
    """Reason of a failure, empty if there was none."""

    @property
    def title(self) -> str:
        """Setting and system as text."""
        return ", ".join([*filter(None, self.setting.values()), self.system])

    def has_any(self, metrics: Sequence[Metric]) -> bool:
        """Return whether the row has values of one of these metrics."""
        return not self.error and any(metric.name in self.values for metric in metrics)


@dataclass(frozen=True)
class Benchmark:
    """Results of `run_benchmark`."""

    title: str
    metrics: tuple[Metric, ...]
    rows: tuple[Row, ...]
    examples: tuple[Mapping[str, Any], ...] = ()
    """Description of each example, in the order of the values."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings that determine the results, and versions."""
    notes: tuple[str, ...] = ()
    findings: Mapping[str, Any] = field(default_factory=dict)
    """Additional results that are not in the tables."""

    def to_json(self, *, baseline: str | None = None) -> str:
        """Return the results as JSON; null for NaN, "inf" and "-inf" for infinities.

        Parameters
        ----------
        baseline : str, optional
            Name of a system: "comparisons" contains the values of `compare` by setting.

        Raises
        ------
        OptionError
            As for `compare`.
        """
        facts = {**vars(self), "metrics": [asdict(metric) for metric in self.metrics]}
        facts["rows"] = [
            {
                **asdict(row),
                "summary": {name: asdict(summarize(x)) for name, x in row.values.items()},
            }
            for row in self.rows
        ]
        if baseline is not None:
            found = self.compare(baseline)
            facts["comparisons"] = {setting: each.to_dict() for setting, each in found.items()}
        return to_json(facts, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Benchmark:
        """Return the results that `to_json` wrote.

        Raises
        ------
        OptionError
            If the text is not JSON of a benchmark.
        """
        try:
            facts = parse_json(text, "the text")
            facts.pop("comparisons", None)  # follow from the rows
            rows = []
            for row in facts.pop("rows"):
                del row["summary"]
                values = {name: tuple(map(_number, x)) for name, x in row.pop("values").items()}
                rows.append(Row(**{**row, "values": values, "speed": _number(row["speed"])}))
            metrics = tuple(as_dataclass(Metric, x, "metric") for x in facts.pop("metrics"))
            facts |= {name: tuple(facts[name]) for name in ("examples", "notes")}
            results = cls(metrics=metrics, rows=tuple(rows), **facts)
            results._check_types()
            return results
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise OptionError("the text is not JSON of a benchmark (see to_json)") from error

    def _check_types(self) -> None:
        """Raise a `TypeError` if a text or an object is something else."""
        texts = [self.title, *self.notes]
        objects = [self.settings, self.findings, *self.examples]
        for row in self.rows:
            texts += [row.system, row.error, *row.setting.values()]
        if not all(isinstance(each, str) for each in texts):
            raise TypeError("not text")
        if not all(isinstance(each, dict) for each in objects):
            raise TypeError("not an object")
        if not all(0 <= metric.decimals <= MAX_DECIMALS for metric in self.metrics):
            raise TypeError("not a number of decimals")

    def to_markdown(self) -> str:
        """Return tables with one line per system, and notes, as Markdown."""
        parts = [f"**{self.title}**"]
        for place, (title, metrics) in enumerate(self._tables().items()):
            parts += [*([f"**{title}**"] if title else []), self._table(metrics, place == 0)]
        counts = f"{len(self.examples)} example" + ("s" if len(self.examples) != 1 else "")
        lines = [
            f"Mean over {counts} (its 95 % confidence interval; median). Intervals: bootstrap, "
            "examples assumed independent; too narrow for fewer than ten."
        ]
        shown = [metric for metrics in self._tables().values() for metric in metrics]
        for metric in filter(lambda metric: metric.help, shown):
            lines.append(f"{metric.title}: {metric.help} {metric.aim}.")
        lines += [f"{row.title} failed: {row.error}" for row in self.rows if row.error]
        parts.append("\n".join(f"- {line}" for line in (*lines, *self.notes)))
        return "\n\n".join(parts)

    def table(self) -> Results:
        """Return the values of all examples, one item per row and example.

        The column "reference" is the number of the example, from 1. A style is part of the name of
        the system.
        """
        return Results.from_rows(
            (
                {"system": _label(row), "reference": str(place + 1), **_common(row)},
                {name: float(values[place]) for name, values in row.values.items()},
            )
            for row in self.rows
            if not row.error
            for place in range(len(self.examples))
        )

    def to_csv(self) -> str:
        """Return the values of all examples as CSV, for ``spatialkit compare``."""
        return self.table().to_csv()

    def compare(self, baseline: str) -> dict[str, Comparison]:
        """Compare each system with one of them, paired by example.

        Parameters
        ----------
        baseline : str
            Name of a system.

        Returns
        -------
        dict of str to Comparison
            By setting, such as "same"; "" without settings. Settings without the baseline are left
            out.

        Raises
        ------
        OptionError
            If no row of the baseline has values, or there is no other system.
        """
        rows = [row for row in self.rows if not row.error]
        labels = tuple(dict.fromkeys(map(_label, rows)))
        if baseline not in labels:
            raise OptionError(unknown_name("baseline", baseline, labels))
        if len(labels) < 2:
            raise OptionError(f"there is no other system to compare with {baseline!r}")
        table, definitions = self.table(), {metric.name: metric for metric in self.metrics}
        found = {}
        for setting in {", ".join(_common(row).values()): _common(row) for row in rows}.values():
            part = table.select(**setting)
            names = {
                name: values
                for name, values in part.values.items()
                if not np.isnan(values[[x["system"] == baseline for x in part.items]]).all()
            }
            if baseline in part.systems and len(part.systems) > 1 and names:
                found[", ".join(setting.values())] = compare_systems(
                    Results(part.items, names), baseline=baseline, definitions=definitions
                )
        return found

    def panels(self) -> tuple[Panel, ...]:
        """Return the first table as panels of a figure."""
        metrics = next(iter(self._tables().values()))
        rows = [row for row in self.rows if row.has_any(metrics)]
        panels = []
        for metric in metrics:
            bars = []
            for row in rows:
                values = tuple(row.values.get(metric.name, ()))
                found = summarize(values)
                bars.append(
                    Bar(row.title, found.mean, found.low, found.high, values, group=row.system)
                )
            panels.append(Panel(metric.header, metric.aim, tuple(bars), metric.decimals))
        return tuple(panels)

    def plot(self, *, ax: Any = None, columns: int = 2) -> NDArray[Any]:
        """Plot the first table, see `spatialkit.plots.plot_benchmark`."""
        return plots().plot_benchmark(self, ax=ax, columns=columns)

    def figure(self, path: str | os.PathLike[str]) -> None:
        """Plot the first table to an image file such as .png or .svg.

        Raises
        ------
        SpatialkitError
            If matplotlib (extra ``plot``) is not installed, or the file cannot be written.
        """
        plots().write_benchmark(self, path, self.title)

    def _repr_html_(self) -> str:
        return plots().markdown_html(self.to_markdown())

    def _tables(self) -> dict[str, list[Metric]]:
        """Return the metrics by table, without tables that no row has values for."""
        tables: dict[str, list[Metric]] = {}
        for metric in self.metrics:
            tables.setdefault(metric.table, []).append(metric)
        shown = {
            title: metrics
            for title, metrics in tables.items()
            if any(row.has_any(metrics) for row in self.rows)
        }
        return shown or dict(list(tables.items())[:1])

    def _table(self, metrics: Sequence[Metric], first: bool) -> str:
        """Return a table as Markdown; the first one contains the speed."""
        keys = list(dict.fromkeys(key for row in self.rows for key in row.setting))
        header = [*keys, "system", *(metric.header for metric in metrics)]
        if first:
            header.append("speed, times real time")
        lines = []
        for row in filter(lambda row: row.has_any(metrics), self.rows):
            cells = [*(row.setting.get(key, "") or "-" for key in keys), row.system]
            cells += [
                _cell(summarize(row.values.get(metric.name, ())), metric.decimals)
                for metric in metrics
            ]
            if first:
                cells.append(_rounded(row.speed, 0 if row.speed >= 10.0 else 1))
            lines.append(cells)
        return markdown_table(header, lines, left=len(keys) + 1)


def _cell(found: Summary, decimals: int) -> str:
    """Format mean, confidence interval and median, without values that are not finite."""
    numbers = (found.mean, found.low, found.high, found.median)
    mean, low, high, median = (_rounded(value, decimals) for value in numbers)
    return f"{mean} ({low} to {high}; {median})" if math.isfinite(found.low) else mean


def _rounded(value: float, decimals: int = 1) -> str:
    if not math.isfinite(value):
        return "-" if math.isnan(value) else str(value)
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def _number(value: Any) -> float:
    """Return a number from a value written by `spatialkit._json.to_json`."""
    return math.nan if value is None else float(value)


def _common(row: Row) -> dict[str, str]:
    """Return the settings that do not belong to the system."""
    return {key: text for key, text in row.setting.items() if key not in SYSTEM_SETTINGS}


def _label(row: Row) -> str:
    """Return the name of the system with its own settings."""
    own = (f"{key} {row.setting[key]}" for key in SYSTEM_SETTINGS if row.setting.get(key))
    return ", ".join([row.system, *own])
