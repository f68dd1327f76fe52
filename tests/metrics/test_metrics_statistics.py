"""Correction of p values and bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit import metrics
from spatialkit.errors import OptionError

P_VALUES = st.lists(st.floats(0.0, 1.0), max_size=12)


def test_holm_of_the_textbook_example():
    """R 4.3: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm"), and in another order."""
    expected = [0.05, 0.08, 0.09, 0.09, 0.09]
    # products of decimals with small integers: one rounding each
    np.testing.assert_allclose(
        metrics.holm_bonferroni([0.01, 0.02, 0.03, 0.04, 0.05]), expected, atol=1e-15
    )
    np.testing.assert_allclose(
        metrics.holm_bonferroni([0.04, 0.01, 0.05, 0.03, 0.02]),
        [0.09, 0.05, 0.09, 0.09, 0.08],
        atol=1e-15,
    )


@given(P_VALUES, st.floats(0.001, 0.2))
def test_holm_rejects_as_the_sequential_procedure(p_values, level):
    """Holm 1979: compare the smallest with level / m, the next with level / (m - 1), and so on."""
    rejected = set()
    for place, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] * (len(p_values) - place) > level:
            break
        rejected.add(int(index))
    adjusted = metrics.holm_bonferroni(p_values)
    assert set(np.flatnonzero(adjusted <= level).tolist()) == rejected


@given(P_VALUES)
def test_holm_is_between_the_p_value_and_bonferroni(p_values):
    adjusted = metrics.holm_bonferroni(p_values)
    assert np.all(adjusted >= p_values)
    assert np.all(adjusted <= np.minimum(len(p_values) * np.array(p_values), 1.0))


def test_holm_does_not_count_tests_that_could_not_be_made():
    adjusted = metrics.holm_bonferroni([0.01, np.nan, 0.02])
    np.testing.assert_allclose(adjusted, [0.02, np.nan, 0.02], atol=1e-15)


@pytest.mark.parametrize("wrong", [[1.5], [-0.1], [[0.1]], ["a"], None, 0.5])
def test_holm_refuses_what_is_no_list_of_probabilities(wrong):
    with pytest.raises(OptionError, match="p_values must"):
        metrics.holm_bonferroni(wrong)


def test_bootstrap_of_the_mean_agrees_with_the_normal_interval(rng):
    values = rng.standard_normal(400)
    low, high = metrics.bootstrap_interval(values)
    error = 1.96 * values.std() / 20.0
    # percentile ends from 9999 resamples have a standard error of about 2 % of the half-width
    np.testing.assert_allclose(
        [low, high], values.mean() + error * np.array([-1, 1]), atol=0.1 * error
    )
    assert (low, high) == metrics.bootstrap_interval(values)
    assert (low, high) != metrics.bootstrap_interval(values, seed=1)


def test_bootstrap_of_the_median_of_equal_values_is_the_value():
    assert metrics.bootstrap_interval([3.0, 3.0, 3.0], np.median) == (3.0, 3.0)
    assert np.isnan(metrics.bootstrap_interval([3.0])).all()
    assert np.isnan(metrics.bootstrap_interval([])).all()


@pytest.mark.parametrize(
    "wrong", [{"confidence": 1.0}, {"confidence": 0.0}, {"resamples": 1}, {"seed": -1}]
)
def test_bootstrap_refuses_other_arguments(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        metrics.bootstrap_interval([1.0, 2.0], **wrong)


def test_bootstrap_refuses_nan():
    with pytest.raises(OptionError, match="without NaN"):
        metrics.bootstrap_interval([1.0, np.nan])
