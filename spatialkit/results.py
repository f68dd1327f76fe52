"""Benchmark result tables (one row per system, one column per metric) as Markdown, JSON, figure."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spatialkit._json import as_dataclass, parse_json, to_json
from spatialkit.errors import OptionError, SpatialkitError
from spatialkit.storage import replacing
from spatialkit.validation import extra, reason

__all__ = [
    "Benchmark",
    "Metric",
    "Row",
    "Summary",
    "figure_class",
    "markdown_table",
    "summarize",
    "to_json",
    "write_figure",
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
    with np.errstate(invalid="ignore"):  # inf - inf
        mean = float(found.mean())
    if count == 1 or not np.isfinite(found).all():
        return Summary(mean, math.nan, math.nan, math.nan, count)
    deviation = float(found.std(ddof=1))
    half = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 2)) * deviation / math.sqrt(count)
    return Summary(mean, deviation, mean - half, mean + half, count)


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

    def figure(self, path: str | os.PathLike[str]) -> None:
        """Plot the first table, one point per example, to an image file such as .png or .svg.

        Raises
        ------
        SpatialkitError
            If matplotlib (extra ``plot``) is not installed, or the file cannot be written.
        """
        metrics = next(iter(self._tables().values()))
        rows = [row for row in self.rows if row.has_any(metrics)]
        figure = figure_class()(figsize=(2.5 + 2.6 * len(metrics), 1.2 + 0.3 * len(rows)), dpi=120)
        figure.set_layout_engine("constrained")
        axes = figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
        systems = list(dict.fromkeys(row.system for row in rows))
        for axis, metric in zip(axes, metrics, strict=True):
            for place, row in enumerate(rows):
                color = f"C{systems.index(row.system) % 10}"
                _draw(axis, place, row.values.get(metric.name, ()), color)
            axis.set_title(metric.header, fontsize=9)
            axis.set_xlabel(metric.aim, fontsize=8)
            axis.tick_params(labelsize=8)
            axis.axvline(0.0, color="0.6", linewidth=0.8)
        axes[0].set_yticks(range(len(rows)), [row.title for row in rows])
        axes[0].invert_yaxis()
        figure.suptitle(self.title, fontsize=10)
        write_figure(figure, path)

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


def figure_class() -> Any:
    """Return `matplotlib.figure.Figure`.

    Raises
    ------
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SpatialkitError(f"a figure needs {extra('plot')}") from error
    return Figure


def write_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a matplotlib figure to a file.

    Raises
    ------
    SpatialkitError
        If the file cannot be written.
    """
    try:
        with replacing(path, error=SpatialkitError) as file:
            figure.savefig(file, dpi="figure", format=Path(path).suffix[1:] or None)
    except (OSError, ValueError) as error:
        raise SpatialkitError(
            f"figure {os.fspath(path)} cannot be written: {reason(error)}"
        ) from error


def _draw(axis: Any, place: int, values: Sequence[float], color: str) -> None:
    """Draw the mean as a bar, its confidence interval, and one mark per example."""
    found = summarize(values)
    if not math.isfinite(found.mean):
        axis.text(0.02, place, _rounded(found.mean), fontsize=8, va="center")
        return
    axis.barh(place, found.mean, color=color, alpha=0.5)
    points = [value for value in values if math.isfinite(value)]
    axis.plot(points, [place] * len(points), "|", color="0.3", markersize=5, alpha=0.4)
    if math.isfinite(found.deviation):
        axis.plot([found.low, found.high], [place, place], color="black", linewidth=2.0)


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
