"""Horizontal Ambisonic scenes of songs' stems: real mixes on a stage that is told, and in rooms.

A scene is the W, Y and X of each of four stems (AmbiX: SN3D, +Y to the left, X ahead), X as far as
the stem stood ahead, and a stage: a number for each stem from -1, behind, to 1, ahead, by which
its X counts. Everything is a pure function of the seed and a number; nothing imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit import istft, stft
from spatialkit.errors import OptionError
from spatialkit.upmixing import plane_wave_x
from spatialkit.validation import as_count, as_number
from spatialkit_models.data.rooms import RoomResponses
from spatialkit_models.data.scenes.stage import AHEAD, RULE_STAGE, STAGES, places, staged_azimuths

__all__ = [
    "KINDS",
    "AmbisonicScenes",
    "StereoExcerpts",
    "combined",
    "convolved",
    "leftover",
]

KINDS = ("mix", "staged", "uniform")

# Of rooms against the direct sound, as they were simulated: from a studio's distance to their own.
ROOM_DB = (-15.0, 0.0)
# Share of mixes on a drawn stage; the others are on one of the named ones.
DRAWN = 0.5
N_FFT, HOP = 2048, 512
# Of images that are drawn anew: most of W in Y, of W later in Y, and how late, seconds.
PAN, WIDE, LATE = 0.7, 0.9, (0.005, 0.03)
# Of stems in directions all around: see `places`.
UNIFORM = ((180.0, 0.0, 120.0),) * 4


class StereoExcerpts(Protocol):
    """What Ambisonic scenes need of their stems; `StemExcerpts` has it with ``stereo=True``."""

    @property
    def seconds(self) -> float:
        """Length of an excerpt."""
        ...

    def excerpt(self, index: int) -> NDArray[np.float32]:
        """Stems (4, 2, samples) of a number."""
        ...


class AmbisonicScenes:
    """Scenes of known W, Y and X, by number.

    Parameters
    ----------
    excerpts : StereoExcerpts
        Where stems come from, such as ``StemExcerpts(..., stereo=True)``.
    rooms : RoomResponses, optional
        Where they stand; mixes are in no room.
    seed : int
        Of kinds, directions and stages, at least 0. The excerpts and the rooms have their own.
    shares : mapping of str to float, optional
        How often scenes are of each kind, in proportion to the sum; mixes only, by default.

        "mix": stems as they are, W and Y half of the sum and difference of their sides, X what is
        left over (`leftover`). The stage is a named one or drawn.

        "staged": stems as two plane waves each, by the rules of an ordinary stage (vocals, bass
        and drums ahead, other often not), each convolved with a room's response from there; all
        but its direct sound is 0 to 15 dB softer than it was. The stage says which stems are
        behind.

        "uniform": the same, but for stems in directions all around, 0 to 120 degrees wide.
    plain : float
        Share of mixes, 0 to 1, that are mono: without Y, all X.
    images : float
        Share of stems of mixes, 0 to 1, whose place and width in stereo are drawn anew, so that
        neither gives away what they are: Y is W panned, and W some milliseconds later.

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
    >>> combined(scenes["stems"], scenes["stage"]).shape
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
                raise OptionError(f"shares knows {', '.join(KINDS)}, got {kind!r}")
        weights = np.array([as_number(shares.get(kind, 0.0), kind, minimum=0.0) for kind in KINDS])
        if not weights.any():
            raise OptionError("shares must have a kind above 0")
        if rooms is None and weights[1:].any():
            raise OptionError("scenes of kind 'staged' and 'uniform' need rooms")
        self._ends = np.cumsum(weights) / weights.sum()

    @property
    def seconds(self) -> float:
        """Length of the audio of a scene."""
        return self.excerpts.seconds

    def kind(self, number: int) -> str:
        """Kind of the scene of a number."""
        return self._drawn(number)[0]

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Make the scenes of these numbers.

        Returns
        -------
        dict of str to ndarray of float32
            "stems" (size, 4, 3, samples): W, Y and X of vocals, drums, bass and other, X with the
            sign of a stem ahead. "stage" (size, 4): see `combined`. "expected" (size, 4): what is
            known of the stage, in advance: all of a mix, of others what is so by rule; of
            directions all around nothing, taken as all ahead. "staged" (size,): 0 where nothing
            is known, else 1.
        """
        made = [self._scene(number) for number in numbers]
        stems, stages = (np.stack(parts) for parts in zip(*made, strict=True))
        kinds = [self.kind(number) for number in numbers]
        known = {"staged": RULE_STAGE, "uniform": AHEAD}
        expected = [known.get(kind, stage) for kind, stage in zip(kinds, stages, strict=True)]
        return {
            "stems": stems,
            "stage": stages.astype(np.float32),
            "expected": np.array(expected, np.float32),
            "staged": np.array([kind != "uniform" for kind in kinds], np.float32),
        }

    def _drawn(self, number: int) -> tuple[str, np.random.Generator]:
        rng = np.random.default_rng([self.seed, as_count(number, "number", minimum=0)])
        return KINDS[int(np.searchsorted(self._ends, rng.random(), side="right"))], rng

    def _scene(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        kind, rng = self._drawn(number)
        stems = self.excerpts.excerpt(number)
        if kind == "mix":
            pair = np.stack([stems[:, 0] + stems[:, 1], stems[:, 0] - stems[:, 1]], 1)
            pair *= np.float32(0.5)
            if rng.random() < self.plain:
                pair[:, 1] = 0.0
            elif self.images:
                self._draw_images(pair, rng)
            return np.concatenate([pair, leftover(pair)[:, None]], 1), _drawn_stage(rng)
        azimuth, width = staged_azimuths(rng) if kind == "staged" else places(rng, UNIFORM)
        assert self.rooms is not None
        sides = np.stack([azimuth + width / 2, azimuth - width / 2], 1)
        level = rng.uniform(*ROOM_DB)
        responses = self.rooms.responses(number, sides.ravel(), room_db=level)[:, [0, 1, 3]]
        placed = convolved(0.5 * stems, responses.reshape(4, 2, 3, -1))
        stage = np.where(np.cos(np.radians(azimuth)) < 0.0, -1.0, 1.0)
        placed[:, 2] *= stage[:, None]
        return placed, stage

    def _draw_images(self, pair: NDArray[np.float32], rng: np.random.Generator) -> None:
        """Give some of the stems (4, 2, samples) another Y."""
        samples = pair.shape[-1]
        for w, y in pair:
            chosen, pan, width = rng.random() < self.images, *rng.uniform((-PAN, 0.0), (PAN, WIDE))
            late = round(rng.uniform(*LATE) * samples / self.seconds)
            if chosen:
                np.multiply(w, np.float32(pan), out=y)
                y[late:] += np.float32(width) * w[: max(0, samples - late)]


def combined(stems: Any, stage: Any) -> Any:
    """W, Y and X of a whole scene on a stage.

    Parameters
    ----------
    stems : ndarray or Tensor, shape (..., stems, 3, samples)
    stage : ndarray or Tensor, shape (..., stems)

    Returns
    -------
    ndarray or Tensor, shape (..., 3, samples)
    """
    whole = stems.sum(-3)
    whole[..., 2, :] = (stems[..., 2, :] * stage[..., None]).sum(-2)
    return whole


def leftover(pair: ArrayLike) -> NDArray[Any]:
    """Make X of W and Y: in each bin what Y leaves of W's magnitude, with the phase of W.

    Of a plane wave from ahead it is the true one.

    Parameters
    ----------
    pair : array_like of float, shape (..., 2, samples)
        W and Y.

    Returns
    -------
    ndarray, shape (..., samples)
    """
    audio = np.asarray(pair)
    made = plane_wave_x(np.moveaxis(stft(audio, n_fft=N_FFT, hop=HOP), -3, 0))
    return istft(made, n_fft=N_FFT, hop=HOP, length=audio.shape[-1])


def _drawn_stage(rng: np.random.Generator) -> NDArray[np.float64]:
    if rng.random() < DRAWN:
        return rng.uniform(-1.0, 1.0, 4)
    names = sorted(STAGES)
    return np.array(STAGES[names[int(rng.integers(len(names)))]])


def convolved(sources: NDArray[np.float32], responses: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sources (stems, sides, samples) through (stems, sides, channels, length), sides summed."""
    from scipy.fft import irfft, next_fast_len, rfft

    samples = sources.shape[-1]
    length = next_fast_len(samples + responses.shape[-1] - 1, real=True)
    made = np.empty((len(sources), responses.shape[2], samples), np.float32)
    for stem, (sides, room) in enumerate(zip(sources, responses, strict=True)):
        if not sides.any():
            made[stem] = 0.0
            continue
        spectrum = (rfft(sides, length)[:, None] * rfft(room, length)).sum(0)
        made[stem] = irfft(spectrum, length)[:, :samples]
    return made
