"""The benchmark's columns, and its results as text, Markdown, JSON and a figure."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from spatialkit._json import to_json
from spatialkit.errors import SpatialkitError
from spatialkit.validation import extra

__all__ = ["MEASURES", "BenchmarkRow", "Measure", "UpmixBenchmark"]

WIDTH = 80


@dataclass(frozen=True)
class Measure:
    """One measure of the benchmark, for people and for programs."""

    name: str
    title: str
    unit: str
    better: str
    """"lower", "higher", "near 0", or "" where neither is."""
    scenes: tuple[str, ...]
    """Kinds of scene that it is taken on."""
    pool: str
    """How the scenes make one figure: "mean"; "energy", the mean of energy ratios, in dB; "least",
    the worst."""
    help: str
    decimals: int = 1


KNOWN = ("dry", "room")
MUSIC = ("dry", "room", "near-mono", "song")
ALL = (*MUSIC, "noise")
MEASURES = (
    Measure(
        *("direction_error", "direction error", "degrees", "lower", KNOWN, "mean"),
        "Angle between where a stem is in the stereo image, 30 degrees wide, and in the upmix.",
    ),
    Measure(
        *("leakage", "direct leakage", "dB", "lower", KNOWN, "energy"),
        "Direct sound in the loudspeakers around against that in front.",
    ),
    Measure(
        *("ambience_share", "ambience around", "%", "higher", ("room",), "mean"),
        "Share of ambience in what the loudspeakers around play; the rest is direct sound, and "
        "what is neither: artefacts.",
        0,
    ),
    Measure(
        *("ambience_moved", "ambience moved", "dB", "higher", ("room",), "energy"),
        "Ambience in the loudspeakers around against all that the stereo holds.",
    ),
    Measure(
        *("surround_correlation", "surround correlation", "", "lower", ("room",), "mean"),
        "Zero-lag correlation of pairs of loudspeakers around, 0 to 1, mean of seven octaves.",
        2,
    ),
    Measure(
        *("downmix_error", "fold-down", "dB", "higher", ALL, "least"),
        "The stereo against what the fold-down (ITU-R BS.775) differs from it; the worst scene.",
    ),
    Measure(
        *("correction", "correction", "dB", "lower", ALL, "energy"),
        "What makes the fold-down exact, against the upmix: already in it, or still to be added.",
    ),
    Measure(
        *("surround_level", "surround level", "dB", "", ("room",), "energy"),
        "Loudspeakers around at ear level or below against those in front.",
    ),
    Measure(
        *("height_level", "height level", "dB", "", ("room",), "energy"),
        "Loudspeakers above against those in front.",
    ),
    Measure(
        *("near_mono_surround_level", "near-mono surround", "dB", "", ("near-mono",), "energy"),
        "The surround level of a mix that is nearly mono.",
    ),
    Measure(
        *("musical_noise", "musical noise", "", "near 0", ("noise",), "mean"),
        "Log kurtosis ratio of the power spectrum of noise; 0 for linear filters.",
        2,
    ),
    Measure(
        *("level_change", "level change", "dB", "near 0", MUSIC, "mean"),
        "Loudness (ITU-R BS.1770) of the upmix less that of the stereo.",
    ),
    Measure(
        *("level_pumping", "level pumping", "dB", "lower", MUSIC, "mean"),
        "Standard deviation of the upmix's power against the stereo's, in blocks of 100 ms.",
    ),
)


@dataclass(frozen=True)
class BenchmarkRow:
    """What one upmixer did."""

    name: str
    layout: str
    """What it made."""
    origin: str
    """Where it comes from, with its version."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """One figure for each measure, NaN where it does not apply."""
    scenes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The figures of each scene."""
    lag: int = 0
    """Samples that it was late by, before it was aligned."""
    speed: float = math.nan
    """Seconds of sound upmixed in a second."""
    error: str = ""
    """Why there is nothing of the above, "" if there is."""


@dataclass(frozen=True)
class UpmixBenchmark:
    """Results of `benchmark_upmixers`."""

    layout: str
    seconds: float
    seed: int
    songs: tuple[str, ...]
    rows: tuple[BenchmarkRow, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """All of it, that of each scene too; null for NaN, "inf" and "-inf" for infinities."""
        return to_json(_facts(self), indent=2)

    def to_markdown(self) -> str:
        """A table with a line per measure and a column per upmixer."""
        return _markdown(self)

    def to_text(self) -> str:
        """The table for a terminal, with what the measures mean."""
        return _text(self)

    def figure(self, path: str | os.PathLike[str]) -> None:
        """Draw the measures, a point for each scene, to an image file such as .png or .svg.

        Raises
        ------
        SpatialkitError
            If matplotlib (extra ``plot``) is not installed, or the file cannot be written.
        """
        _draw(self, path)


def _facts(results: UpmixBenchmark) -> dict[str, Any]:
    """All results as plain values."""
    return {
        "layout": results.layout,
        "seconds": results.seconds,
        "seed": results.seed,
        "songs": list(results.songs),
        "notes": list(results.notes),
        "measures": [asdict(measure) for measure in MEASURES],
        "rows": [asdict(row) for row in results.rows],
    }


def _markdown(results: UpmixBenchmark) -> str:
    """A line per measure, a column per upmixer."""
    header, lines = _cells(results)
    table = [header, ["---", *["---:"] * (len(header) - 2), "---"], *lines]
    text = ["| " + " | ".join(cells) + " |" for cells in table]
    notes = _notes(results)
    return "\n".join([*text, *(["", *notes] if notes else [])])


def _text(results: UpmixBenchmark) -> str:
    """The same in columns, with what each measure means."""
    header, lines = _cells(results)
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    text = []
    for first, *values, last in (header, *lines):
        middle = (f"{value:>{width}}" for value, width in zip(values, widths[1:-1], strict=True))
        text.append("  ".join([f"{first:<{widths[0]}}", *middle, last]).rstrip())
    text.append("")
    for measure in MEASURES:
        text += textwrap.wrap(f"{measure.title}: {measure.help}", WIDTH, subsequent_indent="  ")
    for note in _notes(results):
        text += textwrap.wrap(note, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(text)


def figure_class() -> Any:
    """`matplotlib.figure.Figure`, or the reason why nothing can be drawn."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SpatialkitError(f"a figure needs {extra('plot')}") from error
    return Figure


def _draw(results: UpmixBenchmark, path: str | os.PathLike[str]) -> None:
    """Write one bar chart per measure, with a point for each scene."""
    rows = [row for row in results.rows if not row.error]
    shown = [
        measure
        for measure in MEASURES
        if any(math.isfinite(row.measures[measure.name]) for row in rows)
    ]
    columns = 4
    height = math.ceil(max(len(shown), 1) / columns)
    figure = figure_class()(figsize=(3.2 * columns, 0.7 + height * (0.9 + 0.3 * len(rows))))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(height, columns, squeeze=False, sharey=True).ravel()
    for axis, measure in zip(axes, shown, strict=False):
        for place, row in enumerate(rows):
            _draw_bar(axis, place, row, measure)
        unit = f" ({measure.unit})" if measure.unit else ""
        better = f", {measure.better} is better" if measure.better else ""
        axis.set_title(f"{measure.title}{unit}", fontsize=9)
        axis.set_xlabel(better.lstrip(", "), fontsize=8)
        axis.tick_params(labelsize=8)
        axis.axvline(0.0, color="0.6", linewidth=0.8)
    axes[0].set_yticks(range(len(rows)), [row.name for row in rows])
    axes[0].invert_yaxis()
    for axis in axes[len(shown) :]:
        axis.set_visible(False)
    figure.suptitle(f"Upmixers to {results.layout}: {', '.join(results.songs)}", fontsize=10)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise SpatialkitError(f"figure {os.fspath(path)} cannot be written: {error}") from error


def _draw_bar(axis: Any, place: int, row: BenchmarkRow, measure: Measure) -> None:
    value = row.measures[measure.name]
    if not math.isfinite(value):
        axis.text(0.02, place, _number(value, measure), fontsize=8, va="center")
        return
    axis.barh(place, _scaled(value, measure), color=f"C{place % 10}", alpha=0.6)
    scenes = (values.get(measure.name, math.nan) for values in row.scenes.values())
    points = [_scaled(value, measure) for value in scenes if math.isfinite(value)]
    axis.plot(points, [place] * len(points), "|", color="black", markersize=6)


def _cells(results: UpmixBenchmark) -> tuple[list[str], list[list[str]]]:
    """Texts of a table, its header first; the outer columns are words."""
    rows = [row for row in results.rows if not row.error]
    header = ["", *(row.name for row in rows), "better"]
    lines = []
    for measure in MEASURES:
        unit = f", {measure.unit}" if measure.unit else ""
        values = [_number(row.measures[measure.name], measure) for row in rows]
        lines.append([f"{measure.title}{unit}", *values, measure.better or "-"])
    speeds = [f"{row.speed:.0f}" if row.speed >= 10.0 else f"{row.speed:.1f}" for row in rows]
    lines.append(["speed, times real time", *speeds, "higher"])
    return header, lines


def _notes(results: UpmixBenchmark) -> list[str]:
    notes = []
    for row in results.rows:
        if row.error:
            notes.append(f"{row.name} failed: {row.error}")
            continue
        if row.layout != results.layout:
            notes.append(f"{row.name} makes {row.layout}.")
        if row.lag:
            late = "late" if row.lag > 0 else "early"
            notes.append(f"{row.name} is {abs(row.lag)} samples {late}, which was put right.")
    return [*notes, *results.notes]


def _scaled(value: float, measure: Measure) -> float:
    return 100.0 * value if measure.unit == "%" else value


def _number(value: float, measure: Measure) -> str:
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf" if value > 0.0 else "-inf"
    return f"{round(_scaled(value, measure), measure.decimals) + 0.0:.{measure.decimals}f}"
