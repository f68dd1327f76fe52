"""Figures of benchmarks: one panel per metric, one bar per system."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spatialkit.errors import OptionError
from spatialkit.plots import figures
from spatialkit.results import Bar, Panel
from spatialkit.typing import StrPath

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["plot_benchmark", "write_benchmark"]

COLUMNS = 2
ROW_HEIGHT, PANEL_HEIGHT = 0.25, 0.75


def plot_benchmark(
    results: Any | Sequence[Panel], *, ax: Any = None, columns: int = COLUMNS
) -> NDArray[Any]:
    """Plot the results of a benchmark: one panel per metric, one bar per system.

    Parameters
    ----------
    results : Benchmark, UpmixBenchmark or sequence of Panel
        Results with a method ``panels``, or the panels.
    ax : sequence of matplotlib.axes.Axes, optional
        Axes to draw in, one per panel; by default those of a new figure.
    columns : int
        Largest number of panels beside each other; with more than two, text is small in a column
        of 880 pixels.

    Returns
    -------
    ndarray of matplotlib.axes.Axes, shape (panels,)
        Bars are means, black lines their 95 % confidence intervals, marks the single values.

    Raises
    ------
    OptionError
        If ``results`` contain no panel, or the number of axes differs.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.

    Examples
    --------
    >>> from spatialkit.results import Bar, Panel
    >>> panel = Panel("SNR, dB", "higher is better", (Bar("matrix", 12.0), Bar("ambience", 15.0)))
    >>> len(plot_benchmark([panel]))
    1
    """
    figures.figure_class()  # a missing matplotlib is the first error
    panels = results.panels() if hasattr(results, "panels") else results
    if not isinstance(panels, Sequence) or not all(isinstance(each, Panel) for each in panels):
        raise OptionError(
            f"results must be those of a benchmark or panels, got {type(results).__name__}"
        )
    if not panels:
        raise OptionError("results contain no metric with a value")
    labels = list(dict.fromkeys(bar.label for panel in panels for bar in panel.bars))
    groups = list(dict.fromkeys(bar.group or bar.label for panel in panels for bar in panel.bars))
    columns = min(columns, len(panels))
    height = PANEL_HEIGHT + ROW_HEIGHT * len(labels)
    width = figures.WIDTH + 0.5 * (columns == COLUMNS) + 2.0 * max(columns - COLUMNS, 0)
    axes = figures.as_panels(ax, len(panels), columns=columns, height=height, width=width)
    for each, panel in zip(axes, panels, strict=True):
        for bar in panel.bars:
            _draw_bar(each, labels.index(bar.label), bar, panel, groups)
        each.set_title(panel.title, fontsize=figures.FONT_SIZE)
        each.set_xlabel(panel.aim, fontsize=figures.SMALL_FONT_SIZE)
        each.tick_params(labelsize=figures.SMALL_FONT_SIZE)
        each.axvline(0.0, color=figures.GREY, linewidth=0.8)
        each.set_yticks(range(len(labels)), labels)
        each.set_ylim(len(labels) - 0.5, -0.5)
        low, high = each.get_xlim()
        each.set_xlim(low - (low < 0.0) * 0.22 * (high - low), high + 0.16 * (high - low))
        figures.without_frame(each)
    return axes


def _draw_bar(axes: Any, place: int, bar: Bar, panel: Panel, groups: list[str]) -> None:
    """Draw the mean, its confidence interval, one mark per value, and the mean as a number."""
    if not math.isfinite(bar.mean):
        text = "-" if math.isnan(bar.mean) else str(bar.mean)
        axes.text(0.0, place, f" {text}", fontsize=figures.SMALL_FONT_SIZE, va="center")
        return
    colour = figures.colour(groups.index(bar.group or bar.label))
    axes.barh(place, bar.mean, height=0.7, color=colour, alpha=0.75)
    points = [value for value in bar.points if math.isfinite(value)]
    axes.plot(points, [place] * len(points), "|", color=figures.ink(), markersize=5, alpha=0.4)
    ends = [bar.mean, 0.0]
    if math.isfinite(bar.low) and math.isfinite(bar.high):
        axes.plot([bar.low, bar.high], [place, place], color=figures.ink(), linewidth=2.0)
        ends += [bar.low, bar.high]
    ends += points
    is_left = bar.mean < 0.0
    mean = round(bar.mean, panel.decimals) + 0.0  # no "-0.0"
    axes.annotate(
        f"{mean:.{panel.decimals}f}", (float(np.min(ends) if is_left else np.max(ends)), place),
        (-3 if is_left else 3, 0), textcoords="offset points", va="center",
        ha="right" if is_left else "left", fontsize=figures.SMALL_FONT_SIZE,
    )  # fmt: skip


def write_benchmark(results: Any, path: StrPath, title: str) -> None:
    """Write the figure of `plot_benchmark` to an image file such as .png or .svg.

    Parameters
    ----------
    results : Benchmark, UpmixBenchmark or sequence of Panel
    path : str or path
    title : str
        Title of the figure.

    Raises
    ------
    OptionError
        If ``results`` contain no panel.
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed, or the file cannot be written.
    """
    figure = plot_benchmark(results)[0].figure
    figure.suptitle(title, fontsize=figures.FONT_SIZE + 1.0)
    figures.write_figure(figure, path)
