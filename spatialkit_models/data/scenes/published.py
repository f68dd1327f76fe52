"""Scenes as the authors of the Ambisonizer make them (Zang, Wang and Lee 2024, arXiv 2405.13428).

Stems of a song at random azimuths, varied, in a room. Signals are those of the published network
(see `spatialkit_models.ambisonizer.published`), which is not AmbiX: gains are N3D, and stereo is
a pair of opposed microphones at 22.5 and 202.5 degrees. Everything is a pure function of the seed
and a number; nothing imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_count, as_number
from spatialkit_models.data.scenes.ambisonic import StereoExcerpts, convolved
from spatialkit_models.data.songs import absorb, equalize, sample_seven_bands, transition

__all__ = ["AXIS", "PROBABILITY", "PublishedScenes"]

AXIS = 22.5
"""Degrees: where the left microphone of the pair points; the right one points away from there."""
PROBABILITY = 0.7
"""Of each variation of a stem."""

# Least and most of what is drawn: dB, metres, degrees Celsius, per cent; dB; dB and seconds.
GAIN_DB = (-10.0, 10.0)
METRES, TEMPERATURES, HUMIDITY = (0.1, 10.0), (10.0, 20.0), (30.0, 90.0)
EQUALIZER_DB = 12.0
TRANSITION_DB, TRANSITION_SECONDS = (-24.0, 6.0), (0.2, 6.0)
LEVEL = (0.5, 1.0)


class Rooms(Protocol):
    """What `PublishedScenes` needs of its rooms; `RoomResponses` has it."""

    sample_rate: int

    def responses(self, index: int, azimuth: ArrayLike) -> NDArray[np.float32]: ...

    def published(self, index: int, azimuth: ArrayLike) -> NDArray[np.float32]: ...


class PublishedScenes:
    """Pairs of stereo and the X and Y that it was made from, by number.

    Each stem is varied, in this order and each with a probability of 0.7: louder or softer by up
    to 10 dB; heard through 0.1 to 10 m of air; equalized in seven bands by up to 12 dB; faded from
    one level between -24 and 6 dB to another one within 0.2 to 6 s. Its two channels then stand, at
    half of their level, up to 180 degrees apart around a random azimuth; as one source if they are
    equal. Where W, X or Y exceeds 1, all three are divided by the peak. Last, all are multiplied by
    0.5 to 1.

    Parameters
    ----------
    excerpts : StereoExcerpts
        Where stems come from, such as ``StemExcerpts(..., stereo=True)``.
    rooms : Rooms
        Where they stand, such as `RoomResponses`, of the same sample rate.
    seed : int
        Of all that is drawn here, at least 0. The excerpts and the rooms have their own.
    physical : bool
        Whether each source has the response from where it stands. The authors' way is that all
        share one, times their gains: images are then not where sources are.
    probability : float
        Of each variation, 0 to 1.
    run_in : float
        Seconds at the beginning of an excerpt that are heard only as the reverberation of what
        was before the scene.

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
        """Length of the audio of a scene."""
        return self.excerpts.seconds - self._run_in / self.rooms.sample_rate

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Make the scenes of these numbers.

        Returns
        -------
        dict of str to ndarray of float32
            "stereo" (size, 2, samples): left and right; W is their mean. "sides"
            (size, 2, samples): X and Y.
        """
        made = np.stack([self._scene(number) for number in numbers])
        w, x, y = made.swapaxes(0, 1)
        axis = math.radians(AXIS)
        side = math.cos(axis) * x + math.sin(axis) * y
        return {"stereo": np.stack([w + side, w - side], 1), "sides": made[:, 1:]}

    def _scene(self, number: int) -> NDArray[np.float32]:
        """W, X and Y of a scene."""
        rng = np.random.default_rng([self.seed, as_count(number, "number", minimum=0)])
        stems = self.excerpts.excerpt(number)
        sources, azimuths = [], []
        for stem in stems:
            azimuth, width = rng.uniform(-180.0, 180.0), rng.uniform(0.0, 180.0)
            varied = self._varied(rng, stem)
            if not stem.any():
                continue
            if np.array_equal(*stem):
                sources.append(varied[0])
                azimuths.append(azimuth)
            else:
                sources.extend(np.float32(0.5) * varied)
                azimuths.extend([azimuth + width / 2, azimuth - width / 2])
        made = np.zeros((3, stems.shape[-1]), np.float32)
        if sources:
            (made,) = convolved(np.stack(sources)[None], self._responses(number, azimuths)[None])
        made = made[:, self._run_in :]
        peak = float(np.abs(made).max())
        return made * np.float32(rng.uniform(*LEVEL) / max(peak, 1.0))

    def _responses(self, number: int, azimuths: Sequence[float]) -> NDArray[np.float32]:
        """W, X and Y of the responses of sources, in N3D."""
        if not self.physical:
            return self.rooms.published(number, azimuths)[:, [0, 3, 1]]
        responses = self.rooms.responses(number, azimuths)[:, [0, 3, 1]]
        responses[:, 1:] *= np.float32(math.sqrt(3.0))
        return responses

    def _varied(self, rng: np.random.Generator, stem: NDArray[np.float32]) -> NDArray[np.float32]:
        """Both channels of a stem, varied alike."""
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
