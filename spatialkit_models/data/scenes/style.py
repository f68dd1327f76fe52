"""Scenes for training: stems panned to five channels and folded to stereo, or real recordings.

Ambisonic ones are made in `ambisonic_scenes`.

What comes is arrays of stems and small matrices of gains: mixing them is one product (`mix`), and
belongs where the network is. Everything is a pure function of the seed and a number; nothing
imports torch.

Five channels are those of layout "5.0": FL FR FC SL SR. The stereo of five channels is the paper's
fold-down G, ``L = FL + SL + FC / 2`` and its mirror image, which is method "sum" of
`spatialkit.downmix`.
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
# How far apart shards of scenes lie: further than any training gets.
SHARD_SIZE = 1 << 40


class Excerpts(Protocol):
    """What `StyleScenes` needs of its stems; `stems.StemExcerpts` has it."""

    @property
    def seconds(self) -> float:
        """Length of an excerpt."""
        ...

    def excerpt(self, index: int, *, other_than: int | None = None) -> NDArray[np.float32]:
        """Stems (stems, samples) of a number, of other songs than those of ``other_than``."""
        ...


class Numbered(Protocol):
    """Whatever makes scenes by number: `StyleScenes`, `recordings.FiveChannelExcerpts`."""

    @property
    def seconds(self) -> float: ...

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]: ...


class StyleScenes:
    """Pairs for style transfer: stems in one panning condition, the same stems in another.

    Parameters
    ----------
    excerpts : Excerpts
        Where stems come from, such as `stems.StemExcerpts`.
    seed : int
        Of directions and levels, at least 0. The excerpts have their own.
    protocol : {"independent", "same", "mixed"}
        How the stereo is panned: in directions of its own (nobody's song is panned like the style
        they want), like the target (the paper's baseline), or either with equal chance.
    cross_song : bool
        Whether the style is heard in other songs, panned to the same directions, so that it cannot
        carry their content; else in the stems themselves, as in the paper.
    level_db : float
        Each stem's level is changed by up to so many dB, up or down.
    paired : float
        Share of stems, 0 to 1, that play from two directions at once, equally loud, as double
        tracks do.

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
        """Length of the audio of a scene."""
        return self.excerpts.seconds

    def scene(self, index: int) -> dict[str, NDArray[np.float32]]:
        """Make one scene: what `batch` gives, without the first axis."""
        return {name: array[0] for name, array in self.scenes([index]).items()}

    def batch(self, start: int, size: int) -> dict[str, NDArray[np.float32]]:
        """Make the scenes ``start`` to ``start + size - 1``: see `scenes`."""
        start, size = as_count(start, "start", minimum=0), as_count(size, "size")
        return self.scenes(range(start, start + size))

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Make the scenes of these numbers.

        Returns
        -------
        dict of str to ndarray of float32
            "stems" (size, 4, samples).
            "azimuth", "seed_azimuth" (size, 4): of target and stereo, degrees, -180 to 180; of a
            paired stem the first.
            "gains" (size, 4, 5): stems to the target, by VBAP, of power 1.
            "seed_gains" (size, 4, 2): stems to the stereo, panned and folded down.
            "style_stems" (size, 4, samples) and "style_gains" (size, 4, 5): what the style is
            heard in, panned to "azimuth"; the arrays "stems" and "gains" themselves unless
            ``cross_song``.
        """
        draws = [self._draw(number) for number in numbers]
        azimuths, levels, seconds = (np.stack(parts) for parts in zip(*draws, strict=True))
        # All conditions of all scenes at once: so panning costs next to nothing.
        first, second = vbap_gains(np.stack([azimuths, seconds]), layout=LAYOUT)
        gains = (first + second).astype(np.float32)
        gains /= np.linalg.norm(gains, axis=-1, keepdims=True)
        # Neighbours share what is decoded for them.
        stems = np.stack([self.excerpts.excerpt(2 * number) for number in numbers])
        stems *= levels[:, 0, :, None]
        scenes = {
            "stems": stems,
            "azimuth": azimuths[:, 0].astype(np.float32),
            "seed_azimuth": azimuths[:, 1].astype(np.float32),
            "gains": gains[:, 0],
            "seed_gains": gains[:, 1] @ _fold().T,
            "style_stems": stems,
            "style_gains": gains[:, 0],
        }
        if self.cross_song:
            others = [
                self.excerpts.excerpt(2 * number + 1, other_than=2 * number) for number in numbers
            ]
            scenes["style_stems"] = np.stack(others) * levels[:, 1, :, None]
        return scenes

    def _draw(self, number: int) -> tuple[NDArray[np.float64], ...]:
        """Azimuths of target and stereo, levels of stems and style stems, second azimuths.

        (2, 4) each; a stem that is not paired has its azimuth twice.
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
    """Scenes for several readers: batches in turn from shards of numbers far from each other.

    Neighbouring scenes share what is decoded for them. Where several workers (or processes) read
    batches in turn, each would decode all songs for itself; with as many shards as workers,
    each stays within one. What a batch holds depends on that number, not on who reads.

    Parameters
    ----------
    source : Numbered
        What makes scenes.
    size : int
        Scenes in a batch.
    shards : int
        Over which consecutive batches are dealt out.

    Examples
    --------
    >>> class Numbers:
    ...     seconds = 1.0
    ...     def scenes(self, numbers):
    ...         return {"number": np.array(numbers)}
    >>> dealt = ShardedScenes(Numbers(), 2, 3)
    >>> [(dealt.batch(start, 2)["number"] % SHARD_SIZE).tolist() for start in (0, 2, 4, 6)]
    [[0, 1], [0, 1], [0, 1], [2, 3]]
    """

    def __init__(self, source: Numbered, size: int, shards: int) -> None:
        self.source = source
        self.size, self.shards = as_count(size, "size"), as_count(shards, "shards")

    @property
    def seconds(self) -> float:
        """Length of the audio of a scene."""
        return self.source.seconds

    def batch(self, start: int, size: int) -> dict[str, NDArray[np.float32]]:
        """Make the scenes that are dealt out as ``start`` to ``start + size - 1``."""
        start, size = as_count(start, "start", minimum=0), as_count(size, "size")
        return self.source.scenes([self._number(n) for n in range(start, start + size)])

    def _number(self, place: int) -> int:
        batch, rest = divmod(place, self.size)
        position, stretch = divmod(batch, self.shards)
        return stretch * SHARD_SIZE + position * self.size + rest


@dataclass(frozen=True)
class Configuration:
    """One condition of a test: degrees of vocals, drums, bass and other, positive to the left."""

    azimuth: tuple[float, ...]
    """Of the target and the style."""
    seed_azimuth: tuple[float, ...]
    """Of the stereo, where it is panned independently."""

    @property
    def gains(self) -> NDArray[np.float32]:
        """Stems to the target, (4, 5)."""
        return vbap_gains(self.azimuth, layout=LAYOUT).astype(np.float32)

    def seed_gains(self, protocol: str) -> NDArray[np.float32]:
        """Stems to the stereo under the protocol "independent" or "same", (4, 2)."""
        protocol = as_choice(protocol, "protocol", ("independent", "same"))
        azimuth = self.azimuth if protocol == "same" else self.seed_azimuth
        return vbap_gains(azimuth, layout=LAYOUT).astype(np.float32) @ _fold().T


def load_configurations(count: int = 20) -> tuple[Configuration, ...]:
    """First ``count`` of the 20 configurations that tests use, uniform over the circle.

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
    """Channels of stems: each the sum of all stems times their gains.

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
    """Stereo (..., 2, samples) of five channels (..., 5, samples), the paper's G.

    Examples
    --------
    >>> stereo_downmix(np.eye(5))
    array([[1. , 0. , 0.5, 1. , 0. ],
           [0. , 1. , 0.5, 0. , 1. ]])
    """
    return np.matmul(_fold().astype(five.dtype), five)


def _fold() -> NDArray[np.float32]:
    return downmix_matrix(LAYOUT, "stereo", method="sum").astype(np.float32)
