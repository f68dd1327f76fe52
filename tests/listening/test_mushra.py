"""Statistics of MUSHRA ratings, against published means, enumeration and slow code."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest

from spatialkit import listening
from spatialkit.errors import OptionError

TABLE = Path(__file__).parents[1] / "data/listening/ambiqual_mushra_experiment_1.csv"
CONDITIONS = ("REF", "3OA512", "3OA256", "FOA128", "FOA32")


def ambiqual(question):
    """Ratings (listeners, items, conditions) and published means (items, conditions)."""
    with TABLE.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["flag"] == question]
    items = list(dict.fromkeys(row["srcdir"] for row in rows))
    listeners = [name for name in rows[0] if name.startswith("dit")]
    ratings = np.full((len(listeners), len(items), len(CONDITIONS)), np.nan)
    means = np.full((len(items), len(CONDITIONS)), np.nan)
    for row in rows:
        place = items.index(row["srcdir"]), CONDITIONS.index(row["enc"])
        ratings[(slice(None), *place)] = [float(row[name]) for name in listeners]
        means[place] = float(row["mean"])
    return ratings, means


@pytest.mark.parametrize("question", ["Qual", "LocAcc"])
def test_means_of_published_ratings(question):
    ratings, means = ambiqual(question)
    assert ratings.shape == (17, 6, 5)
    found = listening.mushra_statistics(ratings, CONDITIONS)
    for place, each in enumerate(found.conditions):
        assert each["ratings"] == 102
        # published with 10 digits
        assert each["mean"] == pytest.approx(means[:, place].mean(), abs=1e-7)
        assert each["median"] == np.median(ratings[:, :, place])
        assert each["low"] <= each["median"] <= each["high"]


def test_published_ratings_rank_the_conditions():
    """Third order at 512 kbit/s and first at 128 exceed third at 256, and this first at 32."""
    ratings, _ = ambiqual("Qual")
    found = listening.mushra_statistics(ratings, CONDITIONS)
    medians = {each["condition"]: each["median"] for each in found.conditions}
    assert medians["REF"] > medians["3OA512"] > medians["3OA256"] > medians["FOA32"]
    assert all(pair["p_holm"] >= pair["p"] for pair in found.pairs)
    pairs = {(pair["first"], pair["second"]): pair for pair in found.pairs}
    assert pairs["3OA512", "3OA256"]["p_holm"] < 0.001
    assert pairs["3OA512", "FOA128"]["p_holm"] > 0.05
    assert found.friedman["p"] < 1e-9


def test_friedman_is_the_textbook_formula():
    """Chi square from rank sums, corrected for ties (Conover 1999, section 5.8)."""
    ratings, _ = ambiqual("LocAcc")
    means = ratings.mean(axis=1)
    ranks = np.array(
        [[1 + np.sum(row < x) + (np.sum(row == x) - 1) / 2 for x in row] for row in means]
    )
    blocks, treatments = means.shape
    spread = np.sum((ranks.sum(axis=0) - blocks * (treatments + 1) / 2) ** 2)
    total = np.sum(ranks**2) - blocks * treatments * (treatments + 1) ** 2 / 4
    expected = (treatments - 1) * spread / total
    found = listening.mushra_statistics(ratings, CONDITIONS).friedman
    assert found["chi_square"] == pytest.approx(expected, rel=1e-12)
    assert found["w"] == pytest.approx(expected / (blocks * (treatments - 1)), rel=1e-12)
    assert found["degrees"] == 4


def test_wilcoxon_is_the_enumeration_of_all_signs():
    rng = np.random.default_rng(3)
    ratings = rng.uniform(30.0, 60.0, (7, 4, 2)) + np.array([0.0, 8.0])
    differences = ratings.mean(axis=1) @ [1.0, -1.0]
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    observed = min(ranks[differences > 0].sum(), ranks[differences < 0].sum())
    sums = [ranks @ signs for signs in itertools.product((0, 1), repeat=7)]
    expected = min(1.0, 2.0 * np.mean(np.array(sums) <= observed))
    (pair,) = listening.mushra_statistics(ratings, ["a", "b"]).pairs
    assert pair["p"] == pytest.approx(expected, rel=1e-12)
    assert pair["difference"] == np.median(differences)


def test_tests_are_over_listeners_not_over_ratings():
    """More items of the same ratings are not more evidence."""
    rng = np.random.default_rng(0)
    ratings = rng.uniform(40.0, 60.0, (8, 3, 3))
    repeated = np.tile(ratings, (1, 10, 1))
    once, often = (listening.mushra_statistics(x, "abc") for x in (ratings, repeated))
    # means over 30 instead of 3 items are rounded differently
    assert [p["p"] for p in often.pairs] == pytest.approx([p["p"] for p in once.pairs], rel=1e-9)


def test_bootstrap_over_listeners_covers_the_median():
    """Interval of 95 %: 60 experiments whose listeners differ more than their ratings."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(60):
        own = rng.normal(50.0, 10.0, (15, 1, 1))
        ratings = np.clip(own + rng.normal(0.0, 2.0, (15, 4, 1)), 0.0, 100.0)
        (found,) = listening.mushra_statistics(ratings, ["a"]).conditions
        hits += found["low"] <= 50.0 <= found["high"]
    assert hits >= 51  # of Bin(60, 0.92), fewer have a probability of 3 %; the seed is fixed


def test_listeners_are_screened_by_bs1534():
    reference = np.full((4, 20), 100.0)
    reference[1, :3] = 89.0  # 15 % exactly: kept
    reference[2, :4] = 89.0  # 20 %
    reference[3] = np.nan
    anchor = np.full((4, 20), 20.0)
    anchor[0, :4] = 91.0
    excluded, below, above = listening.screen_listeners(reference, anchor)
    assert excluded.tolist() == [True, False, True, False]
    assert below[:3].tolist() == [0.0, 0.15, 0.2]
    assert np.isnan(below[3])
    assert above.tolist() == [0.2, 0.0, 0.0, 0.0]
    assert listening.screen_listeners(reference)[0].tolist() == [False, False, True, False]


def test_items_whose_anchor_many_listeners_rate_high_do_not_count():
    """BS.1534-3, 4.1.2: above 25 % of the listeners it is due to the item, not to them."""
    reference, anchor = np.full((8, 10), 100.0), np.full((8, 10), 30.0)
    anchor[:2, :2] = 95.0  # a quarter: counted, 20 % of the items
    excluded, _, above = listening.screen_listeners(reference, anchor)
    assert above.tolist() == [0.2] * 2 + [0.0] * 6
    assert excluded.tolist() == [True] * 2 + [False] * 6
    anchor[2, 0] = 95.0  # more than a quarter rate the first item high
    excluded, _, above = listening.screen_listeners(reference, anchor)
    assert above[:3] == pytest.approx([1 / 9, 1 / 9, 0.0])
    assert not excluded.any()


def test_missing_ratings_are_left_out():
    rng = np.random.default_rng(0)
    ratings = rng.uniform(0.0, 100.0, (6, 4, 3))
    ratings[0, 0, 0] = np.nan
    ratings[:, :, 2] = np.nan
    found = listening.mushra_statistics(ratings, "abc")
    assert [each["ratings"] for each in found.conditions] == [23, 24, 0]
    assert np.isnan(found.conditions[2]["median"])
    assert np.isnan(found.friedman["p"])
    assert [np.isnan(pair["p"]) for pair in found.pairs] == [False, True, True]
    assert found.pairs[0]["p_holm"] == found.pairs[0]["p"]


def test_equal_ratings_have_no_significant_difference():
    found = listening.mushra_statistics(np.full((8, 2, 3), 100.0), "abc")
    assert [pair["p"] for pair in found.pairs] == [1.0, 1.0, 1.0]
    assert np.isnan(found.friedman["p"])


@pytest.mark.parametrize(
    ("ratings", "match"),
    [
        (np.zeros((3, 2)), "must have shape"),
        (np.zeros((3, 2, 4)), "must have shape"),
        (np.full((3, 2, 2), 101.0), "from 0 to 100"),
        (None, "array of numbers"),
    ],
)
def test_wrong_ratings_are_refused(ratings, match):
    with pytest.raises(OptionError, match=match):
        listening.mushra_statistics(ratings, "ab")
