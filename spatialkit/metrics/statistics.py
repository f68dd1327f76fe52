"""Statistics of repeated comparisons: correction of p values, bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_count, as_number, as_numbers, shown

__all__ = ["bootstrap_interval", "holm_bonferroni"]


def holm_bonferroni(p_values: ArrayLike) -> NDArray[np.float64]:
    r"""Adjust the p values of several tests by Holm's step-down method.

    The adjusted values are compared with the level of a single test: rejecting all hypotheses whose
    adjusted value is at most 0.05 keeps the probability of any false rejection at most 0.05,
    whatever the dependence of the tests.

    .. math:: \tilde p_{(i)} = \min\bigl(1, \max_{j \le i} (m - j + 1)\, p_{(j)}\bigr)

    Parameters
    ----------
    p_values : array_like of float, shape (tests,)
        0 to 1, in any order. NaN is a test that could not be made: it stays NaN and is not counted.

    Returns
    -------
    ndarray of float64, shape (tests,)
        Adjusted p values, in the order given.

    Raises
    ------
    OptionError
        If a value is not from 0 to 1, or the values have more than one axis.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian J. Statistics
    6(2), 1979.

    Examples
    --------
    >>> holm_bonferroni([0.01, 0.04, 0.03]).round(3)
    array([0.03, 0.06, 0.06])
    """
    values = as_numbers(p_values, "p_values", OptionError)
    if values.ndim != 1:
        raise OptionError(f"p_values must have shape (tests,), got {values.shape}")
    tested = ~np.isnan(values)
    if np.any((values[tested] < 0.0) | (values[tested] > 1.0)):
        raise OptionError(f"p_values must be from 0 to 1, got {shown(p_values)}")
    adjusted = np.full(values.shape, np.nan)
    order = np.flatnonzero(tested)[np.argsort(values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * values[order]), 1.0)
    return adjusted


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.mean,
    *,
    confidence: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
) -> tuple[float, float]:
    """Estimate a confidence interval of a statistic by the bootstrap (percentile method).

    Parameters
    ----------
    values : array_like of float, shape (values,)
        Independent observations, without NaN.
    statistic : callable
        Function of an array with the keyword ``axis``, such as `numpy.mean` or `numpy.median`.
    confidence : float
        Probability of the interval, above 0 and below 1.
    resamples : int
        Number of samples with replacement.
    seed : int
        Start of the random numbers: the same values give the same interval.

    Returns
    -------
    low, high : float
        NaN for fewer than two values.

    Raises
    ------
    OptionError
        If an argument is not accepted.

    References
    ----------
    B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993, chapter
    13.

    Examples
    --------
    >>> low, high = bootstrap_interval([1.0, 2.0, 3.0, 4.0, 5.0], np.median)
    >>> low, high
    (1.0, 5.0)
    """
    array = as_numbers(values, "values", OptionError)
    if array.ndim != 1 or np.isnan(array).any():
        raise OptionError(
            f"values must be numbers of shape (values,) without NaN, got {shown(values)}"
        )
    level = as_number(confidence, "confidence", minimum=0.0, maximum=1.0)
    if level in (0.0, 1.0):
        raise OptionError(f"confidence must be above 0 and below 1, got {level:g}")
    count = as_count(resamples, "resamples", minimum=100)
    rng = np.random.default_rng(as_count(seed, "seed", minimum=0))
    if len(array) < 2:
        return float("nan"), float("nan")
    from scipy.stats import bootstrap  # imported here: scipy.stats takes a second

    found = bootstrap(
        (array,),
        statistic,
        n_resamples=count,
        batch=max(1, 1_000_000 // len(array)),
        confidence_level=level,
        method="percentile",
        rng=rng,
    ).confidence_interval
    return float(found.low), float(found.high)
