"""Aggregation of a measure over scenes, with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from spatialkit.metrics import bootstrap_interval

__all__ = ["Pool", "pool", "pooled_interval"]

Pool = Literal["mean", "energy", "minimum", "maximum"]
"""Aggregation of a measure over scenes; "energy" is the mean of energy ratios, in dB."""


def pool(values: Sequence[float], rule: Pool) -> float:
    """Aggregate the values of all scenes without NaN.

    Parameters
    ----------
    values : sequence of float
        One value per scene.
    rule : Pool

    Returns
    -------
    float
        NaN if there is no value.

    Examples
    --------
    >>> round(pool([0.0, math.nan, -math.inf], "energy"), 2)
    -3.01
    """
    found = np.array([value for value in values if not math.isnan(value)])
    if not found.size:
        return math.nan
    rules: dict[Pool, Callable[[Any], Any]] = {
        "minimum": np.min,
        "maximum": np.max,
        "mean": np.mean,
    }
    if rule == "energy":
        return _decibels(float(np.mean(10.0 ** (found / 10.0))))
    return float(rules[rule](found))


def pooled_interval(values: Sequence[float], rule: Pool) -> tuple[float, float]:
    """Return the bootstrap 95 % confidence interval of an aggregate.

    The interval lies within the range of the values. It is NaN for "minimum" and "maximum", whose
    distribution the bootstrap does not estimate, for fewer than two values, and for infinite
    values.

    Parameters
    ----------
    values : sequence of float
        One value per scene.
    rule : Pool

    Examples
    --------
    >>> pooled_interval([0.0, 0.0, 0.0, 180.0], "mean")
    (0.0, 135.0)
    """
    found = np.array([value for value in values if not math.isnan(value)])
    if rule == "energy":
        found = 10.0 ** (found / 10.0)
    if rule in ("minimum", "maximum") or found.size < 2 or not np.isfinite(found).all():
        return math.nan, math.nan
    if np.all(found == found[0]):
        low = high = float(found[0])
    else:
        low, high = bootstrap_interval(found)
    return (_decibels(low), _decibels(high)) if rule == "energy" else (low, high)


def _decibels(power: float) -> float:
    return float(10.0 * np.log10(power)) if power > 0.0 else -math.inf
