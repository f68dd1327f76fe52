"""Figure of the values of metrics by system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spatialkit._display import plots
from spatialkit.errors import OptionError
from spatialkit.metrics.definitions import METRICS
from spatialkit.metrics.summary import summarize_values
from spatialkit.metrics.table import Table
from spatialkit.validation import unknown_name

COLUMNS = 3


def plot_results(results: Table, metrics: str | Sequence[str] | None, ax: Any) -> Any:
    """Plot metrics by system, see `Results.plot`."""
    names = (
        results.metrics if metrics is None else [metrics] if isinstance(metrics, str) else metrics
    )
    if metrics is None:
        names = [name for name in names if name not in METRICS or METRICS[name].better]
    for name in names:
        if name not in results.values:
            raise OptionError(unknown_name("metric", name, results.metrics))
    if ax is not None:
        if len(names) != 1:
            raise OptionError(f"ax shows one metric, got {len(names)}; name one in metrics")
        return _draw(results, names[0], ax)
    rows = max(1, -(-len(names) // COLUMNS))
    columns = min(len(names), COLUMNS) or 1
    height = 0.9 + 0.42 * max(len(results.systems), 1)
    figure = plots().new_figure(1.2 + 2.9 * columns, height * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for name, axes in zip(names, grid.flat, strict=False):
        _draw(results, name, axes)
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    return grid[0, 0] if len(names) == 1 else figure


def _draw(results: Table, name: str, axes: Any) -> Any:
    """Draw one row of points, mean and interval per system."""
    systems = results.systems or ("",)
    rng, palette = np.random.default_rng(0), plots().PALETTE
    for place, system in enumerate(systems):
        part = results.select(system=system) if system else results
        values = part[name]
        found = summarize_values(name, values, part.failed)
        finite = values[np.isfinite(values)]
        color = palette[place % len(palette)]
        heights = place + rng.uniform(-0.22, 0.22, len(finite))
        axes.plot(finite, heights, ".", color=color, markersize=3, alpha=0.35, markeredgewidth=0)
        if np.isfinite(found.low):
            axes.plot([found.low, found.high], [place, place], color="black", linewidth=2.5)
        if np.isfinite(found.mean):
            axes.plot(
                [found.mean], [place], "D", color=color, markeredgecolor="black", markersize=5
            )
        missing = len(values) - len(finite)
        if missing:
            axes.annotate(
                f"{missing} undefined or infinite",
                *((1.0, place), (-3, -9)),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                **{"fontsize": 6, "ha": "right"},
            )
    axes.set_yticks(range(len(systems)), systems)
    axes.set_ylim(len(systems) - 0.5, -0.5)
    metric = METRICS.get(name)
    axes.set_title(metric.header if metric else name, fontsize=9)
    aim = {"higher": "higher is better", "lower": "lower is better", "near 0": "best near 0"}
    axes.set_xlabel(aim.get(metric.better if metric else "", ""), fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    return axes
