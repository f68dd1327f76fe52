"""Configurations of the Ambisonizer's own network: shape, scenes and loss; light to import."""

from __future__ import annotations

from dataclasses import dataclass, field

from spatialkit.errors import OptionError
from spatialkit.validation import as_count, as_number
from spatialkit_models.modules import (
    MAX_LAYERS,
    MAX_RATE,
    MAX_SECONDS,
    MAX_SIZE,
    MAX_WEIGHT,
    MaskConfig,
)
from spatialkit_models.stem_names import N_STEMS

__all__ = ["AmbisonicSceneConfig", "AmbisonizerConfig", "AmbisonizerLossConfig"]


@dataclass(frozen=True)
class AmbisonizerConfig:
    """Shape of `Ambisonizer`.

    Parameters
    ----------
    masks : MaskConfig
        Shape of the network that estimates stem masks.
    iterations : int
        Number of times that the stems' spatial covariance in W and Y is estimated, each time from
        the result of the previous extraction.
    """

    # Half of the 3 s of training scenes, in frames.
    masks: MaskConfig = field(default_factory=lambda: MaskConfig(dropout=0.2, reach=64))
    iterations: int = 2

    def __post_init__(self) -> None:
        as_count(self.iterations, "iterations", maximum=MAX_LAYERS)

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio, Hz."""
        return self.masks.sample_rate


@dataclass(frozen=True, kw_only=True)
class AmbisonicSceneConfig:
    """Scenes that an `Ambisonizer` is trained on, see `AmbisonicScenes`.

    Parameters
    ----------
    seconds : float
        Length of a scene, s.
    min_active : int
        Minimum number of active stems in a scene.
    mixes, staged, uniform : float
        Relative frequency of each kind of scene.
    mono : float
        Probability that a mix is mono.
    random_panning : float
        Probability that a stem of a stereo mix is panned again at random.
    dry_below : float
        Frequency below which the direct sound replaces room responses, Hz, see `RoomResponses`.
    """

    seconds: float = 3.0
    min_active: int = 2
    mixes: float = 0.5
    staged: float = 0.4
    uniform: float = 0.1
    mono: float = 0.15
    random_panning: float = 0.4
    dry_below: float = 150.0

    def __post_init__(self) -> None:
        as_number(self.seconds, "seconds", minimum=0.05, maximum=MAX_SECONDS, unit="s")
        as_count(self.min_active, "min_active", maximum=N_STEMS)
        for name in ("mixes", "staged", "uniform"):
            as_number(getattr(self, name), name, minimum=0.0, maximum=MAX_WEIGHT)
        if not self.mixes + self.staged + self.uniform:
            raise OptionError("at least one of mixes, staged and uniform must be above 0")
        for name in ("mono", "random_panning"):
            as_number(getattr(self, name), name, minimum=0.0, maximum=1.0)
        as_number(self.dry_below, "dry_below", minimum=0.0, maximum=MAX_RATE, unit="Hz")


@dataclass(frozen=True, kw_only=True)
class AmbisonizerLossConfig:
    """Loss of `Ambisonizer`.

    Parameters
    ----------
    intensity : float
        Weight of the error of the intensity relative to the energy, dB.
    masks : float
        Weight of the masks' cross-entropy, dB per nat.
    random_stages : int
        Number of random stages on which each example is evaluated, besides the expected stage of
        the scene and the one with all stems in front.
    frames : int
        Number of frames of each example that are evaluated.
    """

    intensity: float = 3.0
    masks: float = 1.0
    random_stages: int = 2
    frames: int = 96

    def __post_init__(self) -> None:
        for name in ("intensity", "masks"):
            as_number(getattr(self, name), name, minimum=0.0, maximum=MAX_WEIGHT)
        as_count(self.random_stages, "random_stages", minimum=0, maximum=MAX_SIZE)
        as_count(self.frames, "frames", maximum=MAX_SIZE)
