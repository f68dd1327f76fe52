"""Mixed models of ratings, against the closed form of a balanced design."""

from __future__ import annotations

import numpy as np
import pytest
from listening_cases import abx_trials, definition, save

from spatialkit import listening
from spatialkit.errors import OptionError

CONDITIONS = ("reference", "new", "old")


@pytest.fixture
def analysis(tmp_path):
    """Ratings with known effects: listeners of deviation 8, items of 5, residuals of 3."""
    rng = np.random.default_rng(0)
    items = [f"item {n}" for n in range(8)]
    test = definition("mushra", conditions=CONDITIONS, items=items)
    shifts = rng.normal(0.0, 5.0, len(items))
    for number in range(14):
        own = rng.normal(0.0, 8.0)
        trials = []
        for item, shift in zip(items, shifts, strict=True):
            values = np.array([60.0, 50.0, 40.0]) + own + shift + rng.normal(0.0, 3.0, 3)
            ratings = dict(zip(CONDITIONS, values.tolist(), strict=True))
            trial = {"item": item, "practice": False, "question": "basic audio quality"}
            trials.append({**trial, "ratings": ratings})
        save(tmp_path, f"P{number:02}", test, trials)
    return listening.analyse(tmp_path, screening=False)


def ratings_of(analysis):
    """Ratings (listeners, items, conditions)."""
    values = [row["rating"] for row in analysis.observations]
    return np.reshape(values, (14, 8, 3))


def test_effects_of_a_balanced_design_are_differences_of_means(analysis):
    pytest.importorskip("statsmodels")
    ratings = ratings_of(analysis)
    found = listening.mixed_model(analysis, baseline="old", screening=False)
    means = ratings.mean(axis=(0, 1))
    rows = found.table.records()
    assert [row["condition"] for row in rows] == ["reference", "new"]
    assert [row["difference"] for row in rows] == pytest.approx(means[:2] - means[2], abs=1e-6)
    # Error mean square of the additive model, by sums of squares.
    residual = ratings - ratings.mean(axis=(1, 2), keepdims=True)
    residual -= residual.mean(axis=(0, 2), keepdims=True)
    residual -= residual.mean(axis=(0, 1), keepdims=True)
    degrees = ratings.size - 14 - 8 - 3 + 2
    deviation = np.sqrt(np.sum(residual**2) / degrees)
    # maximum found numerically
    assert found.deviations["residual"] == pytest.approx(deviation, rel=1e-3)
    errors = [row["error"] for row in rows]
    assert errors == pytest.approx([deviation * np.sqrt(2 / (14 * 8))] * 2, rel=1e-3)
    # standard errors of the deviations of 14 listeners and 8 items are 20 and 27 %
    assert found.deviations["listener"] == pytest.approx(8.0, rel=0.5)
    assert found.deviations["item"] == pytest.approx(5.0, rel=0.7)
    assert all(row["low"] < row["difference"] < row["high"] for row in rows)


def test_wrong_arguments_are_refused(analysis, tmp_path):
    with pytest.raises(OptionError, match="unknown baseline 'x'"):
        listening.mixed_model(analysis, baseline="x", screening=False)
    with pytest.raises(OptionError, match="unknown question 'x'"):
        listening.mixed_model(analysis, baseline="old", question="x", screening=False)
    with pytest.raises(OptionError, match="two listeners"):  # the reference is rated below 90
        listening.mixed_model(analysis, baseline="old")
    folder = tmp_path / "abx"
    folder.mkdir()
    save(folder, "P01", definition("abx"), abx_trials(1, 2))
    with pytest.raises(OptionError, match="MUSHRA"):
        listening.mixed_model(listening.analyse(folder), baseline="a")
