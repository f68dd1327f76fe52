"""Statistics of MUSHRA ratings (ITU-R BS.1534-3)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError
from spatialkit.metrics import bootstrap_interval, holm_bonferroni
from spatialkit.validation import as_numbers

__all__ = ["MushraStatistics", "mushra_statistics", "screen_listeners"]

# BS.1534-3, section 4.1.2.
RATING_LIMIT = 90.0
MAX_FRACTION = 0.15
# Fraction of the listeners above which a high rating of the anchor is due to the item.
MAX_LISTENERS = 0.25


@dataclass(frozen=True)
class MushraStatistics:
    """Statistics of one question of a MUSHRA test.

    Attributes
    ----------
    conditions : tuple of dict
        For each condition "condition", "ratings" (their number), "median", its 95 % confidence
        interval "low" and "high", "mean", and the quartiles "q1" and "q3".
    friedman : dict
        "chi_square", "degrees", "p" and Kendall's "w" of all tested conditions; NaN for fewer than
        3 conditions or 2 listeners.
    pairs : tuple of dict
        For each pair of tested conditions "first", "second", "difference" (median over listeners of
        first - second), "p" of the Wilcoxon signed-rank test and "p_holm".
    """

    conditions: tuple[dict[str, Any], ...]
    friedman: dict[str, float]
    pairs: tuple[dict[str, Any], ...]


def screen_listeners(
    reference: ArrayLike, anchor: ArrayLike | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Find listeners to exclude, by the post-screening of BS.1534-3.

    A listener is excluded who rates the hidden reference below 90 for more than 15 % of the items,
    or the mid-range anchor (7 kHz) above 90 for more than 15 % of them. Items whose anchor more
    than 25 % of the listeners rate above 90 do not count for the latter: their sound hardly changes
    with the filter of the anchor.

    Parameters
    ----------
    reference : array_like of float, shape (listeners, items)
        Ratings of the hidden reference; NaN where there is none.
    anchor : array_like of float, shape (listeners, items), optional
        Ratings of the mid-range anchor.

    Returns
    -------
    excluded : ndarray of bool, shape (listeners,)
    reference_fraction, anchor_fraction : ndarray of float64, shape (listeners,)
        Fractions of the items with such a rating; NaN without ratings.

    References
    ----------
    ITU-R BS.1534-3, "Method for the subjective assessment of intermediate quality level of audio
    systems", 2015, section 4.1.2, https://www.itu.int/rec/R-REC-BS.1534.

    Examples
    --------
    >>> excluded, fraction, _ = screen_listeners([[100, 95, 100, 100], [100, 60, 100, 100]])
    >>> excluded.tolist(), fraction.tolist()
    ([False, True], [0.0, 0.25])
    """
    below = _fractions(_table(reference, "reference"), lambda values: values < RATING_LIMIT)
    above = np.full(below.shape, np.nan)
    if anchor is not None:
        ratings = _table(anchor, "anchor")
        by_item = _fractions(ratings.T, lambda values: values > RATING_LIMIT)
        counted = np.where(np.nan_to_num(by_item) > MAX_LISTENERS, np.nan, ratings)
        above = _fractions(counted, lambda values: values > RATING_LIMIT)
        if above.shape != below.shape:
            raise OptionError("reference and anchor must have the same listeners")
    excluded = np.nan_to_num(below) > MAX_FRACTION
    return excluded | (np.nan_to_num(above) > MAX_FRACTION), below, above


def mushra_statistics(
    ratings: ArrayLike, conditions: Sequence[str], *, tested: Sequence[str] | None = None
) -> MushraStatistics:
    """Calculate medians, their intervals, and tests of differences between conditions.

    Ratings of one listener depend on each other, so listeners are the sample: confidence intervals
    are bootstrapped over listeners, and tests compare the means over items of each listener.

    Parameters
    ----------
    ratings : array_like of float, shape (listeners, items, conditions)
        0 to 100; NaN where there is no rating.
    conditions : sequence of str
        Names of the conditions.
    tested : sequence of str, optional
        Conditions that are tested against each other, by default all. Leave out anchors: each
        additional pair makes the correction for multiple tests stricter.

    Returns
    -------
    MushraStatistics

    Raises
    ------
    OptionError
        If the ratings are not such an array.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ratings = rng.uniform(40, 60, (12, 5, 2)) + [0, 20]
    >>> found = mushra_statistics(ratings, ["a", "b"])
    >>> [round(each["median"]) for each in found.conditions], found.pairs[0]["p"] < 0.001
    ([52, 71], True)
    """
    array = as_numbers(ratings, "ratings", OptionError)
    if array.ndim != 3 or array.shape[2] != len(conditions):
        raise OptionError(
            f"ratings must have shape (listeners, items, {len(conditions)} conditions), got "
            f"{array.shape}"
        )
    if np.any((array < 0.0) | (array > 100.0)):
        raise OptionError("ratings must be from 0 to 100")
    names = list(conditions)
    chosen = names if tested is None else list(tested)
    if missing := [name for name in chosen if name not in names]:
        raise OptionError(f"tested contains {missing[0]!r}, which is not a condition")
    means = _nanmean(array, axis=1)[:, [names.index(name) for name in chosen]]
    return MushraStatistics(
        tuple(_condition(name, array[:, :, n]) for n, name in enumerate(names)),
        _friedman(means),
        tuple(_pairs(means, chosen)),
    )


def _condition(name: str, ratings: NDArray[np.float64]) -> dict[str, Any]:
    """Return the statistics of a condition, (listeners, items)."""
    rated = ratings[~np.isnan(ratings).all(axis=1)]
    values = rated[~np.isnan(rated)]
    facts: dict[str, Any] = {"condition": name, "ratings": len(values)}
    if not len(values):
        return {**facts, **dict.fromkeys(("median", "low", "high", "mean", "q1", "q3"), np.nan)}

    def median(index: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        resampled = rated[np.asarray(index, dtype=np.intp)]
        return np.asarray(np.nanmedian(resampled, axis=(-2, -1)))

    low, high = bootstrap_interval(np.arange(len(rated)), median)
    q1, middle, q3 = np.percentile(values, [25.0, 50.0, 75.0])
    found = {"median": middle, "low": low, "high": high, "mean": values.mean(), "q1": q1, "q3": q3}
    return {**facts, **{key: float(value) for key, value in found.items()}}


def _friedman(means: NDArray[np.float64]) -> dict[str, float]:
    """Return Friedman's test of means (listeners, conditions)."""
    complete = means[~np.isnan(means).any(axis=1)]
    listeners, conditions = complete.shape
    facts = {"listeners": float(listeners), "degrees": float(max(conditions - 1, 0))}
    if listeners < 2 or conditions < 3 or np.all(np.ptp(complete, axis=1) == 0.0):
        return {**facts, "chi_square": np.nan, "p": np.nan, "w": np.nan}
    from scipy.stats import friedmanchisquare

    found = friedmanchisquare(*complete.T)
    chi_square = float(found.statistic)
    kendall = chi_square / (listeners * (conditions - 1))
    return {**facts, "chi_square": chi_square, "p": float(found.pvalue), "w": kendall}


def _pairs(means: NDArray[np.float64], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return Wilcoxon's signed-rank test of each pair of conditions."""
    from scipy.stats import wilcoxon

    found: list[dict[str, Any]] = []
    for i, j in itertools.combinations(range(len(names)), 2):
        differences = means[:, i] - means[:, j]
        differences = differences[~np.isnan(differences)]
        facts = {"first": names[i], "second": names[j], "listeners": len(differences)}
        p_value = np.nan
        if np.any(differences != 0.0):
            p_value = float(wilcoxon(differences).pvalue)
        elif len(differences):
            p_value = 1.0
        middle = float(np.median(differences)) if len(differences) else np.nan
        found.append({**facts, "difference": middle, "p": p_value})
    adjusted = holm_bonferroni(np.array([pair["p"] for pair in found], dtype=np.float64))
    return [{**pair, "p_holm": float(p)} for pair, p in zip(found, adjusted, strict=True)]


def _fractions(table: NDArray[np.float64], condition: Any) -> NDArray[np.float64]:
    """Return the fraction of the ratings of each listener that meet a condition."""
    rated = ~np.isnan(table)
    count = rated.sum(axis=1)
    found = np.full(len(table), np.nan)
    hits = np.sum(condition(np.where(rated, table, RATING_LIMIT)) & rated, axis=1)
    return np.divide(hits, count, out=found, where=count > 0)


def _nanmean(array: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return means without NaN, NaN where there is nothing else."""
    known = ~np.isnan(array)
    count = known.sum(axis=axis)
    mean = np.full(count.shape, np.nan)
    return np.divide(np.sum(array, axis=axis, where=known), count, out=mean, where=count > 0)


def _table(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = as_numbers(values, name, OptionError)
    if array.ndim != 2:
        raise OptionError(f"{name} must have shape (listeners, items), got {array.shape}")
    return array
