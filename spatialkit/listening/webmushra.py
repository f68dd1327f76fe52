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
            "content": "All pages are answered.",
            "showResults": False,
            "writeResults": True,
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
    paths = {name: names[trial.item, name] for name in trial.conditions}
    pages = []
    for place, question in enumerate(test.questions):
        page: dict[str, Any] = {
            "type": "mushra" if test.kind == "mushra" else "paired_comparison",
            # webMUSHRA writes it to the column trial_id.
            "id": f"{trial.item} / {question.name} / {number}.{place}",
            "name": test.title,
            "content": html.escape(question.text),
            "showWaveform": False,
            "enableLooping": True,
        }
        if trial.reference:
            page["reference"] = names[trial.item, trial.reference]
            if test.kind == "mushra":  # webMUSHRA adds the hidden reference itself
                paths.pop(trial.reference, None)
        elif test.kind == "abx":
            page["reference"] = names[trial.item, trial.conditions[x]]
            page["id"] += f" / X is {trial.conditions[x]}"
        if test.kind == "mushra":
            page |= {"createAnchor35": False, "createAnchor70": False, "strict": False}
        pages.append({**page, "stimuli": paths})
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
