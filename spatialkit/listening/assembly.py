"""Assembly of listening tests from the arguments of their builders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spatialkit.errors import LayoutError, OptionError
from spatialkit.listening.definition import Kind, ListeningTest, Question, Trial
from spatialkit.listening.stimuli import Source, StimulusOptions, equalize, prepare
from spatialkit.validation import as_count

Items = Mapping[str, Mapping[str, Source]]
Questions = Mapping[str, str] | Sequence[Question]

REFERENCE = "reference"
"""Name of the condition of the reference in the answers."""

MAX_NAME = 100

INSTRUCTIONS = {
    "abx": "You hear two samples, A and B, and a third one, X, that equals one of them. Decide "
    "which one X equals. You can switch between the samples at any time, as often as you like. If "
    "you hear no difference, guess.",
    "preference": "You hear two samples, A and B. Answer each question by choosing one of them. "
    "You can switch between the samples at any time, as often as you like. If you are not sure, "
    "guess.",
    "comparison": "You hear a reference and two samples, A and B. Answer each question by choosing "
    "the sample that is closer to the reference. You can switch between the samples at any time, "
    "as often as you like. If you are not sure, guess.",
    "mushra": "You hear a reference and several samples. Rate each sample on a scale from 0 to 100 "
    "in comparison with the reference. You can switch between the samples at any time, as often as "
    "you like. One sample equals the reference.",
}


def assemble(
    kind: Kind,
    sources: Items,
    trials: Sequence[Trial],
    questions: Sequence[Question],
    *,
    title: str,
    instructions: str | None,
    stimuli: StimulusOptions | None,
    training: bool,
    seed: int,
    notes: Sequence[str],
    anchors: Sequence[str] = (),
) -> ListeningTest:
    """Prepare the stimuli and return the test."""
    options = as_options(stimuli)
    task = "comparison" if kind == "preference" and trials[0].reference else kind
    used = {trial.item for trial in trials}
    prepared = {
        (item, name): stimulus
        for item, own in sources.items()
        if item in used
        for name, stimulus in prepare(item, own, options, anchors).items()
    }
    formats = {stimulus.layout.name for stimulus in prepared.values()}
    if len(formats) > 1:
        raise LayoutError(
            f"items have stimuli in {', '.join(sorted(formats))}; specify layout, to which all of "
            "them are rendered"
        )
    names = {key: f"{key[1]} of item {key[0]!r}" for key in prepared}
    return ListeningTest(
        kind,
        _text(title, "title"),
        _text(INSTRUCTIONS[task] if instructions is None else instructions, "instructions"),
        tuple(questions),
        tuple(trials),
        equalize(prepared, options.loudness, names),
        options,
        as_count(seed, "seed", minimum=0),
        bool(training),
        tuple(notes),
    )


def as_options(stimuli: StimulusOptions | None) -> StimulusOptions:
    if stimuli is None:
        return StimulusOptions()
    if not isinstance(stimuli, StimulusOptions):
        raise OptionError(f"stimuli must be StimulusOptions, got {type(stimuli).__name__}")
    return stimuli


def check_items(items: Items) -> dict[str, dict[str, Source]]:
    """Return the sources by item and condition; names are checked."""
    if not (isinstance(items, Mapping) and items):
        raise OptionError(
            "items must be a mapping such as {'song': {'ambience': 'a.wav', 'matrix': 'm.wav'}}"
        )
    found: dict[str, dict[str, Source]] = {}
    for item, sources in items.items():
        if not isinstance(sources, Mapping):
            raise OptionError(f"item {item!r} must be a mapping of conditions, got {sources!r}")
        found[_name(item, "item")] = {_name(each, "condition"): sources[each] for each in sources}
    return found


def with_references(
    items: dict[str, dict[str, Source]], references: Mapping[str, Source] | None
) -> dict[str, dict[str, Source]]:
    """Return the sources with the reference of each item, first."""
    if references is None:
        return items
    if missing := [item for item in items if item not in references]:
        raise OptionError(f"item {missing[0]!r} has no reference")
    for item, own in items.items():
        if REFERENCE in own:
            raise OptionError(f"item {item!r} has a condition with the reserved name {REFERENCE!r}")
    return {item: {REFERENCE: references[item], **own} for item, own in items.items()}


def check_questions(questions: Questions | None, default: Question) -> list[Question]:
    if questions is None:
        return [default]
    if isinstance(questions, Mapping):
        found = [Question(name, text) for name, text in questions.items()]
    else:
        found = list(questions)
    if not (found and all(isinstance(each, Question) for each in found)):
        raise OptionError("questions must be a mapping of name to text, or a sequence of Question")
    if len({each.name for each in found}) < len(found):
        raise OptionError("questions must have different names")
    return found


def _name(value: Any, what: str) -> str:
    if not (isinstance(value, str) and value.strip() and len(value) <= MAX_NAME):
        raise OptionError(f"{what} names must be text of 1 to {MAX_NAME} characters, got {value!r}")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise OptionError(f"{what} must be text, got {value!r}")
    return value
