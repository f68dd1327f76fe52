"""Tables of the answers of a MUSHRA test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.listening.anchors import ANCHORS
from spatialkit.listening.answers import Answers
from spatialkit.listening.assembly import REFERENCE
from spatialkit.listening.building import BASIC_QUALITY
from spatialkit.listening.mushra import mushra_statistics, screen_listeners
from spatialkit.listening.tables import Table

STATISTICS = ("ratings", "median", "low", "high", "mean", "q1", "q3")
FRIEDMAN = ("chi_square", "degrees", "p", "w")
PAIRS = ("first", "second", "listeners", "difference", "p", "p_holm")
# Anchor that BS.1534-3 has a rule for; it concerns basic audio quality only.
MID_RANGE_ANCHOR = ANCHORS[1]
# Of which a pair can differ by the signed-rank test at 5 %.
MIN_LISTENERS = 6


def mushra_tables(
    answers: Sequence[Answers], *, screening: bool = True
) -> tuple[list[Table], list[str], list[dict[str, Any]]]:
    """Return the tables, notes and observations of a MUSHRA test."""
    observations = [
        {
            "listener": each.listener,
            "item": trial["item"],
            "question": trial["question"],
            "condition": condition,
            "rating": float(rating),
        }
        for each in answers
        for trial in each.trials
        for condition, rating in trial["ratings"].items()
    ]
    listeners = [each.listener for each in answers]
    questions = [question["name"] for question in answers[0].test["questions"]]
    items = list(dict.fromkeys(each["item"] for each in answers[0].test["trials"]))
    conditions = list(
        dict.fromkeys(name for each in answers[0].test["trials"] for name in each["conditions"])
    )
    axes = [
        {name: place for place, name in enumerate(names)}
        for names in (questions, listeners, items, conditions)
    ]
    shape = (len(questions), len(listeners), len(items), len(conditions))
    ratings = np.full(shape, np.nan)
    for row in observations:
        keys = (row["question"], row["listener"], row["item"], row["condition"])
        ratings[tuple(axis[key] for axis, key in zip(axes, keys, strict=True))] = row["rating"]
    excluded, reasons = _screening(ratings, questions, listeners, conditions)
    kept = ratings[:, ~excluded] if screening else ratings
    tested = [name for name in conditions if name not in ANCHORS]
    rows: dict[str, list[tuple[Any, ...]]] = {"conditions": [], "friedman": [], "pairs": []}
    for place, question in enumerate(questions if kept.shape[1] else ()):
        found = mushra_statistics(kept[place], conditions, tested=tested)
        for each in found.conditions:
            rows["conditions"].append(
                (question, each["condition"], *(each[name] for name in STATISTICS))
            )
        if not np.isnan(found.friedman["p"]):
            rows["friedman"].append((question, *(found.friedman[name] for name in FRIEDMAN)))
        for pair in found.pairs:
            rows["pairs"].append((question, *(pair[name] for name in PAIRS)))
    titles = {
        "conditions": ("Conditions", ("condition", *STATISTICS)),
        "friedman": ("Friedman's test", FRIEDMAN),
        "pairs": ("Wilcoxon's signed-rank tests", PAIRS),
    }
    tables = [reasons]
    for name, (title, columns) in titles.items():
        tables.append(Table(name, title, ("question", *columns), tuple(rows[name])))
    rule = (
        "rate the hidden reference below 90 for more than 15 % of the pages, or the anchor of 7 "
        "kHz above 90 for more than 15 % of the items in basic audio quality; items whose anchor "
        "more than 25 % of the listeners rate above 90 do not count (ITU-R BS.1534-3, section "
        "4.1.2)"
    )
    notes = [
        f"Listeners are excluded who {rule}."
        if screening
        else f"No listener is excluded; the table of post-screening marks those who {rule}.",
        "low, high: 95 % confidence interval of the median (bootstrap over listeners).",
        "Tests compare the means over items of each listener. p_holm: adjusted for the number of "
        "pairs of a question; anchors are not tested.",
    ]
    if not kept.shape[1]:
        notes.insert(0, "All listeners are excluded: there are no results.")
    elif kept.shape[1] < MIN_LISTENERS:
        notes.append(
            f"With {kept.shape[1]} listeners no pair can be significant: the smallest p value of "
            "the signed-rank test is 0.0625 with 5 listeners."
        )
    return tables, notes, observations


def _screening(
    ratings: NDArray[np.float64],
    questions: Sequence[str],
    listeners: Sequence[str],
    conditions: Sequence[str],
) -> tuple[NDArray[np.bool_], Table]:
    """Return the listeners to exclude, and the table of the reasons."""

    def pages(name: str, asked: Sequence[int]) -> NDArray[np.float64] | None:
        if name not in conditions or not asked:
            return None
        chosen = ratings[list(asked)][..., conditions.index(name)]
        return np.moveaxis(chosen, 0, 1).reshape(len(listeners), -1)

    reference = pages(REFERENCE, range(len(questions)))
    if reference is None:
        reference = np.full((len(listeners), 1), np.nan)
    quality = [n for n, question in enumerate(questions) if question == BASIC_QUALITY.name]
    excluded, below, above = screen_listeners(reference, pages(MID_RANGE_ANCHOR, quality))
    columns = ("listener", "reference_below_90", "anchor_above_90", "excluded")
    rows = zip(listeners, below.tolist(), above.tolist(), excluded.tolist(), strict=True)
    return excluded, Table("screening", "Post-screening", columns, tuple(rows))
