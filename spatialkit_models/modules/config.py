"""Configuration of the network layers that models share; light to import."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MaskConfig"]


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

    def __post_init__(self) -> None:
        # A model card contains lists.
        object.__setattr__(self, "regions", tuple(map(tuple, self.regions)))
        object.__setattr__(self, "dilations", tuple(self.dilations))
