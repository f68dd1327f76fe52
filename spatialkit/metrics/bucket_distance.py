"""1-Wasserstein distance of two sets of differences in linear time.

The distance is the area between both distribution functions. Where these do not cross within a
bucket, the area of the bucket follows from its counts and sums of values alone; only the values of
the other buckets are sorted. The result is that of sorting all values, at the cost of a histogram.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics.kernels import (
    add_area,
    count_differences,
    gather_differences,
)

# An even number: a difference of exactly 0, which is frequent, is at an edge.
BUCKETS = 1 << 15


def difference_distance(
    first: tuple[NDArray[Any], NDArray[Any]],
    second: tuple[NDArray[Any], NDArray[Any]],
    clip: float,
) -> float:
    """Return the distance between the differences of two pairs of arrays.

    Parameters
    ----------
    first, second : pair of contiguous ndarray of float32, shape (values,)
        Each set is the first array minus the second, limited to ``clip``.
    clip : float
    """
    # Just below, so that a rounded difference at the limit is at the limit.
    limit = float(np.nextafter(np.float32(clip), np.float32(0.0)))
    scale = BUCKETS / (2.0 * limit)
    sets = [_counted(pair, limit, scale) for pair in (first, second)]
    # Whole numbers, so that equal sets have no distance: heights times both sizes.
    sizes = [pair[0].size for pair in (first, second)]
    common = math.gcd(*sizes)
    steps = np.array([sizes[1] // common, sizes[0] // common], np.float64)
    edges = np.linspace(-limit, limit, BUCKETS + 1)
    rises = [counts * step for (counts, _, _), step in zip(sets, steps, strict=True)]
    atoms = sets[0][2] * steps[0] - sets[1][2] * steps[1]
    heights = np.empty(BUCKETS)
    heights[0] = 0.0
    np.cumsum((rises[0] - rises[1])[:-1], out=heights[1:])
    heights += atoms[0]
    heights[BUCKETS // 2 :] += atoms[1]
    # Of each bucket: the area of the signed difference of both functions.
    areas = heights * np.diff(edges)
    for sign, (counts, sums, _), step in zip((1.0, -1.0), sets, steps, strict=True):
        areas += sign * step * (edges[1:] * counts - sums)
    crossed = (heights - rises[1] < 0.0) & (heights + rises[0] > 0.0)
    total = np.array([np.abs(areas[~crossed]).sum()])
    marked = np.flatnonzero(crossed)
    if marked.size:
        parts = [
            _sorted(pair, limit, scale, counts, marked)
            for pair, (counts, _, _) in zip((first, second), sets, strict=True)
        ]
        sides = np.stack([edges[marked], edges[marked + 1]], axis=1)
        (a, a_ends), (b, b_ends) = parts
        add_area(a, b, a_ends, b_ends, sides, steps, heights[marked], total)
    return float(total[0]) * common / (sizes[0] * sizes[1])


def _counted(
    pair: tuple[NDArray[Any], NDArray[Any]], limit: float, scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    counts, sums, atoms = np.zeros(BUCKETS), np.zeros(BUCKETS), np.zeros(3)
    count_differences(*pair, limit, scale, counts, sums, atoms)
    return counts, sums, atoms


def _sorted(
    pair: tuple[NDArray[Any], NDArray[Any]],
    limit: float,
    scale: float,
    counts: NDArray[np.float64],
    marked: NDArray[np.intp],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the sorted differences of the marked buckets, and the ends of the buckets."""
    ends = np.cumsum(counts[marked]).astype(np.int64)
    cursors = np.full(BUCKETS, -1, np.int64)
    cursors[marked] = ends - counts[marked].astype(np.int64)
    values = np.empty(int(ends[-1]), np.float32)
    gather_differences(*pair, limit, scale, cursors, values)
    values.sort()  # the buckets are in ascending order, too
    return values, ends
