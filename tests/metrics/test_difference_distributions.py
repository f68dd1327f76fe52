"""`DifferenceDistributions` against sorting, for sets that are apart, close, equal and limited."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spatialkit.metrics.difference_distributions import DifferenceDistributions


def distance(first, second, clip, blocks=1):
    """Return the distance of the differences of two pairs of arrays."""
    found = DifferenceDistributions(2, len(first[0]), clip)
    for signal, levels in enumerate((first, second)):
        for block in np.array_split(np.array(levels), blocks, axis=1):
            found.add(signal, np.ascontiguousarray(block))
    return float(found.distances()[0])


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
    # Rounded to 2^-22 of the limit; what is lost where both functions cross within a cell.
    found = distance(*sets, clip)
    assert found == pytest.approx(expected, abs=1e-6 * clip)
    assert distance(*sets, clip, blocks=3) == found
    assert distance(sets[1], sets[0], clip) == pytest.approx(found, rel=1e-9, abs=5e-7 * clip)


def test_equal_sets_have_no_distance(rng):
    level = tuple(rng.uniform(0.0, 5.0, (2, 20_000)).astype(np.float32))
    assert distance(level, level, 6.9) == 0.0
    order = rng.permutation(20_000)
    shuffled = tuple(row[order].copy() for row in level)
    assert distance(level, shuffled, 6.9) == 0.0
    twice = tuple(np.concatenate([row, row]) for row in level)
    assert distance(twice, level, 6.9) == 0.0


@pytest.mark.parametrize("apart", [1e-6, 1e-5, 1e-4, 1e-3])
def test_close_sets_have_the_distance_of_sorted_ones(rng, apart):
    """The functions cross nearly everywhere."""
    first = np.abs(rng.normal(3.0, 1.5, (2, 500_000))).astype(np.float32)
    second = (first + apart * rng.standard_normal(first.shape)).astype(np.float32)
    a, b = (np.sort(np.clip(x[0].astype(float) - x[1], -6.9, 6.9)) for x in (first, second))
    # 2e-5 dB, and the rounding to 6.9 * 2^-22
    assert distance(first, second, 6.9) == pytest.approx(np.abs(a - b).mean(), abs=3e-6)


def test_pairs_are_in_the_order_of_combinations(rng):
    levels = [np.zeros((3, 100), np.float32) for _ in range(2)]
    levels[1][2] = 1.0
    found = DifferenceDistributions(3, 100, 6.9)
    for signal in range(2):
        found.add(signal, levels[signal])
    np.testing.assert_allclose(found.distances(), [0.0, 1.0, 1.0], atol=1e-5)


@pytest.mark.parametrize(("channels", "cells"), [(2, 1 << 19), (6, 1 << 19), (24, 1 << 14)])
def test_the_memory_is_limited_for_any_length_and_number_of_channels(channels, cells):
    found = DifferenceDistributions(channels, 10**9, 6.9)
    assert found._cells.shape[2] == cells
    assert found._cells.nbytes <= 128 << 20
