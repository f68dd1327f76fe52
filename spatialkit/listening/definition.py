"""Definition of a listening test: questions, trials and stimuli."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

from spatialkit._version import __version__
from spatialkit.errors import OptionError
from spatialkit.listening.stimuli import Stimulus, StimulusOptions

__all__ = ["ListeningTest", "Question", "Trial"]

FORMAT = "spatialkit listening test"
FORMAT_VERSION = 1
Kind = Literal["abx", "mushra", "preference"]


@dataclass(frozen=True)
class Question:
    """Question of a listening test.

    Parameters
    ----------
    name : str
        Name of the attribute in the answers, such as "vocals".
    text : str
        Question as it is displayed.
    labels : tuple of str
        For MUSHRA, five words for the ranges of the scale from 0 to 100; by default "Bad" to
        "Excellent".
    """

    name: str
    text: str
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("name", self.name), ("text", self.text)):
            if not (isinstance(value, str) and value.strip()):
                raise OptionError(f"{name} of a question must be text, got {value!r}")
        if len(self.labels) not in (0, 5):
            raise OptionError(f"a scale must have 5 labels, got {len(self.labels)}")


@dataclass(frozen=True)
class Trial:
    """Trial of a listening test.

    Parameters
    ----------
    item : str
        Name of the programme material, such as a song.
    conditions : tuple of str
        Names of the conditions that are compared, the hidden reference included.
    reference : str, optional
        Name of the condition that is displayed as the reference.
    """

    item: str
    conditions: tuple[str, ...]
    reference: str | None = None


@dataclass(frozen=True, eq=False)
class ListeningTest:
    """Listening test with its stimuli, as `build_abx` and its relatives return it.

    Attributes
    ----------
    kind : {"abx", "mushra", "preference"}
    title, instructions : str
    questions : tuple of Question
    trials : tuple of Trial
    stimuli : mapping of (str, str) to Stimulus
        Stimuli by item and condition.
    options : StimulusOptions
    seed : int
        Seed of the order of trials and samples, which also depends on the code of the listener.
    training : bool
        Whether listeners are trained before the first trial.
    notes : tuple of str
        Advice about the test, such as the number of trials that it needs.
    """

    kind: Kind
    title: str
    instructions: str
    questions: tuple[Question, ...]
    trials: tuple[Trial, ...]
    stimuli: Mapping[tuple[str, str], Stimulus] = field(repr=False)
    options: StimulusOptions
    seed: int = 0
    training: bool = True
    notes: tuple[str, ...] = ()

    @cached_property
    def audio(self) -> dict[tuple[str, str], bytes]:
        """Content of a FLAC file per stimulus."""
        return self.encode(".flac")

    def encode(self, kind: str) -> dict[tuple[str, str], bytes]:
        """Return the content of a file of the kind ".flac" or ".wav" per stimulus."""
        return {
            key: stimulus.encode(self.options.bit_depth, kind, seed=self.seed + place)
            for place, (key, stimulus) in enumerate(self.stimuli.items())
        }

    @cached_property
    def id(self) -> str:
        """Identifier made from the definition and the stimuli: 12 hexadecimal digits."""
        digest = hashlib.sha256(repr(self._facts()).encode())
        for data in self.audio.values():
            digest.update(data)
        return digest.hexdigest()[:12]

    def definition(self) -> dict[str, Any]:
        """Return the definition without the audio, as JSON values; answers contain it."""
        return {"format": FORMAT, "version": FORMAT_VERSION, "id": self.id, **self._facts()}

    def _facts(self) -> dict[str, Any]:
        layout = next(iter(self.stimuli.values())).layout
        numbers: dict[str, dict[str, int]] = {}
        for place, (item, condition) in enumerate(self.stimuli):
            numbers.setdefault(item, {})[condition] = place
        return {
            "kind": self.kind,
            "title": self.title,
            "instructions": self.instructions,
            "questions": [asdict(question) for question in self.questions],
            "trials": [asdict(trial) for trial in self.trials],
            "stimuli": numbers,
            "preparation": {
                item: {name: self.stimuli[item, name].facts for name in conditions}
                for item, conditions in numbers.items()
            },
            "playback": self.options.playback,
            "channels": layout.n_channels,
            "channel_names": list(layout.labels),
            "sample_rate": self.options.sample_rate,
            "training": self.training,
            "seed": self.seed,
            "software": f"spatialkit {__version__}",
        }
