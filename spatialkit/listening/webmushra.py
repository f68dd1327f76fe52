"""Listening tests as a folder for webMUSHRA (International Audio Laboratories Erlangen).

The folder has the paths of webMUSHRA, so that it can be copied over an installation: the experiment
is ``configs/ID.yaml``, stimuli are in ``resources/ID/``. It is opened with ``?config=ID.yaml``.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import numpy as np

from spatialkit.listening.definition import ListeningTest, Trial
from spatialkit.listening.webmushra_results import LISTENER
from spatialkit.storage import replace_file, replacing_folder


def write_webmushra(test: ListeningTest, folder: Path) -> None:
    """Write the folder of a test."""
    names = {key: f"resources/{test.id}/{n:03d}.wav" for n, key in enumerate(test.stimuli)}
    with replacing_folder(folder) as draft:
        (draft / "configs").mkdir()
        (draft / "resources" / test.id).mkdir(parents=True)
        for key, data in test.encode(".wav").items():
            replace_file(draft / names[key], data)
        text = "\n".join(_yaml(_experiment(test, names))) + "\n"
        replace_file(draft / "configs" / f"{test.id}.yaml", text.encode())
        facts = json.dumps(test.definition(), indent=1, ensure_ascii=False)
        replace_file(draft / "resources" / test.id / "definition.json", facts.encode())


def _experiment(test: ListeningTest, names: dict[tuple[str, str], str]) -> dict[str, Any]:
    first = test.trials[0]
    rng = np.random.default_rng(test.seed)  # for X
    trials = [
        page
        for number, trial in enumerate(test.trials)
        for page in _pages(test, number, trial, names, int(rng.integers(2)))
    ]
    pages: list[Any] = [
        {
            "type": "generic",
            "id": "instructions",
            "name": test.title,
            "content": html.escape(test.instructions).replace("\n", "<br>"),
        },
        {
            "type": "volume",
            "id": "volume",
            "name": "Set the level",
            "content": "Set a comfortable level and do not change it afterwards.",
            "stimulus": names[first.item, first.reference or first.conditions[0]],
            "defaultVolume": 0.5,
        },
        ["random", *trials],
        {
            "type": "finish",
            "name": "Thank you",
            "content": "All pages are answered. Enter your code and send the answers.",
            "popupContent": "The answers were sent.",
            "showResults": False,
            "writeResults": True,
            "questionnaire": [{"type": "text", "label": "Your code", "name": LISTENER}],
        },
    ]
    return {
        "testname": test.title,
        "testId": test.id,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": False,
        "remoteService": "service/write.php",
        "pages": pages,
    }


def _pages(
    test: ListeningTest, number: int, trial: Trial, names: dict[tuple[str, str], str], x: int
) -> list[dict[str, Any]]:
    """Return a page per question of a trial; ``x`` is the index of the condition that X equals."""
    pages = []
    for place, question in enumerate(test.questions):
        page: dict[str, Any] = {
            # webMUSHRA writes it to the column trial_id.
            "id": json.dumps([trial.item, question.name, number, place], ensure_ascii=False),
            "name": test.title,
            "content": html.escape(question.text),
            "showWaveform": False,
            "enableLooping": True,
        }
        if test.kind == "abx":  # A or B, in random order, equals the reference
            equal, other = trial.conditions[x], trial.conditions[1 - x]
            page |= {"type": "paired_comparison", "reference": names[trial.item, equal]}
            page["stimuli"] = {other: names[trial.item, other]}
        else:  # webMUSHRA adds the hidden reference itself
            own = [name for name in trial.conditions if name != trial.reference]
            page |= {"type": "mushra", "createAnchor35": False, "createAnchor70": False}
            page |= {"strict": False, "randomize": True, "showConditionNames": False}
            page["reference"] = names[trial.item, trial.reference or ""]
            page["stimuli"] = {name: names[trial.item, name] for name in own}
        pages.append(page)
    return pages


def _yaml(value: Any, indent: int = 0) -> list[str]:
    """Return the lines of YAML of nested dictionaries and lists; scalars are those of JSON."""
    space = " " * indent
    lines = []
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in entries:
        start = f"{json.dumps(key, ensure_ascii=False)}:" if isinstance(value, dict) else "-"
        if isinstance(item, dict | list) and item:
            lines += [space + start, *_yaml(item, indent + 2)]
        else:
            lines.append(f"{space}{start} {json.dumps(item, ensure_ascii=False)}")
    return lines
