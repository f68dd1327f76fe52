"""Procedural songs: drums, bass, chords and vocals synthesized with NumPy on demand.

They need neither data nor a licence. They are not intended for listening, but have the features
that distinguish stems in music: rhythm, register, harmony, timbre, vibrato, vowels, reverberation
and silence.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spatialkit.validation import as_choice, as_count
from spatialkit_models.data.procedural.composition import Composition
from spatialkit_models.data.procedural.drums import Drums
from spatialkit_models.data.procedural.instruments import Bass, Chords
from spatialkit_models.data.procedural.singing import Lead
from spatialkit_models.data.procedural.synthesis import convolve, room_response
from spatialkit_models.stem_names import SPLITS, STEMS

__all__ = ["Procedural", "ProceduralSong"]

# Gain that brings each active stem to about -20 dB of full scale.
LEVELS = {"vocals": 0.33, "drums": 0.4, "bass": 0.25, "other": 0.3}
# Maximum pan of stems; 1 is the left or right channel only.
PANS = {"vocals": 0.1, "drums": 0.3, "bass": 0.1, "other": 1.0}
# The last digit of the number of a song determines its split.
LAST_DIGITS = {"train": (2, 10), "valid": (0, 1), "test": (1, 2)}
COUNT = 1_000_000


class ProceduralSong:
    """Song that is a pure function of two numbers; segments of stems are rendered on demand.

    Parameters
    ----------
    seed, number : int
        Seed of the collection and number of the song in it.

    Examples
    --------
    >>> song = ProceduralSong(0, 5)
    >>> song.read("bass", 10.0, 4000, 8000).shape
    (4000,)
    """

    def __init__(self, seed: int, number: int) -> None:
        self.composition = Composition(
            as_count(seed, "seed", minimum=0), as_count(number, "number", minimum=0)
        )
        self.name = f"procedural-{seed}-{number}"
        rng = self.composition.rng(5)
        self._gains = {stem: 10 ** (rng.uniform(-5.0, 5.0) / 20) * LEVELS[stem] for stem in STEMS}
        self._room_seconds = float(rng.choice([0.0, rng.uniform(0.25, 1.0)]))
        self._room_gains = dict(
            zip(STEMS, rng.uniform((0.1, 0, 0, 0), (0.5, 0.3, 0, 0.5)), strict=True)
        )
        self._pans = {stem: rng.uniform(-most, most) for stem, most in PANS.items()}

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.composition.duration

    @cached_property
    def _players(self) -> dict[str, Lead | Drums | Bass | Chords]:
        song = self.composition
        return {
            "vocals": Lead(song),
            "drums": Drums(song),
            "bass": Bass(song),
            "other": Chords(song),
        }

    def read(
        self, stem: str, start: float, samples: int, sample_rate: float, *, stereo: bool = False
    ) -> NDArray[np.float32]:
        """Render a segment of a stem, with silence before and after the song.

        Overlapping segments of one sample rate agree within rounding.

        Parameters
        ----------
        stem : str
        start : float
            Start in seconds; may be negative.
        samples : int
        sample_rate : float
        stereo : bool
            Return two channels, with stems panned as in an ordinary mix.

        Returns
        -------
        ndarray of float32, shape (samples,) or, with ``stereo``, (2, samples)
        """
        player = self._players[as_choice(stem, "stem", STEMS)]
        wet = self._room_seconds if self._room_gains[stem] > 0.03 else 0.0
        early = int(wet * sample_rate)
        first = round(start * sample_rate) - early
        audio = np.zeros(samples + early, np.float32)
        bar_seconds, step = self.composition.bar_seconds, player.bars_at_once
        bar = int((first / sample_rate - player.tail) // (bar_seconds * step)) * step
        while bar * bar_seconds < (first + len(audio)) / sample_rate + 0.2:
            if self.composition.plays(stem, bar):
                for time, sound in player.play(bar, sample_rate):
                    _add(audio, round(time * sample_rate) - first, sound)
            bar += step
        if wet:
            rng = self.composition.rng(6, STEMS.index(stem))
            response = room_response(rng, wet, sample_rate, self._room_gains[stem])
            audio = convolve(audio, response)
        audio = audio[early:] * np.float32(self._gains[stem])
        if not stereo:
            return audio
        pan = np.float32(self._pans[stem])
        return np.stack([(1 + pan) * audio, (1 - pan) * audio])  # the mean does not change


def _add(audio: NDArray[np.float32], at: int, sound: NDArray[np.float32]) -> None:
    """Add the part of a sound that lies inside the segment."""
    begin, end = max(at, 0), min(at + len(sound), len(audio))
    if begin < end:
        audio[begin:end] += sound[begin - at : end - at]


class Procedural:
    """Collection of procedural songs, a dataset of `ExcerptConfig`.

    Parameters
    ----------
    seed : int
        Seed; collections with different seeds share no song.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = as_count(seed, "seed", minimum=0)

    def __repr__(self) -> str:
        return f"Procedural(seed={self.seed})"

    def sample(self, rng: np.random.Generator, split: str) -> ProceduralSong:
        """Sample a song of a split; "train" has 8 million songs, "valid" and "test" 1 million.

        Parameters
        ----------
        rng : numpy.random.Generator
        split : {"train", "valid", "test"}
        """
        low, high = LAST_DIGITS[as_choice(split, "split", SPLITS)]
        return ProceduralSong(
            self.seed, 10 * int(rng.integers(COUNT)) + int(rng.integers(low, high))
        )
