"""Analysis of answers, from files to tables."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from listening_cases import abx_trials, definition, save

from spatialkit import listening
from spatialkit.errors import OptionError
from spatialkit.metrics import holm_bonferroni


def test_abx_per_listener_and_pooled(tmp_path):
    test = definition("abx")
    results = {"P01": (12, 16), "P02": (14, 16), "P03": (8, 16)}
    for listener, counts in results.items():
        save(tmp_path, listener, test, abx_trials(*counts))
    found = listening.analyse(tmp_path)
    assert found.listeners == ("P01", "P02", "P03")
    (pooled,) = found.table("pooled")
    expected = listening.binomial_test(34, 48)
    assert (pooled["correct"], pooled["trials"]) == (34, 48)
    assert pooled["p"] == expected.p_value
    assert (pooled["wilson_low"], pooled["wilson_high"]) == expected.wilson
    assert (pooled["exact_low"], pooled["exact_high"]) == expected.clopper_pearson
    rows = found.table("listeners")
    p_values = [listening.binomial_test(*counts).p_value for counts in results.values()]
    assert [row["p"] for row in rows] == p_values
    assert [row["p_holm"] for row in rows] == holm_bonferroni(p_values).tolist()
    assert len(found.observations) == 48  # without those for practice


def test_style_test_of_one_listener_has_the_warning(tmp_path):
    questions = [question.name for question in listening.STYLE_QUESTIONS]
    assert questions == ["vocals", "drums", "bass", "other", "overall"]
    test = definition("preference", questions, ("transfer", "baseline"))
    samples = {"A": "transfer", "B": "baseline"}
    trials = [
        {
            "item": "song",
            "practice": False,
            "samples": samples,
            "answers": dict.fromkeys(questions, "baseline" if number == 4 else "transfer"),
        }
        for number in range(5)
    ]
    found = listening.analyse(save(tmp_path, "P01", test, trials))
    assert any("4 of 5" in note and "p = 0.19" in note for note in found.notes)
    rows = found.table("pooled")
    assert [row["question"] for row in rows] == questions
    assert all((row["chosen"], row["trials"], row["p"]) == (4, 5, 0.375) for row in rows)
    assert all(row["p_holm"] == 1.0 for row in rows)
    for listener in range(2, 11):
        save(tmp_path, f"P{listener:02}", test, trials)
    rows = listening.analyse(tmp_path).table("pooled")
    assert rows[0]["p"] == pytest.approx(2 * 1.1930665838377763e-05, rel=1e-9)  # 40 of 50
    assert rows[0]["listeners_for_first"] == 10
    assert rows[0]["p_sign"] == 2 * 0.5**10


def mushra_answers(tmp_path, listeners=8, bad=()):
    """Answers with a system that is better than another one by 20 points."""
    conditions = ("reference", "new", "old", *listening.ANCHORS)
    items = ("one", "two", "three")
    test = definition("mushra", conditions=conditions, items=items)
    rng = np.random.default_rng(0)
    for number in range(listeners):
        name = f"P{number + 1:02}"
        trials = []
        for item in items:
            means = (70 if name in bad else 98, 70, 50, 15, 35, 40)
            values = np.clip(np.round(rng.normal(means, 2.0)), 0, 100)
            ratings = {each: float(value) for each, value in zip(conditions, values, strict=True)}
            trial = {"item": item, "practice": False, "question": "basic audio quality"}
            trials.append({**trial, "ratings": ratings})
        save(tmp_path, name, test, trials)


def test_mushra_screens_and_compares(tmp_path):
    mushra_answers(tmp_path, bad=("P03",))
    found = listening.analyse(tmp_path)
    assert [row["listener"] for row in found.table("screening") if row["excluded"]] == ["P03"]
    rows = {row["condition"]: row for row in found.table("conditions")}
    assert rows["new"]["ratings"] == 7 * 3
    assert rows["new"]["low"] <= rows["new"]["median"] <= rows["new"]["high"]
    pairs = {(row["first"], row["second"]): row for row in found.table("pairs")}
    assert set(pairs) == {("reference", "new"), ("reference", "old"), ("new", "old")}
    assert pairs["new", "old"]["p"] == 2 / 2**7  # all differences of 7 listeners are positive
    assert pairs["new", "old"]["p_holm"] == 6 / 2**7
    (friedman,) = found.table("friedman")
    assert friedman["w"] == 1.0
    everyone = listening.analyse(tmp_path, screening=False)
    assert everyone.table("conditions")[0]["ratings"] == 8 * 3


def test_all_listeners_excluded(tmp_path):
    mushra_answers(tmp_path, listeners=1, bad=("P01",))
    found = listening.analyse(tmp_path)
    assert found.table("conditions") == []
    assert "All listeners are excluded" in found.to_markdown()


def test_output_formats(tmp_path):
    mushra_answers(tmp_path)
    found = listening.analyse(tmp_path)
    facts = json.loads(found.to_json())
    assert facts["tables"]["conditions"] == found.table("conditions")
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert len(rows) == 8 * 3 * 6
    assert rows[0].keys() == {"listener", "item", "question", "condition", "rating"}
    text = found.to_markdown()
    assert "| basic audio quality | new | 24 |" in text
    with pytest.raises(OptionError, match="unknown table 'x'; accepted: screening"):
        found.table("x")


@pytest.mark.parametrize("kind", ["abx", "mushra"])
def test_figures(tmp_path, kind):
    pytest.importorskip("matplotlib")
    if kind == "abx":
        save(tmp_path, "P01", definition("abx"), abx_trials(12, 16))
    else:
        mushra_answers(tmp_path)
    found = listening.analyse(tmp_path)
    ax = found.plot()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == (
        ["all listeners", "P01"]
        if kind == "abx"
        else ["reference", "new", "old", *listening.ANCHORS]
    )
    (mark,) = [line for line in ax.lines if line.get_marker() == "o"][:1]
    value = 75.0 if kind == "abx" else found.table("conditions")[0]["median"]
    assert mark.get_xdata()[0] == value
    found.figure(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_answers_of_other_tests_are_refused(tmp_path):
    first = save(tmp_path, "P01", definition("abx"), abx_trials(1, 2))
    other = save(tmp_path, "P02", {**definition("abx"), "id": "ffff"}, abx_trials(1, 2))
    with pytest.raises(OptionError, match=r"P02\.json has answers of the test .*ffff"):
        listening.analyse([first, other])
    (tmp_path / "copy.json").write_bytes(first.read_bytes())
    with pytest.raises(OptionError, match="the listener 'P01' occurs in"):
        listening.analyse([first, tmp_path / "copy.json"])


def wrong_answers():
    """Changes to valid answers of the three kinds."""
    abx = {"item": "song", "practice": False, "samples": {"A": "a", "B": "b"}, "x": "a"}
    yield "abx", {**abx, "answer": "c"}
    yield "abx", {**abx, "answer": None}
    yield "abx", abx
    yield "abx", {**abx, "answer": "a", "samples": []}
    yield "abx", "text"
    yield "preference", {**abx, "answers": {}}
    yield "preference", {**abx, "answers": {"basic audio quality": "c"}}
    yield "mushra", {**abx, "question": "other", "ratings": {"a": 1}}
    question = {"question": "basic audio quality"}
    for rating in (-1, 101, "5", None, True):
        yield "mushra", {**abx, **question, "ratings": {"a": rating, "b": 5}}
    yield "mushra", {**abx, **question, "ratings": {"a": 5, "b": 5, "c": 5}}
    yield "mushra", {**abx, **question, "ratings": {"a": 5}}
    yield "mushra", {**abx, **question, "item": "other", "ratings": {"a": 5, "b": 5}}
    other = {"samples": {"A": "a", "B": "c"}, "answers": {"basic audio quality": "a"}}
    yield "preference", {**abx, **other}
    yield "abx", {**abx, **other, "answer": "a"}


@pytest.mark.parametrize(("kind", "trial"), list(wrong_answers()))
def test_invalid_answers_are_refused(tmp_path, kind, trial):
    path = save(tmp_path, "P01", definition(kind), [trial])
    with pytest.raises(OptionError, match=r"P01\.json has incomplete or invalid answers"):
        listening.analyse(path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{}", "no answers of a listening test"),
        ("[]", "JSON"),
        ("{", "JSON"),
        ('{"format": "spatialkit listening test answers", "version": 9}', "version 9"),
        ('{"format": "spatialkit listening test answers", "version": 1}', "incomplete"),
    ],
)
def test_other_files_are_refused(tmp_path, text, match):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OptionError, match=match):
        listening.analyse(path)
    with pytest.raises(OptionError, match="at least one file"):
        listening.analyse([])


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"title": 3},
        {"questions": [{}]},
        {"trials": None},
        {"trials": [{"item": "song"}]},
        {"trials": [{"item": "song", "conditions": ["a", 3]}]},
    ],
)
def test_invalid_definitions_are_refused(tmp_path, change):
    path = save(tmp_path, "P01", {**definition("abx"), **change}, abx_trials(1, 2))
    with pytest.raises(OptionError, match="invalid answers"):
        listening.analyse(path)


def test_answers_for_practice_only_are_refused(tmp_path):
    path = save(tmp_path, "P01", definition("abx"), abx_trials(0, 0))
    with pytest.raises(OptionError, match="but those for practice"):
        listening.analyse(path)
