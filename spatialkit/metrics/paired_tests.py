"""Paired test of one metric between two systems, and its wording."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics.summary import MetricSummary, interval, interval_of_mean, number
from spatialkit.results import Metric

__all__ = ["PairedTest"]

Definitions = Mapping[str, Metric]

TEST_HEADER = ("metric", "systems", "difference", "95 % interval", "p", "p (Holm)", "r", "n")


@dataclass(frozen=True)
class PairedTest:
    """Paired test of one metric between two systems.

    Parameters
    ----------
    metric, first, second : str
        Names of the metric and of both systems.
    count : int
        Number of items for which the metric is defined for both systems.
    difference, low, high : float
        Mean of the second minus the first, and its bootstrap 95 % confidence interval. For metrics
        that are best near 0 the difference of the magnitudes.
    p, p_adjusted : float
        Two-sided p value of Wilcoxon's signed-rank test, and after Holm's correction for all tests
        of the comparison.
    effect : float
        Matched-pairs rank-biserial correlation, -1 to 1: the share of the rank sum in favour of
        positive differences minus that of negative ones.
    better : str
        Name of the system with the better mean; "" for equal systems, and for metrics whose
        direction of better values is unknown.
    """

    metric: str
    first: str
    second: str
    count: int
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float
    effect: float
    better: str


def paired_test(
    name: str,
    pair: tuple[str, str],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    better: str,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Return the fields of a `PairedTest`, except for the adjusted p value.

    The direction of better values is "higher", "lower", "near 0", or "" if it is unknown.
    """
    if better == "near 0":
        first, second = np.abs(first), np.abs(second)
    with np.errstate(invalid="ignore"):
        differences = np.where(first == second, 0.0, second - first)  # inf - inf
    differences = differences[~np.isnan(differences)]
    facts: dict[str, Any] = {"metric": name, "first": pair[0], "second": pair[1]}
    mean = low = high = p = effect = math.nan
    if len(differences):
        with np.errstate(invalid="ignore"):
            mean = float(differences.mean())
        p, effect = _signed_rank(differences)
        if len(differences) > 1 and np.isfinite(differences).all():
            low, high = interval_of_mean(differences, resamples, seed)
    winner = ""
    if better and mean and not math.isnan(mean):
        winner = pair[int((mean > 0.0) == (better == "higher"))]
    return {
        **facts,
        **{"count": len(differences), "difference": mean, "low": low, "high": high},
        **{"p": p, "effect": effect, "better": winner},
    }


def _signed_rank(differences: NDArray[np.float64]) -> tuple[float, float]:
    """Return the p value of Wilcoxon's test and the rank-biserial correlation."""
    from scipy.stats import rankdata, wilcoxon

    differences = differences[differences != 0.0]
    if not len(differences):
        return 1.0, 0.0
    # Infinite differences have the highest ranks.
    largest = np.abs(differences[np.isfinite(differences)]).max(initial=1.0)
    finite = np.clip(differences, -2.0 * largest, 2.0 * largest)
    ranks = rankdata(np.abs(finite))
    effect = float(np.sum(ranks * np.sign(finite)) / ranks.sum())
    return float(wilcoxon(finite).pvalue), effect


def definition(metric: str, definitions: Definitions) -> Metric:
    """Return the definition of a metric; an unknown one has its name as title and no unit."""
    return definitions.get(metric) or Metric(metric, metric, "", "", "", decimals=3)


def summary_cell(summary: MetricSummary, definitions: Definitions) -> str:
    """Return mean and interval as text."""
    metric = definition(summary.metric, definitions)
    decimals, unit = metric.decimals, metric.unit
    if math.isnan(summary.mean):
        return "-"
    text = " ".join(filter(None, [number(summary.mean, decimals), unit]))
    found = interval(summary.low, summary.high, decimals)
    return text if found == "-" else f"{text} ({found})"


def cells_of(test: PairedTest, definitions: Definitions) -> list[str]:
    """Return a line of the table of tests, see `TEST_HEADER`."""
    metric = definition(test.metric, definitions)
    decimals = metric.decimals
    return [
        *(metric.title, f"{test.second} - {test.first}"),
        _signed(test.difference, decimals),
        interval(test.low, test.high, decimals),
        *(_probability(test.p), _probability(test.p_adjusted)),
        *(number(test.effect, 2), str(test.count)),
    ]


def clause(test: PairedTest, definitions: Definitions) -> str:
    """Return metric, magnitude of the difference and p value as text."""
    metric = definition(test.metric, definitions)
    decimals, unit = metric.decimals, metric.unit
    sign = -1.0 if test.better == test.first else 1.0
    low, high = sorted((sign * test.low, sign * test.high))
    size = " ".join(filter(None, [_signed(sign * test.difference, decimals), unit]))
    found = interval(low, high, decimals)
    words = [size, *([] if found == "-" else [f"95 % interval {found}"])]
    p = _probability(test.p_adjusted)
    words.append(f"p {p}" if p.startswith("<") else f"p = {p}")
    return f"{metric.title} ({', '.join(words)})"


def _signed(value: float, decimals: int) -> str:
    text = number(value, decimals)
    return f"+{text}" if value > 0.0 and not text.startswith("+") else text


def _probability(p: float) -> str:
    if math.isnan(p):
        return "-"
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def enumerated(words: Sequence[str]) -> str:
    """Return words as an enumeration: "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def listed(start: str, clauses: Sequence[str]) -> str:
    """Return a sentence, or a list if there are more than three clauses."""
    if len(clauses) <= 3:
        return f"{start} {enumerated(clauses)}."
    return "\n".join([f"{start}:", "", *(f"- {clause}" for clause in clauses)])
