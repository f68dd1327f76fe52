"""Results of webMUSHRA, which its service writes as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spatialkit._json import read_text
from spatialkit.errors import OptionError

ANSWERS_FORMAT = "spatialkit listening test answers"
# A test of 1000 trials has answers of about 400 kB.
MAX_BYTES = 20_000_000
LISTENER = "listener"
"""Column of the code of the listener in the results of webMUSHRA."""


def read_webmushra(path: Path, definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the answers of each listener, as the pages of this package save them.

    Parameters
    ----------
    path : Path
        ``mushra.csv`` or ``paired_comparison.csv``.
    definition : mapping
        Definition of the test.

    Raises
    ------
    OptionError
        If the file has other columns, or is of another test.
    """
    trials: dict[str, dict[str, dict[str, Any]]] = {}
    text = read_text(path, max_bytes=MAX_BYTES)
    try:
        for row in csv.DictReader(io.StringIO(text)):
            # webMUSHRA writes the name of a test in lower case.
            if row["session_test_id"].lower() != str(definition["id"]).lower():
                raise OptionError(
                    f"{path} has answers of the test {row['session_test_id']!r}, not of "
                    f"{definition['id']!r}"
                )
            item, question, number, _ = json.loads(row["trial_id"])
            own = trials.setdefault(row[LISTENER].strip(), {})
            trial = own.setdefault(row["trial_id"], {"item": item, "practice": False})
            if "rating_score" in row:
                trial["question"] = question
                ratings = trial.setdefault("ratings", {})
                ratings[row["rating_stimulus"]] = float(row["rating_score"])
            else:
                _add_choice(trial, row, definition["trials"][number]["conditions"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, csv.Error) as error:
        if isinstance(error, OptionError):
            raise
        raise OptionError(
            f"{path} is not mushra.csv or paired_comparison.csv of webMUSHRA with a column "
            f"{LISTENER!r}"
        ) from error
    return [
        {
            "format": ANSWERS_FORMAT,
            "version": 1,
            "test": definition,
            "participant": listener,
            "trials": list(own.values()),
        }
        for listener, own in trials.items()
    ]


def _add_choice(trial: dict[str, Any], row: Mapping[str, str], conditions: list[str]) -> None:
    """Add the answer of an ABX trial: X is the condition that is not the other one."""
    other = row["choice_non_reference"]
    (x,) = [name for name in conditions if name != other]
    answers = {"correct": x, "incorrect": other}
    trial |= {"samples": {"A": x, "B": other}, "x": x, "answer": answers[row["choice_answer"]]}
