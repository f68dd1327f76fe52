"""Correlation of metrics with the ratings of AMBIQUAL's listeners, as the page claims."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from spatialkit.metrics import Results, evaluate

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "make_human_validation.py"
if not SCRIPT.exists():
    pytest.skip("the script is in the source tree", allow_module_level=True)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_human_validation", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def results(script):
    return Results.read(script.DATA / "metrics.csv")


def test_the_page_has_the_table_of_the_data(script, results):
    page = (ROOT / "docs" / "guides" / "human-validation.md").read_text(encoding="utf-8")
    assert script.table(results) in page


def test_the_intensity_angle_agrees_with_listeners(script, results):
    """Published: AMBIQUAL's LQ has Spearman 0.91 on these pairs."""
    found = {row[0]: row for row in script.correlations(results)}
    assert found["AMBIQUAL LQ"][1] == pytest.approx(0.91, abs=0.005)
    _, spearman, pearson, low, high, count = found["intensity_angle"]
    assert count == 18
    assert spearman == pytest.approx(-0.90, abs=0.005)
    assert pearson == pytest.approx(-0.92, abs=0.005)
    assert low < spearman < high < -0.7
    assert abs(spearman) > found["snr"][1]


@pytest.mark.skipif("AMBIQUAL" not in os.environ, reason="AMBIQUAL is not the path of a clone")
def test_the_metrics_are_those_of_the_audio(script, results):
    for number, pair in enumerate(script.pairs(Path(os.environ["AMBIQUAL"]))):
        assert results.items[number]["item"] == pair.pop("item")
        for name, value in evaluate(**pair).items():
            np.testing.assert_allclose(value, results[name][number], rtol=1e-6, atol=1e-9)
