"""Figure of the values of metrics by system."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from spatialkit._display import plots
from spatialkit.errors import OptionError
from spatialkit.metrics.definitions import METRICS
from spatialkit.metrics.summary import summarize_values
from spatialkit.metrics.table import Table
from spatialkit.results import Bar, Panel
from spatialkit.validation import unknown_name

TITLE_WIDTH = 36
AIMS = {"higher": "higher is better", "lower": "lower is better", "near 0": "best near 0"}


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
    if ax is not None and len(names) != 1:
        raise OptionError(f"ax shows one metric, got {len(names)}; name one in metrics")
    panels = [_panel(results, name) for name in names]
    axes = plots().plot_benchmark(panels, ax=None if ax is None else [ax])
    return axes[0] if len(names) == 1 else axes[0].figure


def _panel(results: Table, name: str) -> Panel:
    """Return the mean, interval and values of a metric, one bar per system."""
    bars, missing = [], 0
    for system in results.systems or ("",):
        part = results.select(system=system) if system else results
        values = part[name]
        found = summarize_values(name, values, part.failed)
        finite = tuple(values[np.isfinite(values)].tolist())
        missing += len(values) - len(finite)
        bars.append(Bar(system, found.mean, found.low, found.high, finite))
    metric = METRICS.get(name)
    notes = [AIMS.get(metric.better, "") if metric else ""]
    notes.append(f"{missing} undefined or infinite" if missing else "")
    return Panel(
        textwrap.fill(metric.header if metric else name, TITLE_WIDTH),
        "; ".join(filter(None, notes)),
        tuple(bars),
        metric.decimals if metric else 3,
    )
