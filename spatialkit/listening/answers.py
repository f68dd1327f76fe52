"""Reading of the answers of listeners."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialkit.errors import OptionError
from spatialkit.listening.webmushra_results import ANSWERS_FORMAT, MAX_BYTES, read_webmushra
from spatialkit.typing import StrPath
from spatialkit.validation import as_path, read_json

__all__ = ["Answers", "read_answers"]

DEFINITION = "spatialkit listening test"
FORMAT = ANSWERS_FORMAT
VERSION = 1
KINDS = ("abx", "mushra", "preference")


@dataclass(frozen=True)
class Answers:
    """Answers of one listener.

    Attributes
    ----------
    listener : str
        Code of the listener.
    test : dict
        Definition of the test, without its audio.
    trials : tuple of dict
        Answers without those for practice.
    path : Path
        File that contains them.
    """

    listener: str
    test: Mapping[str, Any]
    trials: tuple[Mapping[str, Any], ...]
    path: Path


def read_answers(files: StrPath | Iterable[StrPath]) -> list[Answers]:
    """Read the files that listeners saved, all of the same test, in the order of their codes.

    Parameters
    ----------
    files : path or iterable of paths
        JSON files, or folders with them. Also results of webMUSHRA, ``mushra.csv`` or
        ``paired_comparison.csv``, together with the file ``definition.json`` of their test.

    Raises
    ------
    OptionError
        If a file has no answers of a listening test, the files are of different tests, or a
        listener occurs in more than one.
    """
    given = [files] if isinstance(files, str | os.PathLike) else list(files)
    paths = []
    for path in map(as_path, given):
        paths += sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not paths:
        raise OptionError("files must contain at least one file with answers (.json)")
    found = [each for path in paths for each in _read_any(path, paths)]
    if not found:
        raise OptionError(f"{paths[0]} is the definition of a test; specify answers, too")
    first = found[0]
    listeners: dict[str, Path] = {}
    for each in found:
        if each.test["id"] != first.test["id"]:
            raise OptionError(
                f"{each.path} has answers of the test {each.test['title']!r} ({each.test['id']}), "
                f"{first.path} of {first.test['title']!r} ({first.test['id']}); analyse them apart"
            )
        if each.listener in listeners:
            raise OptionError(
                f"the listener {each.listener!r} occurs in {listeners[each.listener]} and "
                f"{each.path}; remove one of them"
            )
        listeners[each.listener] = each.path
    return sorted(found, key=lambda each: each.listener)


def _read_any(path: Path, paths: Sequence[Path]) -> list[Answers]:
    """Return the answers in a file: of one listener, of several in CSV, or none."""
    if path.suffix.lower() == ".csv":
        for other in paths:
            if other.suffix.lower() == ".json":
                facts = read_json(other, max_bytes=MAX_BYTES)
                if facts.get("format") == DEFINITION:
                    return [_checked(each, path) for each in read_webmushra(path, facts)]
        raise OptionError(
            f"{path} needs the definition of its test: specify resources/ID/definition.json of the "
            "folder for webMUSHRA, too"
        )
    facts = read_json(path, max_bytes=MAX_BYTES)
    return [] if facts.get("format") == DEFINITION else [_checked(facts, path)]


def _checked(facts: dict[str, Any], path: Path) -> Answers:
    """Return the answers of one listener, checked."""
    if facts.get("format") != FORMAT:
        raise OptionError(f"{path} has no answers of a listening test of spatialkit")
    if facts.get("version") != VERSION:
        raise OptionError(
            f"{path} has answers of version {facts.get('version')!r}; this version of spatialkit "
            f"reads version {VERSION}"
        )
    try:
        test = facts["test"]
        listener = facts["participant"]
        trials = tuple(trial for trial in facts["trials"] if not trial["practice"])
        if test["kind"] not in KINDS:
            raise TypeError
        for text in (listener, test["id"], test["title"]):
            _text(text)
        questions = [_text(question["name"]) for question in test["questions"]]
        known: dict[str, list[set[str]]] = {}
        for trial in test["trials"]:
            conditions = set(map(_text, trial["conditions"]))
            known.setdefault(_text(trial["item"]), []).append(conditions)
        check = {"abx": _check_abx, "mushra": _check_mushra, "preference": _check_preference}
        for trial in trials:
            check[test["kind"]](trial, questions, known[_text(trial["item"])])
    except (KeyError, TypeError, AttributeError) as error:
        raise OptionError(f"{path} has incomplete or invalid answers") from error
    return Answers(listener, test, trials, path)


def _check_abx(
    trial: Mapping[str, Any], questions: Sequence[str], known: Sequence[set[str]]
) -> None:
    """Raise an error unless a trial has an answer for one of its conditions."""
    samples = set(map(_text, trial["samples"].values()))
    if samples not in known or not {_text(trial["x"]), _text(trial["answer"])} <= samples:
        raise TypeError


def _check_preference(
    trial: Mapping[str, Any], questions: Sequence[str], known: Sequence[set[str]]
) -> None:
    """Raise an error unless a trial has an answer for each question."""
    samples = set(map(_text, trial["samples"].values()))
    if samples not in known or set(trial["answers"]) != set(questions):
        raise TypeError
    if not set(map(_text, trial["answers"].values())) <= samples:
        raise TypeError


def _check_mushra(
    trial: Mapping[str, Any], questions: Sequence[str], known: Sequence[set[str]]
) -> None:
    """Raise an error unless a trial has ratings of the conditions of its item."""
    if trial["question"] not in questions or set(trial["ratings"]) not in known:
        raise TypeError
    for value in trial["ratings"].values():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
            raise TypeError


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
