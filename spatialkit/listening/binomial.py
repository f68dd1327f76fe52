"""Exact binomial tests of forced choices, and the number of trials that they need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from spatialkit.errors import OptionError
from spatialkit.results import markdown_table
from spatialkit.validation import as_choice, as_count, as_number

__all__ = [
    "BinomialResult",
    "binomial_power",
    "binomial_test",
    "correct_needed",
    "planning_table",
    "trials_needed",
]

LEVEL = 0.05
CONFIDENCE = 0.95
# Longest test that is planned.
MAX_TRIALS = 10_000

Alternative = Literal["greater", "two-sided"]


@dataclass(frozen=True)
class BinomialResult:
    """Result of `binomial_test`.

    Attributes
    ----------
    correct, trials : int
    proportion : float
        ``correct / trials``; NaN without trials.
    p_value : float
        Probability of a result at least as extreme if answers are guessed (0.5); NaN without
        trials.
    clopper_pearson, wilson : tuple of float
        95 % confidence intervals of the proportion, two-sided: exact, and by Wilson's score.
    """

    correct: int
    trials: int
    proportion: float
    p_value: float
    clopper_pearson: tuple[float, float]
    wilson: tuple[float, float]


def binomial_test(
    correct: int, trials: int, *, alternative: Alternative = "greater"
) -> BinomialResult:
    """Test whether answers with two choices are better than guessing, exactly.

    Parameters
    ----------
    correct : int
        Number of correct answers, or of answers for one of two conditions.
    trials : int
        Number of answers.
    alternative : {"greater", "two-sided"}
        "greater" for an ABX test, where only more correct answers than by guessing count;
        "two-sided" for a preference, which may be for either condition.

    Returns
    -------
    BinomialResult

    Raises
    ------
    OptionError
        If an argument is not accepted.

    References
    ----------
    C. Clopper and E. Pearson, Biometrika 26(4), 1934; E. B. Wilson, J. American Statistical
    Association 22, 1927.

    Examples
    --------
    >>> binomial_test(12, 16).p_value.__round__(4)
    0.0384
    """
    trials = as_count(trials, "trials", minimum=0)
    correct = as_count(correct, "correct", minimum=0, maximum=trials)
    alternative = as_choice(alternative, "alternative", ("greater", "two-sided"))
    if trials == 0:
        nothing = (math.nan, math.nan)
        return BinomialResult(0, 0, math.nan, math.nan, nothing, nothing)
    from scipy.stats import binomtest

    p_value = binomtest(correct, trials, 0.5, alternative=alternative).pvalue
    # The intervals are two-sided for either alternative.
    found = binomtest(correct, trials, 0.5)
    exact = found.proportion_ci(CONFIDENCE, method="exact")
    wilson = found.proportion_ci(CONFIDENCE, method="wilson")
    return BinomialResult(
        correct,
        trials,
        correct / trials,
        float(p_value),
        (float(exact.low), float(exact.high)),
        (float(wilson.low), float(wilson.high)),
    )


def correct_needed(trials: int, *, level: float = LEVEL) -> int | None:
    """Return the smallest number of correct answers that guessing reaches too rarely.

    Parameters
    ----------
    trials : int
    level : float
        Level of significance, above 0 and below 1.

    Returns
    -------
    int or None
        None if no number of correct answers is significant.

    Examples
    --------
    >>> correct_needed(16), correct_needed(5), correct_needed(4)
    (12, 5, None)
    """
    trials = as_count(trials, "trials", maximum=2 * MAX_TRIALS)
    level = _probability(level, "level")
    from scipy.stats import binom

    needed = int(binom.isf(level, trials, 0.5)) + 1  # P(at least this many) is at most the level
    return needed if needed <= trials else None


def binomial_power(trials: int, probability: float, *, level: float = LEVEL) -> float:
    """Return the probability that a test is significant, its power.

    Parameters
    ----------
    trials : int
    probability : float
        Probability of a correct answer, 0 to 1.
    level : float
        Level of significance of the one-sided test, above 0 and below 1.

    Examples
    --------
    >>> round(binomial_power(16, 0.7), 2), round(binomial_power(50, 0.7), 2)
    (0.45, 0.86)
    """
    needed = correct_needed(trials, level=level)
    probability = as_number(probability, "probability", minimum=0.0, maximum=1.0)
    if needed is None:
        return 0.0
    from scipy.stats import binom

    return float(binom.sf(needed - 1, trials, probability))


def trials_needed(probability: float, power: float = 0.8, *, level: float = LEVEL) -> int:
    """Return the number of trials from which on a test has at least a given power.

    The power of an exact test does not grow with every trial; each larger number of trials is
    sufficient, too.

    Parameters
    ----------
    probability : float
        Probability of a correct answer, above 0.5.
    power : float
        Probability that the test is significant, above 0 and below 1.
    level : float
        Level of significance of the one-sided test, above 0 and below 1.

    Raises
    ------
    OptionError
        If an argument is not accepted, or more than 10000 trials are needed.

    Examples
    --------
    >>> trials_needed(0.7), trials_needed(0.8), trials_needed(0.9)
    (42, 18, 11)
    """
    probability = as_number(probability, "probability", minimum=0.5, maximum=1.0)
    power = _probability(power, "power")
    # Of the normal approximation; the exact number is near it.
    normal = NormalDist()
    deviations = (normal.inv_cdf(1.0 - _probability(level, "level")), normal.inv_cdf(power))
    spreads = (0.5, math.sqrt(probability * (1.0 - probability)))
    distance = max(probability - 0.5, 1e-9)
    guess = ((deviations[0] * spreads[0] + deviations[1] * spreads[1]) / distance) ** 2
    if guess > MAX_TRIALS:
        raise OptionError(
            f"probability {probability:g} needs more than {MAX_TRIALS} trials for a power of "
            f"{power:g}; specify a larger probability"
        )
    margin = 20 + round(4.0 * math.sqrt(guess))
    last = max(0, round(guess) - margin)
    for trials in range(last + 1, round(guess) + margin):
        if binomial_power(trials, probability, level=level) < power:
            last = trials
    return last + 1


def planning_table(
    probabilities: Sequence[float] = (0.6, 0.7, 0.8, 0.9),
    powers: Sequence[float] = (0.8, 0.9),
    *,
    level: float = LEVEL,
) -> str:
    """Return a table of the trials that an ABX or preference test needs, as Markdown.

    Trials of several listeners count together if each listener is as likely to answer correctly.

    Parameters
    ----------
    probabilities : sequence of float
        Probabilities of a correct answer, above 0.5.
    powers : sequence of float
        Probabilities that the test is significant.
    level : float
        Level of significance of the one-sided test.

    Examples
    --------
    >>> print(planning_table((0.7, 0.8), (0.8,)))
    | correct answers | power with 5 trials | power with 16 trials | trials for power 0.8 |
    | --- | ---: | ---: | ---: |
    | 70 % | 0.17 | 0.45 | 42 |
    | 80 % | 0.33 | 0.80 | 18 |
    """
    header = ["correct answers", "power with 5 trials", "power with 16 trials"]
    header += [f"trials for power {power:g}" for power in powers]
    rows = []
    for probability in probabilities:
        row = [f"{100 * probability:g} %"]
        row += [f"{binomial_power(n, probability, level=level):.2f}" for n in (5, 16)]
        row += [str(trials_needed(probability, power, level=level)) for power in powers]
        rows.append(row)
    return markdown_table(header, rows)


def _probability(value: float, name: str) -> float:
    number = as_number(value, name, minimum=0.0, maximum=1.0)
    if number in (0.0, 1.0):
        raise OptionError(f"{name} must be above 0 and below 1, got {number:g}")
    return number
