"""Configuration of the network layers that models share; light to import."""

from __future__ import annotations

from dataclasses import dataclass

from spatialkit.validation import as_count, as_number, as_sample_rate

__all__ = [
    "MAX_LAYERS",
    "MAX_LEVEL_DB",
    "MAX_RATE",
    "MAX_SECONDS",
    "MAX_SIZE",
    "MAX_WEIGHT",
    "MaskConfig",
]

# Limits of networks, far above those of any model: a model card may contain any number.
MAX_SIZE = 1 << 16
"""Maximum number of features, channels, bins or samples that a configuration specifies."""
MAX_RATE = 768_000
"""Maximum sample rate, Hz."""
MAX_SECONDS = 600.0
"""Maximum length of a training example, s."""
MAX_LEVEL_DB = 60.0
"""Maximum random change of a level in training, dB."""
MAX_WEIGHT = 1e6
"""Maximum weight of a term of a loss, or of a kind of example."""
MAX_LAYERS = 100
"""Maximum number of layers, blocks or iterations that a configuration specifies."""


@dataclass(frozen=True)
class MaskConfig:
    """Shape of `StemMasks`.

    Parameters
    ----------
    sample_rate : int
        Sample rate of the audio, Hz; audio of other rates is resampled first.
    n_fft, hop_length : int
        Length and hop of the STFT, samples. 4096 samples separate bass from kick drum.
    regions : tuple of (int, int)
        Resolution of the masks, see `Resolution`; the default reaches up to 16.5 kHz.
    bands_per_group : int
        Number of neighbouring bands that one group of features describes.
    group_features : int
        Number of features of a group of bands.
    width : int
        Number of features of a whole frame.
    dilations : tuple of int
        Dilation of each residual block, frames to both sides.
    dropout : float
        Dropout probability of the features in training.
    reach : int
        Frames before and after a frame over which the network averages; 0 for all of the excerpt.
        Masks of long signals then do not depend on where windows begin. Half of the length of
        the training excerpts is right: there, the mean is that of the excerpt either way.
    """

    sample_rate: int = 44100
    n_fft: int = 4096
    hop_length: int = 1024
    regions: tuple[tuple[int, int], ...] = ((256, 1), (128, 2), (128, 4), (64, 8))
    bands_per_group: int = 8
    group_features: int = 24
    width: int = 192
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)
    dropout: float = 0.1
    reach: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", tuple(map(tuple, self.regions)))
        object.__setattr__(self, "dilations", tuple(self.dilations))
        as_sample_rate(self.sample_rate, maximum=MAX_RATE)
        as_count(self.n_fft, "n_fft", minimum=2, maximum=MAX_SIZE)
        as_count(self.hop_length, "hop_length", maximum=MAX_SIZE)
        for name in ("bands_per_group", "group_features", "width"):
            as_count(getattr(self, name), name, maximum=MAX_SIZE)
        for name in ("regions", "dilations"):
            values = getattr(self, name)
            as_count(len(values), f"number of {name}", maximum=MAX_LAYERS)
            for value in sum(values, ()) if name == "regions" else values:
                as_count(value, name, maximum=MAX_SIZE)
        as_number(self.dropout, "dropout", minimum=0.0, maximum=1.0)
        as_count(self.reach, "reach", minimum=0, maximum=MAX_SIZE)
