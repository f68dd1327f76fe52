"""Benchmark result tables (one row per system, one column per metric) as Markdown, JSON, figure."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit._display import plots
from spatialkit._json import as_dataclass, parse_json, to_json
from spatialkit.errors import OptionError

__all__ = [
    "Bar",
    "Benchmark",
    "Metric",
    "Panel",
    "Row",
    "Summary",
    "markdown_table",
    "summarize",
    "to_json",
]

CONFIDENCE = 0.95
MAX_DECIMALS = 20


@dataclass(frozen=True)
class Metric:
    """Column of a table.

    Parameters
    ----------
    name : str
        Name of the values in JSON.
    title, unit : str
        Title and unit of the column; the unit may be empty.
    better : {"higher", "lower", "near 0"}
        Direction of better values.
    help : str
        Definition of the metric in one sentence; may be empty.
    table : str
        Title of the table that contains the column; empty for the first table.
    decimals : int
        Digits after the decimal point in tables.
    """

    name: str
    title: str
    unit: str
    better: str
    help: str
    table: str = ""
    decimals: int = 1

    @property
    def header(self) -> str:
        """Title and unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def aim(self) -> str:
        """Direction of better values as text."""
        return {"higher": "Higher is better", "lower": "Lower is better"}.get(
            self.better, f"Best {self.better}"
        )


@dataclass(frozen=True)
class Summary:
    """Mean, standard deviation and confidence interval of the mean (Student's t)."""

    mean: float
    deviation: float
    low: float
    high: float
    count: int


def summarize(values: Sequence[float]) -> Summary:
    """Summarize values without NaN.

    Deviation and 95 % confidence interval are NaN for fewer than two values or infinite values.

    Examples
    --------
    >>> found = summarize([1.0, 2.0, 3.0, float("nan")])
    >>> found.mean, found.deviation, found.count
    (2.0, 1.0, 3)
    >>> round(found.low, 2), round(found.high, 2)
    (-0.48, 4.48)
    """
    from scipy.special import stdtrit

    found = np.array([value for value in values if not math.isnan(value)], dtype=np.float64)
    count = len(found)
    if count == 0:
        return Summary(math.nan, math.nan, math.nan, math.nan, 0)
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf, squares beyond 1e308
        mean = float(found.mean())
        deviation = float(found.std(ddof=1)) if count > 1 else math.nan
    if not math.isfinite(deviation):
        return Summary(mean, math.nan, math.nan, math.nan, count)
    half = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 2)) * deviation / math.sqrt(count)
    return Summary(mean, deviation, mean - half, mean + half, count)


@dataclass(frozen=True)
class Bar:
    """Bar of a figure: one system and one metric.

    Parameters
    ----------
    label : str
        Name beside the bar.
    mean : float
        Length of the bar; a value that is not finite is shown as text.
    low, high : float
        Confidence interval; NaN for none.
    points : tuple of float
        Single values.
    group : str
        Bars of the same group have the same colour; by default the label.
    """

    label: str
    mean: float
    low: float = math.nan
    high: float = math.nan
    points: tuple[float, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Panel:
    """Panel of a figure: one metric, one bar per system.

    Parameters
    ----------
    title : str
        Title with unit.
    aim : str
        Direction of better values, such as "higher is better"; may be empty.
    bars : tuple of Bar
    decimals : int
        Digits after the decimal point.
    """

    title: str
    aim: str
    bars: tuple[Bar, ...]
    decimals: int = 1


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

    def to_json(self) -> str:
        """Return the results as JSON; null for NaN, "inf" and "-inf" for infinities."""
        facts = {**vars(self), "metrics": [asdict(metric) for metric in self.metrics]}
        facts["rows"] = [
            {
                **asdict(row),
                "summary": {name: asdict(summarize(x)) for name, x in row.values.items()},
            }
            for row in self.rows
        ]
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
            f"Mean ± standard deviation over {counts}, and the {100 * CONFIDENCE:.0f} % confidence "
            "interval of the mean (Student's t, examples assumed independent)."
        ]
        shown = [metric for metrics in self._tables().values() for metric in metrics]
        for metric in filter(lambda metric: metric.help, shown):
            lines.append(f"{metric.title}: {metric.help} {metric.aim}.")
        lines += [f"{row.title} failed: {row.error}" for row in self.rows if row.error]
        parts.append("\n".join(f"- {line}" for line in (*lines, *self.notes)))
        return "\n\n".join(parts)

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


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Format cells as a Markdown table.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequence of str
        Cells, as many per row as in the header.
    left : int
        Number of columns, from the first, that are aligned left; the others are aligned right.

    Examples
    --------
    >>> print(markdown_table(["system", "SNR, dB"], [["matrix", "12.1"]]))
    | system | SNR, dB |
    | --- | ---: |
    | matrix | 12.1 |
    """
    marks = [*["---"] * left, *["---:"] * (len(header) - left)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, marks, *rows))


def _cell(found: Summary, decimals: int) -> str:
    """Format mean, deviation and confidence interval, without values that are not finite."""
    values = (found.mean, found.deviation, found.low, found.high)
    mean, deviation, low, high = (_rounded(value, decimals) for value in values)
    return f"{mean} ± {deviation} ({low} to {high})" if math.isfinite(found.deviation) else mean


def _rounded(value: float, decimals: int = 1) -> str:
    if not math.isfinite(value):
        return "-" if math.isnan(value) else str(value)
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def _number(value: Any) -> float:
    """Return a number from a value written by `spatialkit._json.to_json`."""
    return math.nan if value is None else float(value)
