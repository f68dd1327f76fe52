"""Measures and results of the upmixer benchmark as text, Markdown, JSON and figure."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spatialkit._display import plots
from spatialkit.benchmarks.songs import STEMS
from spatialkit.benchmarks.upmix.pooling import Pool, pooled_interval
from spatialkit.errors import OptionError
from spatialkit.metrics import Comparison, Results, compare_systems
from spatialkit.results import Bar, Metric, Panel, markdown_table, to_json
from spatialkit.validation import unknown_name

__all__ = ["MEASURES", "BenchmarkRow", "Measure", "UpmixBenchmark"]

WIDTH = 80


@dataclass(frozen=True)
class Measure:
    """One measure of the benchmark."""

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher", "near 0", ""]
    """Better direction: "lower", "higher", "near 0", or "" if there is none."""
    scenes: tuple[str, ...]
    """Kinds of scenes on which it is measured."""
    pool: Pool
    """Aggregation over scenes: "mean"; "energy", the mean of energy ratios, in dB; "minimum" or
    "maximum"."""
    help: str
    """Definition; "" for a stem of the measure before it."""
    decimals: int = 1

    @property
    def header(self) -> str:
        """Title and unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


KNOWN = ("dry", "room")
MUSIC = ("dry", "room", "near-mono", "song")
ALL = (*MUSIC, "noise")
MEASURES = (
    Measure(
        *("direction_error", "direction error", "degrees", "lower", KNOWN, "mean"),
        "Angle between the directions of a stem in the stereo image (+-30 degrees) and the upmix.",
    ),
    *(
        Measure(
            f"direction_error_{stem}", f"direction of {stem}", "degrees", "lower", KNOWN, "mean", ""
        )
        for stem in STEMS
    ),
    Measure(
        *("leakage", "direct leakage", "dB", "lower", KNOWN, "energy"),
        "Level of direct sound in the surround loudspeakers relative to the front.",
    ),
    Measure(
        *("ambience_share", "ambience around", "%", "higher", ("room",), "mean"),
        "Ratio of ambience to all sound in the surround loudspeakers; the rest is direct sound and "
        "artefacts.",
        0,
    ),
    Measure(
        *("ambience_moved", "ambience moved", "dB", "higher", ("room",), "energy"),
        "Level of ambience in the surround loudspeakers relative to all ambience of the stereo.",
    ),
    Measure(
        *("surround_correlation", "surround correlation", "", "lower", ("room",), "mean"),
        "Zero-lag correlation of pairs of surround loudspeakers, 0 to 1, mean of seven octaves.",
        2,
    ),
    Measure(
        *("downmix_error", "downmix SNR", "dB", "higher", ALL, "minimum"),
        "Level of the stereo relative to the error of the downmix (ITU-R BS.775); lowest scene.",
    ),
    Measure(
        *("correction", "correction", "dB", "lower", ALL, "energy"),
        "Level of the correction that makes the downmix exact, relative to the upmix.",
    ),
    Measure(
        *("surround_level", "surround level", "dB", "", ("room",), "energy"),
        "Level of the surround loudspeakers at ear level or below relative to the front.",
    ),
    Measure(
        *("height_level", "height level", "dB", "", ("room",), "energy"),
        "Level of the height loudspeakers relative to the front.",
    ),
    Measure(
        *("near_mono_surround_level", "near-mono surround", "dB", "", ("near-mono",), "energy"),
        "Surround level of a mix that is nearly mono.",
    ),
    Measure(
        *("musical_noise", "musical noise", "", "near 0", ("noise",), "mean"),
        "Log kurtosis ratio of the power spectrum of noise in the worst channel; 0 for linear "
        "filters.",
        2,
    ),
    Measure(
        *("gating_depth", "gating depth", "dB", "lower", ("song",), "mean"),
        "Median minus 5th percentile over time of the gain of a channel, in thirds of an octave; "
        "worst channel.",
    ),
    Measure(
        *("own_imbalance", "own imbalance", "dB", "lower", ("noise", "song"), "maximum"),
        "Level difference of left and right that does not follow when left and right of the input "
        "are exchanged; worst mirror pair and octave band of all scenes.",
        2,
    ),
    Measure(
        *("level_error", "per-band level error", "dB", "lower", ("noise",), "maximum"),
        "Deviation of the level of an octave band from the mean level of its channel, both "
        "relative to the noise of the input; worst channel and band.",
    ),
    Measure(
        *("level_change", "level change", "dB", "near 0", MUSIC, "mean"),
        "Loudness (ITU-R BS.1770) of the upmix minus that of the stereo.",
    ),
    Measure(
        *("level_pumping", "level pumping", "dB", "lower", MUSIC, "mean"),
        "Standard deviation of the power of the upmix relative to the stereo, in blocks of 100 ms.",
    ),
)


@dataclass(frozen=True)
class BenchmarkRow:
    """Results of one upmixer."""

    name: str
    layout: str
    """Layout of the output."""
    origin: str
    """Class and package of the upmixer, with version."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """One value per measure, NaN where it does not apply."""
    scenes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Values per scene."""
    lag: int = 0
    """Delay of the output in samples, before alignment."""
    speed: float = math.nan
    """Seconds of audio upmixed per second."""
    error: str = ""
    """Reason of a failure, "" if there was none."""


@dataclass(frozen=True)
class UpmixBenchmark:
    """Results of `benchmark_upmixers`."""

    layout: str
    seconds: float
    seed: int
    songs: tuple[str, ...]
    rows: tuple[BenchmarkRow, ...]
    notes: tuple[str, ...] = ()
    scenes: int = 0
    """Number of sets of directions per song."""
    stimuli: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint of the stereo signal of each scene, see `fingerprint`."""
    versions: Mapping[str, str] = field(default_factory=dict)

    def table(self) -> Results:
        """Return the measures of all scenes, one item per system and scene."""
        return Results.from_rows(
            ({"system": row.name, "reference": scene}, values)
            for row in self.rows
            if not row.error
            for scene, values in row.scenes.items()
        )

    def to_csv(self) -> str:
        """Return the measures of all scenes as CSV, for ``spatialkit compare``."""
        return self.table().to_csv()

    def compare(self, baseline: str) -> Comparison:
        """Compare each system with one of them, paired by scene.

        Parameters
        ----------
        baseline : str
            Name of a system.

        Raises
        ------
        OptionError
            If the system has no values, or there is no other one.
        """
        table = self.table()
        if baseline not in table.systems:
            raise OptionError(unknown_name("baseline", baseline, table.systems))
        if len(table.systems) < 2:
            raise OptionError(f"there is no other system to compare with {baseline!r}")
        ordered = {
            m.name: table.values[m.name] for m in MEASURES if m.better and _is_tested(table, m)
        }
        definitions = {
            m.name: Metric(m.name, m.title, m.unit, m.better, m.help, decimals=m.decimals)
            for m in MEASURES
        }
        return compare_systems(
            Results(table.items, ordered), baseline=baseline, definitions=definitions
        )

    def to_json(self, *, baseline: str | None = None) -> str:
        """Return all results as JSON; null for NaN, "inf" and "-inf" for infinities.

        Parameters
        ----------
        baseline : str, optional
            Name of a system: "comparison" contains the values of `compare`.

        Raises
        ------
        OptionError
            As for `compare`.
        """
        facts = _as_plain(self)
        if baseline is not None:
            facts["comparison"] = self.compare(baseline).to_dict()
        return to_json(facts, indent=2)

    def to_markdown(self) -> str:
        """Return a table with one row per measure and one column per upmixer as Markdown."""
        return _markdown(self)

    def to_text(self) -> str:
        """Return the table as plain text, with the definitions of the measures."""
        return _text(self)

    def panels(self) -> tuple[Panel, ...]:
        """Return the measures as panels of a figure, with one value per scene."""
        return _panels(self)

    def plot(self, *, ax: Any = None, columns: int = 2) -> NDArray[Any]:
        """Plot the measures, see `spatialkit.plots.plot_benchmark`."""
        return plots().plot_benchmark(self, ax=ax, columns=columns)

    def figure(self, path: str | os.PathLike[str]) -> None:
        """Plot the measures, one point per scene, to an image file such as .png or .svg.

        Raises
        ------
        SpatialkitError
            If matplotlib (extra ``plot``) is not installed, or the file cannot be written.
        """
        plots().write_benchmark(self, path, f"Upmixers to {self.layout}: {', '.join(self.songs)}")

    def _repr_html_(self) -> str:
        return plots().markdown_html(self.to_markdown())


def _as_plain(results: UpmixBenchmark) -> dict[str, Any]:
    """Return all results as plain values."""
    return {
        "layout": results.layout,
        "seconds": results.seconds,
        "seed": results.seed,
        "songs": list(results.songs),
        "scenes": results.scenes,
        "stimuli": dict(results.stimuli),
        "versions": dict(results.versions),
        "notes": list(results.notes),
        "measures": [asdict(measure) for measure in MEASURES],
        "rows": [{**asdict(row), "summary": _summary(row)} for row in results.rows],
    }


def _is_tested(table: Results, measure: Measure) -> bool:
    """Return whether a measure has values of at least two scenes per system."""
    values = table.values.get(measure.name, np.zeros(0))
    return int(np.count_nonzero(~np.isnan(values))) > len(table.systems)


def _summary(row: BenchmarkRow) -> dict[str, dict[str, float]]:
    """Return the distribution of each measure over scenes."""
    found = {}
    for measure in MEASURES:
        values = _values(row, measure)
        if values and not row.error:
            low, high = pooled_interval(values, measure.pool)
            median, pooled = float(np.median(values)), row.measures[measure.name]
            facts = {"pooled": pooled, "low": low, "high": high, "median": median}
            found[measure.name] = {**facts, "count": len(values)}
    return found


def _values(row: BenchmarkRow, measure: Measure) -> list[float]:
    """Return the values of all scenes without NaN."""
    values = (scene.get(measure.name, math.nan) for scene in row.scenes.values())
    return [value for value in values if not math.isnan(value)]


def _markdown(results: UpmixBenchmark) -> str:
    """Format one row per measure and one column per upmixer."""
    header, lines = _cells(results, intervals=True)
    notes = [
        "In parentheses the 95 % confidence interval (bootstrap over scenes).",
        *_notes(results),
    ]
    return "\n".join([markdown_table(header, lines), "", *(f"- {note}" for note in notes)])


def _text(results: UpmixBenchmark) -> str:
    """Format the table as columns, with the definitions of the measures."""
    header, lines = _cells(results)
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    text = []
    for first, *values, last in (header, *lines):
        middle = (f"{value:>{width}}" for value, width in zip(values, widths[1:-1], strict=True))
        text.append("  ".join([f"{first:<{widths[0]}}", *middle, last]).rstrip())
    text.append("")
    for measure in filter(lambda measure: measure.help, MEASURES):
        text += textwrap.wrap(f"{measure.title}: {measure.help}", WIDTH, subsequent_indent="  ")
    for note in _notes(results):
        text += textwrap.wrap(note, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(text)


def _panels(results: UpmixBenchmark) -> tuple[Panel, ...]:
    """Return one panel per measure that has a value, with one value per scene."""
    panels = []
    rows = [row for row in results.rows if not row.error]
    for measure in MEASURES:
        if not any(math.isfinite(row.measures[measure.name]) for row in rows):
            continue
        bars = []
        for row in rows:
            points = tuple(_values(row, measure))
            interval = pooled_interval(points, measure.pool)
            bars.append(Bar(row.name, row.measures[measure.name], *interval, points))
        aim = f"{measure.better} is better" if measure.better else "no better direction"
        panels.append(Panel(measure.header, aim, tuple(bars), measure.decimals))
    return tuple(panels)


def _cells(
    results: UpmixBenchmark, *, intervals: bool = False
) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of the table; the outer columns are text."""
    rows = [row for row in results.rows if not row.error]
    header = ["", *(row.name for row in rows), "better"]
    lines = []
    for measure in MEASURES:
        values = [_cell(row, measure, intervals) for row in rows]
        lines.append([measure.header, *values, measure.better or "-"])
    speeds = [f"{row.speed:.{0 if row.speed >= 10.0 else 1}f}" for row in rows]
    speeds = ["-" if speed == "nan" else speed for speed in speeds]
    lines.append(["speed, times real time", *speeds, "higher"])
    return header, lines


def _notes(results: UpmixBenchmark) -> list[str]:
    notes = []
    for row in results.rows:
        if row.error:
            notes.append(f"{row.name} failed: {row.error}")
            continue
        if row.layout != results.layout:
            notes.append(f"{row.name} has output format {row.layout}.")
        if row.lag:
            late = "late" if row.lag > 0 else "early"
            notes.append(f"{row.name} is {abs(row.lag)} samples {late}; it was aligned.")
    return [*notes, *results.notes]


def _cell(row: BenchmarkRow, measure: Measure, intervals: bool) -> str:
    text = _number(row.measures[measure.name], measure)
    low, high = pooled_interval(_values(row, measure), measure.pool)
    if not intervals or not math.isfinite(low):
        return text
    return f"{text} ({_number(low, measure)} to {_number(high, measure)})"


def _number(value: float, measure: Measure) -> str:
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf" if value > 0.0 else "-inf"
    return f"{round(value, measure.decimals) + 0.0:.{measure.decimals}f}"
