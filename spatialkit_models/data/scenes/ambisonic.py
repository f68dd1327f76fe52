"""Horizontal Ambisonic scenes of stems: real mixes on a specified stage, and stems in rooms.

A scene consists of W, Y and X of four stems (AmbiX: SN3D, +Y left, +X front), with X as for a stem
in front, and of a stage: one factor of X per stem from -1 (rear) to 1 (front). Everything is a
pure function of the seed and a number; nothing imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit import istft, stft
from spatialkit.errors import OptionError
from spatialkit.upmixing import plane_wave_x
from spatialkit.validation import as_count, as_number, unknown_name
from spatialkit_models.data.rooms import RoomResponses
from spatialkit_models.data.scenes.stage import (
    ALL_FRONT,
    MEAN_STAGE,
    STAGES,
    sample_band,
    sample_places,
)

__all__ = [
    "KINDS",
    "AmbisonicScenes",
    "StereoExcerpts",
    "mix_stage",
    "convolve_stems",
    "residual_x",
]

KINDS = ("mix", "staged", "uniform")

# Range of the level of reverberation relative to the simulated one: down to studio distance.
ROOM_DB = (-15.0, 0.0)
# Probability of a random stage of a mix; the others have a named stage.
RANDOM_STAGE = 0.5
N_FFT, HOP = 2048, 512
# Resampled stereo images: maximum gain of W in Y, of delayed W in Y, and its delay in seconds.
MAX_PAN, MAX_WIDTH, DELAY = 0.7, 0.9, (0.005, 0.03)
# Rules for stems in all directions: see `sample_places`.
UNIFORM = ((180.0, 0.0, 120.0),) * 4


class StereoExcerpts(Protocol):
    """Interface of stereo stems: `StemExcerpts` implements it with ``stereo=True``."""

    @property
    def seconds(self) -> float:
        """Length of an excerpt in seconds."""
        ...

    def excerpt(self, index: int) -> NDArray[np.float32]:
        """Return the stems (4, 2, samples) of a number."""
        ...


class AmbisonicScenes:
    """Scenes with reference W, Y and X, indexed by number.

    Parameters
    ----------
    excerpts : StereoExcerpts
        Source of stems, such as `StemExcerpts` with ``stereo=True``.
    rooms : RoomResponses, optional
        Rooms of staged and uniform scenes.
    seed : int
        Seed of kinds, directions and stages, at least 0; excerpts and rooms have their own.
    shares : mapping of str to float, optional
        Relative frequency of each kind of scene; mixes only by default.

        "mix": stems as mixed; W and Y are half of the sum and difference of their channels, X is
        the residual (`residual_x`). The stage is a named or a random one.

        "staged": stems as two plane waves each, in directions of an ordinary stage (vocals, bass
        and drums in front, other instruments often not), convolved with room responses from these
        directions; reverberation is attenuated by 0 to 15 dB. The stage specifies which stems are
        in the rear.

        "uniform": the same with stems in all directions, 0 to 120 degrees wide.
    plain : float
        Fraction of mixes, 0 to 1, that are mono: Y is silent.
    images : float
        Fraction of stems of mixes, 0 to 1, whose pan and width in stereo are resampled so that
        they do not identify the stem: Y is a panned W plus W delayed by some milliseconds.

    Raises
    ------
    OptionError
        If an argument is not accepted, or rooms are missing.

    Examples
    --------
    >>> class Noise:
    ...     seconds = 0.1
    ...     def excerpt(self, index):
    ...         return np.random.default_rng(index).standard_normal((4, 2, 4410), np.float32)
    >>> scenes = AmbisonicScenes(Noise(), None).scenes([3, 4])
    >>> scenes["stems"].shape, scenes["stage"].shape
    ((2, 4, 3, 4410), (2, 4))
    >>> mix_stage(scenes["stems"], scenes["stage"]).shape
    (2, 3, 4410)
    """

    def __init__(
        self,
        excerpts: StereoExcerpts,
        rooms: RoomResponses | None,
        *,
        seed: int = 0,
        shares: Mapping[str, float] | None = None,
        plain: float = 0.0,
        images: float = 0.0,
    ) -> None:
        self.excerpts, self.rooms = excerpts, rooms
        self.seed = as_count(seed, "seed", minimum=0)
        self.plain = as_number(plain, "plain", minimum=0.0, maximum=1.0)
        self.images = as_number(images, "images", minimum=0.0, maximum=1.0)
        shares = {"mix": 1.0} if shares is None else shares
        for kind in shares:
            if kind not in KINDS:
                raise OptionError(unknown_name("kind of scene in shares", kind, KINDS))
        weights = np.array([as_number(shares.get(kind, 0.0), kind, minimum=0.0) for kind in KINDS])
        if not weights.any():
            raise OptionError("shares must contain a kind with a value above 0, got none")
        if rooms is None and weights[1:].any():
            raise OptionError("scenes of kind 'staged' and 'uniform' need rooms: pass rooms")
        self._ends = np.cumsum(weights) / weights.sum()

    @property
    def seconds(self) -> float:
        """Length of a scene in seconds."""
        return self.excerpts.seconds

    def kind(self, number: int) -> str:
        """Return the kind of a scene."""
        return self._sample_kind(number)[0]

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Return a batch of scenes.

        Parameters
        ----------
        numbers : sequence of int
            Numbers of the scenes.

        Returns
        -------
        dict of str to ndarray of float32
            "stems" (size, 4, 3, samples): W, Y and X of vocals, drums, bass and other, X with the
            sign of a stem in front. "stage" (size, 4): see `mix_stage`. "expected" (size, 4): the
            stage as a user would specify it: the stage itself for a mix, the mean stage for
            staged scenes, all stems in front for uniform ones. "staged" (size,): 0 for uniform
            scenes, else 1.
        """
        stems, stages = map(np.stack, zip(*map(self._scene, numbers), strict=True))
        kinds = [self.kind(number) for number in numbers]
        defaults = {"staged": MEAN_STAGE, "uniform": ALL_FRONT}
        expected = [defaults.get(kind, stage) for kind, stage in zip(kinds, stages, strict=True)]
        return {
            "stems": stems,
            "stage": stages.astype(np.float32),
            "expected": np.array(expected, np.float32),
            "staged": np.array([kind != "uniform" for kind in kinds], np.float32),
        }

    def _sample_kind(self, number: int) -> tuple[str, np.random.Generator]:
        """Return the kind of a scene and the generator for the rest of it."""
        rng = np.random.default_rng([self.seed, as_count(number, "number", minimum=0)])
        return KINDS[int(np.searchsorted(self._ends, rng.random(), side="right"))], rng

    def _scene(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        kind, rng = self._sample_kind(number)
        stems = self.excerpts.excerpt(number)
        if kind == "mix":
            pair = np.stack([stems[:, 0] + stems[:, 1], stems[:, 0] - stems[:, 1]], 1)
            pair *= np.float32(0.5)
            if rng.random() < self.plain:
                pair[:, 1] = 0.0
            elif self.images:
                self._resample_images(pair, rng)
            return np.concatenate([pair, residual_x(pair)[:, None]], 1), _sample_stage(rng)
        azimuth, width = sample_band(rng) if kind == "staged" else sample_places(rng, UNIFORM)
        assert self.rooms is not None
        sides = np.stack([azimuth + width / 2, azimuth - width / 2], 1)
        level = rng.uniform(*ROOM_DB)
        responses = self.rooms.responses(number, sides.ravel(), room_db=level)[:, [0, 1, 3]]
        placed = convolve_stems(0.5 * stems, responses.reshape(4, 2, 3, -1))
        stage = np.where(np.cos(np.radians(azimuth)) < 0.0, -1.0, 1.0)
        placed[:, 2] *= stage[:, None]
        return placed, stage

    def _resample_images(self, pair: NDArray[np.float32], rng: np.random.Generator) -> None:
        """Replace Y of some stems (4, 2, samples)."""
        samples = pair.shape[-1]
        for w, y in pair:
            chosen, pan, width = (
                rng.random() < self.images,
                *rng.uniform((-MAX_PAN, 0.0), (MAX_PAN, MAX_WIDTH)),
            )
            delay = round(rng.uniform(*DELAY) * samples / self.seconds)
            if chosen:
                np.multiply(w, np.float32(pan), out=y)
                y[delay:] += np.float32(width) * w[: max(0, samples - delay)]


def mix_stage(stems: Any, stage: Any) -> Any:
    """Mix stems to W, Y and X of a scene on a stage.

    Parameters
    ----------
    stems : ndarray or Tensor, shape (..., stems, 3, samples)
    stage : ndarray or Tensor, shape (..., stems)

    Returns
    -------
    ndarray or Tensor, shape (..., 3, samples)
    """
    scene = stems.sum(-3)
    scene[..., 2, :] = (stems[..., 2, :] * stage[..., None]).sum(-2)
    return scene


def residual_x(pair: ArrayLike) -> NDArray[Any]:
    r"""Return X as the residual of W beside Y in each bin, with the phase of W.

    .. math:: |X| = \sqrt{\max(|W|^2 - |Y|^2, 0)}

    which is exact for a horizontal plane wave from the front.

    Parameters
    ----------
    pair : array_like of float, shape (..., 2, samples)
        W and Y.

    Returns
    -------
    ndarray, shape (..., samples)
    """
    audio = np.asarray(pair)
    x = plane_wave_x(np.moveaxis(stft(audio, n_fft=N_FFT, hop=HOP), -3, 0))
    return istft(x, n_fft=N_FFT, hop=HOP, length=audio.shape[-1])


def _sample_stage(rng: np.random.Generator) -> NDArray[np.float64]:
    if rng.random() < RANDOM_STAGE:
        return rng.uniform(-1.0, 1.0, 4)
    names = sorted(STAGES)
    return np.array(STAGES[names[int(rng.integers(len(names)))]])


def convolve_stems(
    sources: NDArray[np.float32], responses: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Convolve sources (stems, sides, samples) with responses and sum over the sides.

    Parameters
    ----------
    sources : ndarray, shape (stems, sides, samples)
    responses : ndarray, shape (stems, sides, channels, length)

    Returns
    -------
    ndarray of float32, shape (stems, channels, samples)
    """
    from scipy.fft import irfft, next_fast_len, rfft

    samples = sources.shape[-1]
    length = next_fast_len(samples + responses.shape[-1] - 1, real=True)
    convolved = np.empty((len(sources), responses.shape[2], samples), np.float32)
    for stem, (sides, room) in enumerate(zip(sources, responses, strict=True)):
        if not sides.any():
            convolved[stem] = 0.0
            continue
        spectrum = (rfft(sides, length)[:, None] * rfft(room, length)).sum(0)
        convolved[stem] = irfft(spectrum, length)[:, :samples]
    return convolved
