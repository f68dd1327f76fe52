"""Distribution of a metric over many items: mean, median, deviation and bootstrap interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics.definitions import METRICS
from spatialkit.metrics.statistics import bootstrap_interval

__all__ = ["MetricSummary"]

SUMMARY_HEADER = (
    "metric",
    "unit",
    "mean",
    "95 % interval",
    "median",
    "deviation",
    "n",
    "undefined",
)


@dataclass(frozen=True)
class MetricSummary:
    """Distribution of a metric over items.

    Parameters
    ----------
    metric : str
        Name of the metric.
    count, undefined, failed : int
        Numbers of items with a value, of items for which the metric is not defined (NaN), and of
        items that could not be evaluated.
    mean, median, deviation : float
        Mean, median and standard deviation (of the population from which the items are sampled).
    low, high : float
        Bootstrap 95 % confidence interval of the mean; NaN below two values or beside infinite
        values.
    """

    metric: str
    count: int
    undefined: int
    failed: int
    mean: float
    median: float
    deviation: float
    low: float
    high: float

    def cells(self) -> list[str]:
        """Return a line of the table of `Results.to_markdown` as texts."""
        metric = METRICS.get(self.metric)
        decimals = metric.decimals if metric else 3
        mean, median, deviation = (
            number(value, decimals) for value in (self.mean, self.median, self.deviation)
        )
        return [
            *(self.metric, metric.unit if metric else "", mean),
            *(interval(self.low, self.high, decimals), median, deviation),
            *(str(self.count), str(self.undefined)),
        ]


def summarize_values(
    name: str,
    values: NDArray[np.float64],
    failed: NDArray[np.bool_],
    *,
    resamples: int = 9999,
    seed: int = 0,
) -> MetricSummary:
    """Return the distribution of the values (items,) of one metric."""
    known = values[~np.isnan(values) & ~failed]
    undefined = int(np.count_nonzero(np.isnan(values) & ~failed))
    count, lost = len(known), int(np.count_nonzero(failed))
    if not count:
        return MetricSummary(name, 0, undefined, lost, *[math.nan] * 5)
    with np.errstate(invalid="ignore"):  # inf - inf
        mean, median = float(known.mean()), float(np.median(known))
    deviation = low = high = math.nan
    if count > 1 and np.isfinite(known).all():
        deviation = float(known.std(ddof=1))
        low, high = interval_of_mean(known, resamples, seed)
    return MetricSummary(name, count, undefined, lost, mean, median, deviation, low, high)


def interval_of_mean(values: NDArray[np.float64], resamples: int, seed: int) -> tuple[float, float]:
    """Return the bootstrap interval of the mean; the value itself if all are equal."""
    if len(values) and np.all(values == values[0]):
        return float(values[0]), float(values[0])
    return bootstrap_interval(values, resamples=resamples, seed=seed)


def number(value: float, decimals: int) -> str:
    """Return a number as text, "-" for NaN."""
    if not math.isfinite(value):
        return "-" if math.isnan(value) else str(value)
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def interval(low: float, high: float, decimals: int) -> str:
    """Return an interval as text, "-" if it is not known."""
    if math.isnan(low) or math.isnan(high):
        return "-"
    return f"{number(low, decimals)} to {number(high, decimals)}"
