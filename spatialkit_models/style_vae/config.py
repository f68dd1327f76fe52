"""Configurations of the style-transfer VAE: networks, scenes and losses; light to import."""

from __future__ import annotations

from dataclasses import dataclass, field

from spatialkit.validation import as_choice, as_count, as_number, as_sample_rate
from spatialkit_models.modules import (
    MAX_LAYERS,
    MAX_LEVEL_DB,
    MAX_RATE,
    MAX_SECONDS,
    MAX_SIZE,
    MAX_WEIGHT,
    MaskConfig,
)
from spatialkit_models.stem_names import N_STEMS

__all__ = ["FastConfig", "FastLossConfig", "PaperConfig", "PaperLossConfig", "StyleSceneConfig"]


@dataclass(frozen=True)
class FastConfig:
    """Shape of `FastStyleVAE`.

    Parameters
    ----------
    masks : MaskConfig
        Shape of the network that estimates stem masks.
    latent_size : int
        Dimensions of the style; the paper uses 50 and reports 20 to 60.
    hidden : int
        Width of the layers between panning and style.
    power_iterations : int
        Number of times that masks are refined by the power of the extracted stems.
    direction_iterations : int
        Number of times that masks are refined by direction to estimate mixing gains.
    """

    masks: MaskConfig = field(default_factory=MaskConfig)
    latent_size: int = 50
    hidden: int = 128
    power_iterations: int = 2
    direction_iterations: int = 4

    def __post_init__(self) -> None:
        as_count(self.power_iterations, "power_iterations", minimum=0, maximum=MAX_LAYERS)
        as_count(self.direction_iterations, "direction_iterations", maximum=MAX_LAYERS)
        for name in ("latent_size", "hidden"):
            as_count(getattr(self, name), name, maximum=MAX_SIZE)

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio, Hz."""
        return self.masks.sample_rate


@dataclass(frozen=True)
class PaperConfig:
    """Shape of `PaperStyleVAE`: values that the paper states, and choices that it leaves open.

    Parameters
    ----------
    sample_rate : int
        Sample rate of the audio, Hz; stated.
    n_fft, hop_length : int
        Length and hop of the STFT, samples: a Hann window of 1024 samples, 75 % overlap; stated.
    latent_size : int
        Dimensions of the style; 50 stated, 20 to 60 reported.
    growth, convolutions, blocks : int
        Channels that each convolution of a dense block adds, convolutions per block, and blocks
        per network; stated.
    kernel : int
        Kernel size of a convolution, bins and frames. Open; 3 as in DenseNet. A transition that
        keeps the size has a kernel of 1, as there.
    transition_channels : int
        Channels after a transition. Open: DenseNet halves them; 40 is the output of two of a
        block's five convolutions.
    normalization : {"batch", "layer"}
        Normalization before each convolution. Open: DenseNet uses "batch"; "layer", over all
        channels, bins and frames of an example, does not depend on the other examples of a batch.
        (Normalization over smaller groups of channels would remove the style, which is constant
        over bins and frames.)
    pooling : {"mean", "energy"}
        Pooling of the encoder's last map to one vector: mean over bins and frames, or mean weighted
        by their magnitude, so that silence does not count. Open; "mean" is the simpler reading.
    """

    sample_rate: int = 44100
    n_fft: int = 1024
    hop_length: int = 256
    latent_size: int = 50
    growth: int = 20
    convolutions: int = 5
    blocks: int = 5
    kernel: int = 3
    transition_channels: int = 40
    normalization: str = "layer"
    pooling: str = "mean"

    def __post_init__(self) -> None:
        choices = {"normalization": ("batch", "layer"), "pooling": ("mean", "energy")}
        for name, accepted in choices.items():
            object.__setattr__(self, name, as_choice(getattr(self, name), name, accepted))
        as_sample_rate(self.sample_rate, maximum=MAX_RATE)
        as_count(self.n_fft, "n_fft", minimum=2, maximum=MAX_SIZE)
        as_count(self.hop_length, "hop_length", maximum=MAX_SIZE)
        for name in ("latent_size", "growth", "kernel", "transition_channels"):
            as_count(getattr(self, name), name, maximum=MAX_SIZE)
        for name in ("convolutions", "blocks"):
            as_count(getattr(self, name), name, maximum=MAX_LAYERS)


@dataclass(frozen=True, kw_only=True)
class StyleSceneConfig:
    """Scenes that a style-transfer VAE is trained on, see `StyleScenes`.

    Parameters
    ----------
    seconds : float
        Length of a scene, s.
    min_active : int
        Minimum number of active stems in a scene.
    protocol : {"independent", "same", "mixed"}
        Panning of the stereo: independent of the target, like the target, or either at random.
    cross_song : bool
        Take the style from other songs, panned to the same directions, instead of the target.
    level_db : float
        Largest random change of a stem's level, dB.
    paired : float
        Probability that a stem is panned to two directions at once.
    """

    seconds: float = 3.0
    min_active: int = 3
    protocol: str = "mixed"
    cross_song: bool = True
    level_db: float = 3.0
    paired: float = 0.15

    def __post_init__(self) -> None:
        as_number(self.seconds, "seconds", minimum=0.05, maximum=MAX_SECONDS, unit="s")
        as_count(self.min_active, "min_active", maximum=N_STEMS)
        protocol = as_choice(self.protocol, "protocol", ("independent", "same", "mixed"))
        object.__setattr__(self, "protocol", protocol)
        as_number(self.level_db, "level_db", minimum=0.0, maximum=MAX_LEVEL_DB, unit="dB")
        as_number(self.paired, "paired", minimum=0.0, maximum=1.0)


@dataclass(frozen=True, kw_only=True)
class FastLossConfig:
    """Loss of `FastStyleVAE`.

    Parameters
    ----------
    supervised_ratio : float
        Part of the training, 0 to 1, in which masks and directions are trained against the true
        ones. In the rest, masks, style and panning are trained end to end on the paper's objective
        (Eq. 2).
    beta : float
        Weight of the divergence from the prior, in dB of reconstruction error per nat.
    beta_warmup : float
        Part of the training, 0 to 1, in which that weight rises from 0.
    random_panning : int
        Number of random pannings per step, besides those of the scenes, that the layers between
        panning and style are trained on.
    frames : int
        Number of frames of each example whose reconstruction is evaluated: filters are more
        expensive than masks.
    """

    supervised_ratio: float = 0.75
    beta: float = 0.05
    beta_warmup: float = 0.2
    random_panning: int = 256
    frames: int = 64

    def __post_init__(self) -> None:
        for name in ("random_panning", "frames"):
            as_count(getattr(self, name), name, maximum=MAX_SIZE)
        for name in ("supervised_ratio", "beta_warmup"):
            as_number(getattr(self, name), name, minimum=0.0, maximum=1.0)
        as_number(self.beta, "beta", minimum=0.0, maximum=MAX_WEIGHT)


@dataclass(frozen=True, kw_only=True)
class PaperLossConfig:
    """Loss of `PaperStyleVAE`.

    Parameters
    ----------
    likelihood_deviation : float
        Standard deviation of the normal distribution around the decoder's magnitudes, in units of
        the RMS of the stereo spectrum. Open in the paper; it sets the weight of reconstruction
        against divergence.
    """

    likelihood_deviation: float = 1.0

    def __post_init__(self) -> None:
        as_number(
            self.likelihood_deviation, "likelihood_deviation", minimum=1e-6, maximum=MAX_WEIGHT
        )
