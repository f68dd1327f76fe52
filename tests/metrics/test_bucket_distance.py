"""`difference_distance` against sorting, for sets that are apart, close, equal and limited."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spatialkit.metrics.bucket_distance import difference_distance


@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (1000, 700), (50_000, 50_000)])
@pytest.mark.parametrize("apart", [0.0, 1e-4, 0.1, 3.0])
@pytest.mark.parametrize("clip", [0.5, 6.9])
def test_the_distance_is_that_of_scipy(rng, sizes, apart, clip):
    """Levels are 0 at the floor, so that many differences are exactly 0 or at the limit."""
    levels = [np.maximum(2.0 * rng.standard_normal((2, n)), 0.0) for n in sizes]
    if sizes[0] == sizes[1]:
        levels[1] = np.maximum(levels[0] + apart * rng.standard_normal(levels[0].shape), 0.0)
    sets = [tuple(np.ascontiguousarray(row, np.float32) for row in level) for level in levels]
    values = [np.clip(a.astype(np.float64) - b, -clip, clip) for a, b in sets]
    expected = stats.wasserstein_distance(*values)
    # float32 differences, and a limit one unit in the last place below
    found = difference_distance(*sets, clip)
    assert found == pytest.approx(expected, abs=2e-7 * clip)
    assert difference_distance(sets[1], sets[0], clip) == pytest.approx(found, rel=1e-9, abs=1e-15)


def test_equal_sets_have_no_distance(rng):
    level = tuple(rng.uniform(0.0, 5.0, (2, 20_000)).astype(np.float32))
    assert difference_distance(level, level, 6.9) == 0.0
    order = rng.permutation(20_000)
    shuffled = tuple(row[order].copy() for row in level)
    assert difference_distance(level, shuffled, 6.9) == 0.0
    twice = tuple(np.concatenate([row, row]) for row in level)
    assert difference_distance(twice, level, 6.9) == 0.0
