"""Exact binomial tests and planning, against SciPy's values and slow textbook code."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from spatialkit import listening
from spatialkit.errors import OptionError

ORACLE = json.loads(
    (Path(__file__).parents[1] / "data/listening/abx.json").read_text(encoding="utf-8")
)


def tail(correct, trials, probability=0.5):
    """Probability of at least so many correct answers, term by term."""
    return math.fsum(
        math.comb(trials, k) * probability**k * (1.0 - probability) ** (trials - k)
        for k in range(correct, trials + 1)
    )


@pytest.mark.parametrize("case", ORACLE["p_value"])
def test_p_values(case):
    correct, trials = map(int, case.split("/"))
    found = listening.binomial_test(correct, trials).p_value
    # sums of at most 100 terms in double precision
    assert found == pytest.approx(ORACLE["p_value"][case], rel=1e-12)
    assert found == pytest.approx(tail(correct, trials), rel=1e-12)


def test_intervals():
    found = listening.binomial_test(40, 50)
    # bounds by a root finder of tolerance 1e-12
    assert found.wilson == pytest.approx(ORACLE["wilson95"]["40/50"], abs=1e-9)
    assert found.clopper_pearson == pytest.approx(ORACLE["clopper_pearson95"]["40/50"], abs=1e-9)
    assert found.proportion == 0.8
    # The tail beyond each end of the exact interval is 2.5 %.
    low, high = found.clopper_pearson
    assert tail(40, 50, low) == pytest.approx(0.025, abs=1e-9)
    assert 1.0 - tail(41, 50, high) == pytest.approx(0.025, abs=1e-9)
    # Wilson: roots of |p - 0.8| = 1.96 sqrt(p (1 - p) / 50)
    for end in found.wilson:
        assert abs(end - 0.8) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / 50), abs=1e-6)


def test_two_sided_p_values_are_symmetric():
    for correct in range(17):
        two_sided = listening.binomial_test(correct, 16, alternative="two-sided").p_value
        expected = min(1.0, 2.0 * tail(max(correct, 16 - correct), 16))
        assert two_sided == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("trials", [int(n) for n in ORACLE["needed_correct_p05"]])
def test_correct_answers_needed(trials):
    needed = listening.correct_needed(trials)
    assert needed == ORACLE["needed_correct_p05"][str(trials)]
    assert tail(needed, trials) <= 0.05 < tail(needed - 1, trials)


def test_four_of_five_by_one_listener_prove_nothing():
    assert listening.binomial_test(4, 5).p_value == 0.1875
    assert listening.binomial_test(5, 5).p_value == 0.03125
    assert listening.correct_needed(5) == 5
    assert listening.correct_needed(4) is None


def test_power():
    assert round(listening.binomial_power(16, 0.7), 2) == 0.45
    assert round(listening.binomial_power(50, 0.7), 2) == 0.86
    assert listening.binomial_power(16, 0.7) == pytest.approx(tail(12, 16, 0.7), rel=1e-12)
    assert listening.binomial_power(4, 0.99) == 0.0


@pytest.mark.parametrize("probability", [0.55, 0.6, 0.7, 0.8, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_trials_needed_are_sufficient_from_there_on(probability, power):
    needed = listening.trials_needed(probability, power)
    insufficient = [
        trials
        for trials in range(1, needed + 300)
        if listening.binomial_power(trials, probability) < power
    ]
    assert needed == max(insufficient) + 1


def test_wrong_arguments_are_refused():
    for call in (
        lambda: listening.binomial_test(5, 4),
        lambda: listening.binomial_test(1, 4, alternative="less"),
        lambda: listening.correct_needed(0),
        lambda: listening.trials_needed(0.4),
        lambda: listening.trials_needed(0.5),
        lambda: listening.trials_needed(0.501),
        lambda: listening.trials_needed(0.7, 1.0),
        lambda: listening.correct_needed(5, level=0.0),
    ):
        with pytest.raises(OptionError):
            call()
    assert math.isnan(listening.binomial_test(0, 0).p_value)
