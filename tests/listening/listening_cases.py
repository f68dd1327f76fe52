"""Stimuli and answers for the tests of listening tests."""

from __future__ import annotations

import json

import numpy as np

from spatialkit import Audio

RATE = 48000


def noise(channels=2, seconds=1.5, seed=0, level=0.05, format="stereo"):
    """Audio of independent noise."""
    rng = np.random.default_rng(seed)
    return Audio(level * rng.standard_normal((channels, round(seconds * RATE))), RATE, format)


def definition(kind, questions=("basic audio quality",), conditions=("a", "b"), items=("song",)):
    """Definition of a test as it is in answers, with what the analysis reads."""
    trials = [{"item": item, "conditions": list(conditions), "reference": None} for item in items]
    return {
        "format": "spatialkit listening test",
        "version": 1,
        "id": "0123456789ab",
        "kind": kind,
        "title": "Test",
        "questions": [{"name": name, "text": name, "labels": []} for name in questions],
        "trials": trials,
    }


def save(folder, listener, test, trials):
    """Write the answers of a listener and return the path."""
    facts = {
        "format": "spatialkit listening test answers",
        "version": 1,
        "test": test,
        "participant": listener,
        "trials": trials,
    }
    path = folder / f"{listener}.json"
    path.write_text(json.dumps(facts), encoding="utf-8")
    return path


def abx_trials(correct, total, practice=1):
    """Answers of which some are correct; those for practice are wrong."""
    samples = {"A": "a", "B": "b"}
    wrong = {"item": "song", "samples": samples, "x": "a", "answer": "b"}
    return [
        *({**wrong, "practice": True} for _ in range(practice)),
        *({**wrong, "practice": False, "answer": "a"} for _ in range(correct)),
        *({**wrong, "practice": False} for _ in range(total - correct)),
    ]
