"""Scenes of the published Ambisonizer (Zang, Wang and Lee 2024, arXiv 2405.13428).

Augmented stems of a song at random azimuths in a room. Signals are in the conventions of the
published network (see `spatialkit_models.ambisonizer.published`), not AmbiX: gains are N3D, and
stereo is a pair of opposed microphones at 22.5 and 202.5 degrees. Everything is a pure function of
the seed and a number; nothing imports torch.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_count, as_number
from spatialkit_models.data.rooms import RoomResponses
from spatialkit_models.data.scenes.ambisonic import StereoExcerpts, convolve_stems
from spatialkit_models.data.songs import (
    Augmentation,
    ExcerptConfig,
    StemExcerpts,
    absorb,
    equalize,
    sample_seven_bands,
    transition,
)

__all__ = [
    "AXIS",
    "LEVEL",
    "PROBABILITY",
    "PublishedScenes",
    "open_published_scenes",
    "published_batch",
]

AXIS = 22.5
"""Azimuth of the left microphone of the pair in degrees; the right one is opposite."""
PROBABILITY = 0.7
"""Probability of each augmentation of a stem."""

# Ranges of augmentation: dB; metres, degrees Celsius, per cent; dB; dB and seconds; factor.
GAIN_DB = (-10.0, 10.0)
METRES, TEMPERATURES, HUMIDITY = (0.1, 10.0), (10.0, 20.0), (30.0, 90.0)
EQUALIZER_DB = 12.0
TRANSITION_DB, TRANSITION_SECONDS = (-24.0, 6.0), (0.2, 6.0)
LEVEL = (0.5, 1.0)
"""Range of the random gain of a scene."""

# Audio before the start of a scene that contributes to its reverberation, s.
RUN_IN = 1.0
# The scenes have their own random variations of stems.
NO_AUGMENTATION = Augmentation(gain_db=0.0, equalizer_db=0.0, min_speed=1.0, max_speed=1.0)


class Rooms(Protocol):
    """Interface of rooms: `RoomResponses` implements it."""

    sample_rate: int

    def responses(self, index: int, azimuth: ArrayLike) -> NDArray[np.float32]: ...

    def published(self, index: int, azimuth: ArrayLike) -> NDArray[np.float32]: ...


class PublishedScenes:
    """Pairs of stereo and the X and Y of its scene, indexed by number.

    Each stem is augmented in this order, each step with a probability of 0.7: gain of up to 10 dB;
    absorption of 0.1 to 10 m of air; seven-band equalizer of up to 12 dB; fade between two levels
    from -24 to 6 dB within 0.2 to 6 s. Its two channels, at half of their level, are then placed up
    to 180 degrees apart around a random azimuth; equal channels are one source. If W, X or Y
    exceeds 1, all three are divided by the peak. Finally all are multiplied by 0.5 to 1.

    Parameters
    ----------
    excerpts : StereoExcerpts
        Source of stems, such as `StemExcerpts` with ``stereo=True``.
    rooms : Rooms
        Room responses at the sample rate of the stems, such as `RoomResponses`.
    seed : int
        Seed of augmentation and directions, at least 0; excerpts and rooms have their own.
    physical : bool
        Convolve each source with the response of its direction. By default all sources share one
        response, multiplied by their gains, as in the paper; their images then differ from their
        directions.
    probability : float
        Probability of each augmentation, 0 to 1.
    run_in : float
        Seconds at the start of an excerpt that are removed after the convolution, so that scenes
        start with the reverberation of earlier sound.

    Raises
    ------
    OptionError
        If an argument is not accepted.

    Examples
    --------
    >>> class Noise:
    ...     seconds = 0.1
    ...     def excerpt(self, index):
    ...         return np.random.default_rng(index).standard_normal((4, 2, 800), np.float32)
    >>> class Outdoors:
    ...     sample_rate = 8000
    ...     def published(self, index, azimuth):
    ...         return np.ones((len(azimuth), 4, 1), np.float32)
    >>> scenes = PublishedScenes(Noise(), Outdoors()).scenes([3, 4])
    >>> scenes["stereo"].shape, scenes["sides"].shape
    ((2, 2, 800), (2, 2, 800))
    """

    def __init__(
        self,
        excerpts: StereoExcerpts,
        rooms: Rooms,
        *,
        seed: int = 0,
        physical: bool = False,
        probability: float = PROBABILITY,
        run_in: float = 0.0,
    ) -> None:
        self.excerpts, self.rooms = excerpts, rooms
        self.seed = as_count(seed, "seed", minimum=0)
        self.physical = physical
        self.probability = as_number(probability, "probability", minimum=0.0, maximum=1.0)
        self._run_in = round(as_number(run_in, "run_in", minimum=0.0) * rooms.sample_rate)
        if self.seconds <= 0.0:
            raise OptionError(
                f"run_in must be shorter than an excerpt ({excerpts.seconds:g} s), got {run_in:g} s"
            )

    @property
    def seconds(self) -> float:
        """Length of a scene in seconds."""
        return self.excerpts.seconds - self._run_in / self.rooms.sample_rate

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Return a batch of scenes.

        Parameters
        ----------
        numbers : sequence of int
            Numbers of the scenes.

        Returns
        -------
        dict of str to ndarray of float32
            "stereo" (size, 2, samples): left and right; W is their mean. "sides"
            (size, 2, samples): X and Y.
        """
        scenes = []
        for number in numbers:
            scene, level = self._scene(number)
            scenes.append(scene * level)
        return published_batch(np.stack(scenes))

    def wxy(self, number: int) -> NDArray[np.float32]:
        """Return W, X and Y of a scene in N3D, (3, samples), before its random level."""
        return self._scene(number)[0]

    def _scene(self, number: int) -> tuple[NDArray[np.float32], np.float32]:
        """Return W, X and Y of a scene, and its random level."""
        rng = np.random.default_rng([self.seed, as_count(number, "number", minimum=0)])
        stems = self.excerpts.excerpt(number)
        sources, azimuths = [], []
        for stem in stems:
            azimuth, width = rng.uniform(-180.0, 180.0), rng.uniform(0.0, 180.0)
            augmented = self._augmented(rng, stem)
            if not stem.any():
                continue
            if np.array_equal(*stem):
                sources.append(augmented[0])
                azimuths.append(azimuth)
            else:
                sources.extend(np.float32(0.5) * augmented)
                azimuths.extend([azimuth + width / 2, azimuth - width / 2])
        scene = np.zeros((3, stems.shape[-1]), np.float32)
        if sources:
            (scene,) = convolve_stems(
                np.stack(sources)[None], self._responses(number, azimuths)[None]
            )
        scene = scene[:, self._run_in :]
        peak = float(np.abs(scene).max())
        return scene / np.float32(max(peak, 1.0)), np.float32(rng.uniform(*LEVEL))

    def _responses(self, number: int, azimuths: Sequence[float]) -> NDArray[np.float32]:
        """Return W, X and Y of the responses of sources, in N3D."""
        if not self.physical:
            return self.rooms.published(number, azimuths)[:, [0, 3, 1]]
        responses = self.rooms.responses(number, azimuths)[:, [0, 3, 1]]
        responses[:, 1:] *= np.float32(math.sqrt(3.0))
        return responses

    def _augmented(
        self, rng: np.random.Generator, stem: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Augment both channels of a stem equally."""
        rate, samples = self.rooms.sample_rate, stem.shape[-1]
        louder, further, equalized, faded = rng.random(4) < self.probability
        gain = rng.uniform(*GAIN_DB)
        air = rng.uniform(*METRES), float(rng.choice(TEMPERATURES)), rng.uniform(*HUMIDITY)
        sections = sample_seven_bands(rng, rate, EQUALIZER_DB)
        before, after = rng.uniform(*TRANSITION_DB, 2)
        length = round(rng.uniform(*TRANSITION_SECONDS) * rate)
        start = int(rng.integers(-length, samples))
        if louder:
            stem = stem * np.float32(10 ** (gain / 20))
        if further:
            stem = absorb(stem, *air, rate)
        if equalized:
            stem = equalize(stem, sections)
        if faded:
            stem = stem * transition(samples, start, length, before, after)
        return stem


def published_batch(wxy: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return the training batch of scenes.

    Parameters
    ----------
    wxy : ndarray of float32, shape (size, 3, samples)
        W, X and Y in N3D.

    Returns
    -------
    dict of str to ndarray of float32
        "stereo" (size, 2, samples): the opposed microphones of the paper. "sides"
        (size, 2, samples): X and Y.
    """
    w, x, y = wxy.swapaxes(0, 1)
    axis = math.radians(AXIS)
    side = math.cos(axis) * x + math.sin(axis) * y
    return {"stereo": np.stack([w + side, w - side], 1), "sides": wxy[:, 1:]}


def open_published_scenes(
    datasets: Any,
    rooms: Sequence[str | os.PathLike[str]],
    *,
    split: str = "train",
    splits: Mapping[str, str] | None = None,
    seconds: float = 10.0,
    sample_rate: int = 44100,
    seed: int = 0,
    physical: bool = False,
    room_format: str = "ambix1",
) -> PublishedScenes:
    """Return scenes of stems of several datasets, in rooms of the same split.

    Parameters
    ----------
    datasets, splits
        Songs and their splits, see `ExcerptConfig`.
    rooms, room_format
        Directories of room responses, and the format of measured ones, see `RoomResponses`.
    split : {"train", "valid", "test"}
        Split of songs and rooms.
    seconds : float
        Length of a scene in seconds.
    sample_rate : int
        Hz.
    seed : int
        Seed of songs, rooms and scenes.
    physical : bool
        See `PublishedScenes`.
    """
    excerpts = StemExcerpts(
        ExcerptConfig(
            datasets=datasets,
            split=split,
            splits=splits or {},
            seconds=seconds + RUN_IN,
            sample_rate=sample_rate,
            stereo=True,
            seed=seed,
            coherent=1.0,
            augmentation=NO_AUGMENTATION,
        )
    )
    responses = RoomResponses(rooms, split, sample_rate, seed=seed, format=room_format)
    return PublishedScenes(excerpts, responses, seed=seed, physical=physical, run_in=RUN_IN)
