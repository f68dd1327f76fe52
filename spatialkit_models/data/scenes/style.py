"""Scenes of style transfer: stems panned to five channels and downmixed to stereo.

Scenes are arrays of stems and small matrices of gains; mixing them is one matrix product (`mix`) on
the device of the network. Everything is a pure function of the seed and a number; nothing imports
torch.

Five channels are those of layout "5.0": FL FR FC SL SR. Their stereo downmix is G of the paper,
``L = FL + SL + FC / 2`` and its mirror image, which is method "sum" of `spatialkit.downmix`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spatialkit.downmix import downmix_matrix
from spatialkit.panning import vbap_gains
from spatialkit.validation import as_choice, as_count, as_number
from spatialkit_models.data.scenes.ambisonic import AmbisonicScenes

__all__ = [
    "AmbisonicScenes",
    "Configuration",
    "ShardedScenes",
    "Excerpts",
    "Numbered",
    "StyleScenes",
    "stereo_downmix",
    "load_configurations",
    "mix",
]

LAYOUT = "5.0"
PROTOCOLS = ("independent", "same", "mixed")
# Distance between the first numbers of shards: more scenes than any training uses.
SHARD_SIZE = 1 << 40


class Excerpts(Protocol):
    """Interface of stems: `StemExcerpts` implements it."""

    @property
    def seconds(self) -> float:
        """Length of an excerpt in seconds."""
        ...

    def excerpt(self, index: int, *, other_than: int | None = None) -> NDArray[np.float32]:
        """Return the stems (stems, samples) of a number, from other songs than ``other_than``."""
        ...


class Numbered(Protocol):
    """Interface of scenes by number: `StyleScenes`, `FiveChannelExcerpts`."""

    @property
    def seconds(self) -> float: ...

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]: ...


class StyleScenes:
    """Scenes of style transfer: the same stems panned to a target and to a stereo input.

    Parameters
    ----------
    excerpts : Excerpts
        Source of stems, such as `StemExcerpts`.
    seed : int
        Seed of directions and levels, at least 0; the excerpts have their own.
    protocol : {"independent", "same", "mixed"}
        Directions of the stereo input: independent of the target (as for a user's song, which is
        not panned like the style), those of the target (the paper's baseline), or either with a
        probability of 0.5.
    cross_song : bool
        Encode the style from other songs, panned to the same directions, so that it cannot contain
        content; otherwise from the stems themselves, as in the paper.
    level_db : float
        Maximum random change of the level of each stem in dB.
    paired : float
        Fraction of stems, 0 to 1, that are panned to two directions at equal level, as double
        tracks are.

    Raises
    ------
    OptionError
        If an argument is not accepted.

    Examples
    --------
    >>> class Noise:
    ...     def excerpt(self, index, *, other_than=None):
    ...         return np.random.default_rng(index).standard_normal((4, 100), dtype=np.float32)
    >>> scene = StyleScenes(Noise(), protocol="same").scene(3)
    >>> five = mix(scene["stems"], scene["gains"])
    >>> stereo = mix(scene["stems"], scene["seed_gains"])
    >>> five.shape, bool(np.allclose(stereo_downmix(five), stereo, atol=1e-5))
    ((5, 100), True)
    """

    def __init__(
        self,
        excerpts: Excerpts,
        *,
        seed: int = 0,
        protocol: str = "independent",
        cross_song: bool = True,
        level_db: float = 0.0,
        paired: float = 0.0,
    ) -> None:
        self.excerpts = excerpts
        self.seed = as_count(seed, "seed", minimum=0)
        self.protocol = as_choice(protocol, "protocol", PROTOCOLS)
        self.cross_song = cross_song
        self.level_db = as_number(level_db, "level_db", minimum=0.0, unit="dB")
        self.paired = as_number(paired, "paired", minimum=0.0, maximum=1.0)

    @property
    def seconds(self) -> float:
        """Length of a scene in seconds."""
        return self.excerpts.seconds

    def scene(self, index: int) -> dict[str, NDArray[np.float32]]:
        """Return one scene: a batch of one without its first axis."""
        return {name: array[0] for name, array in self.scenes([index]).items()}

    def batch(self, start: int, size: int) -> dict[str, NDArray[np.float32]]:
        """Return the scenes ``start`` to ``start + size - 1``: see `scenes`."""
        start, size = as_count(start, "start", minimum=0), as_count(size, "size")
        return self.scenes(range(start, start + size))

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Return a batch of scenes.

        Parameters
        ----------
        numbers : sequence of int
            Numbers of the scenes.

        Returns
        -------
        dict of str to ndarray of float32
            "stems" (size, 4, samples).
            "azimuth", "seed_azimuth" (size, 4): azimuths in target and stereo input in degrees,
            -180 to 180; the first one of a paired stem.
            "gains" (size, 4, 5): VBAP gains of stems in the target, of power 1.
            "seed_gains" (size, 4, 2): gains of stems in the stereo input, panned and downmixed.
            "style_stems" (size, 4, samples) and "style_gains" (size, 4, 5): stems that the style
            is encoded from and their gains, at "azimuth"; the arrays "stems" and "gains"
            themselves unless ``cross_song``.
        """
        conditions = [self._condition(number) for number in numbers]
        azimuths, levels, seconds = (np.stack(parts) for parts in zip(*conditions, strict=True))
        # One call for all scenes, which takes a fraction of the time of single calls.
        first, second = vbap_gains(np.stack([azimuths, seconds]), layout=LAYOUT)
        gains = (first + second).astype(np.float32)
        gains /= np.linalg.norm(gains, axis=-1, keepdims=True)
        # Consecutive numbers share cached segments.
        stems = np.stack([self.excerpts.excerpt(2 * number) for number in numbers])
        stems *= levels[:, 0, :, None]
        scenes = {
            "stems": stems,
            "azimuth": azimuths[:, 0].astype(np.float32),
            "seed_azimuth": azimuths[:, 1].astype(np.float32),
            "gains": gains[:, 0],
            "seed_gains": gains[:, 1] @ _downmix().T,
            "style_stems": stems,
            "style_gains": gains[:, 0],
        }
        if self.cross_song:
            others = [
                self.excerpts.excerpt(2 * number + 1, other_than=2 * number) for number in numbers
            ]
            scenes["style_stems"] = np.stack(others) * levels[:, 1, :, None]
        return scenes

    def _condition(self, number: int) -> tuple[NDArray[np.float64], ...]:
        """Sample azimuths of target and stereo, levels of stems and style stems, second azimuths.

        All have shape (2, 4); the second azimuth of a stem that is not paired equals the first.
        """
        rng = np.random.default_rng([self.seed, number])
        azimuths = rng.uniform(-180.0, 180.0, (2, 4))
        like_target = rng.random() < 0.5 if self.protocol == "mixed" else self.protocol == "same"
        levels = 10.0 ** (rng.uniform(-self.level_db, self.level_db, (2, 4)) / 20.0)
        paired = rng.random((2, 4)) < self.paired
        seconds = np.where(paired, rng.uniform(-180.0, 180.0, (2, 4)), azimuths)
        if like_target:
            azimuths[1], seconds[1] = azimuths[0], seconds[0]
        return azimuths, levels.astype(np.float32), seconds


class ShardedScenes:
    """Scenes for several data workers: consecutive batches come from distant shards of numbers.

    Neighbouring scenes share decoded audio. If several workers (or processes) read batches in
    turn, each would decode all songs; with as many shards as workers, each worker reads from one
    shard. The contents of a batch depend on the number of shards, not on the worker.

    Parameters
    ----------
    source : Numbered
        Source of scenes.
    size : int
        Number of scenes in a batch.
    shards : int
        Number of shards that consecutive batches are distributed over.

    Examples
    --------
    >>> class Numbers:
    ...     seconds = 1.0
    ...     def scenes(self, numbers):
    ...         return {"number": np.array(numbers)}
    >>> sharded = ShardedScenes(Numbers(), 2, 3)
    >>> [(sharded.batch(start, 2)["number"] % SHARD_SIZE).tolist() for start in (0, 2, 4, 6)]
    [[0, 1], [0, 1], [0, 1], [2, 3]]
    """

    def __init__(self, source: Numbered, size: int, shards: int) -> None:
        self.source = source
        self.size, self.shards = as_count(size, "size"), as_count(shards, "shards")

    @property
    def seconds(self) -> float:
        """Length of a scene in seconds."""
        return self.source.seconds

    def batch(self, start: int, size: int) -> dict[str, NDArray[np.float32]]:
        """Return the scenes at the positions ``start`` to ``start + size - 1``."""
        start, size = as_count(start, "start", minimum=0), as_count(size, "size")
        return self.source.scenes([self._number(n) for n in range(start, start + size)])

    def _number(self, position: int) -> int:
        """Return the number of the scene at a position."""
        batch, offset = divmod(position, self.size)
        row, shard = divmod(batch, self.shards)
        return shard * SHARD_SIZE + row * self.size + offset


@dataclass(frozen=True)
class Configuration:
    """Panning condition of the benchmark: azimuths of vocals, drums, bass and other in degrees."""

    azimuth: tuple[float, ...]
    """Azimuths in the target and the style."""
    seed_azimuth: tuple[float, ...]
    """Azimuths in the stereo input with the protocol "independent"."""

    @property
    def gains(self) -> NDArray[np.float32]:
        """Gains of stems in the target, (4, 5)."""
        return vbap_gains(self.azimuth, layout=LAYOUT).astype(np.float32)

    def seed_gains(self, protocol: str) -> NDArray[np.float32]:
        """Return the gains of stems in the stereo input, (4, 2).

        Parameters
        ----------
        protocol : {"independent", "same"}
            As in `StyleScenes`.
        """
        protocol = as_choice(protocol, "protocol", ("independent", "same"))
        azimuth = self.azimuth if protocol == "same" else self.seed_azimuth
        return vbap_gains(azimuth, layout=LAYOUT).astype(np.float32) @ _downmix().T


def load_configurations(count: int = 20) -> tuple[Configuration, ...]:
    """Load the first ``count`` of the 20 configurations of the benchmark, uniform over the circle.

    Examples
    --------
    >>> len(load_configurations()), len(load_configurations(3))
    (20, 3)
    """
    path = files("spatialkit_models") / "data" / "scenes" / "configurations.json"
    listed = json.loads(path.read_text(encoding="utf-8"))["configurations"]
    as_count(count, "count", maximum=len(listed))
    return tuple(
        Configuration(tuple(one["azimuth"]), tuple(one["seed_azimuth"])) for one in listed[:count]
    )


def mix(stems: Any, gains: Any) -> Any:
    """Mix stems to channels by gains.

    Parameters
    ----------
    stems : ndarray or Tensor, shape (..., stems, samples)
    gains : ndarray or Tensor, shape (..., stems, channels)

    Returns
    -------
    ndarray or Tensor, shape (..., channels, samples)

    Examples
    --------
    >>> mix(np.ones((4, 3)), np.ones((2, 4, 5))).shape
    (2, 5, 3)
    """
    return gains.swapaxes(-1, -2) @ stems


def stereo_downmix(five: NDArray[Any]) -> NDArray[Any]:
    """Downmix five channels (..., 5, samples) to stereo (..., 2, samples) by G of the paper.

    Examples
    --------
    >>> stereo_downmix(np.eye(5))
    array([[1. , 0. , 0.5, 1. , 0. ],
           [0. , 1. , 0.5, 0. , 1. ]])
    """
    return np.matmul(_downmix().astype(five.dtype), five)


def _downmix() -> NDArray[np.float32]:
    return downmix_matrix(LAYOUT, "stereo", method="sum").astype(np.float32)
