"""Configurations of the published Ambisonizer: network, scenes and loss; light to import."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from spatialkit.errors import OptionError
from spatialkit.validation import as_count, as_number
from spatialkit_models.modules import MAX_LAYERS, MAX_RATE, MAX_SECONDS, MAX_SIZE, MAX_WEIGHT

# Each ratio doubles the channels.
MAX_RATIOS = 10

__all__ = ["PublishedConfig", "PublishedLossConfig", "PublishedSceneConfig"]


@dataclass(frozen=True)
class PublishedConfig:
    """Shape of `PublishedAmbisonizer`; the defaults are those of the release.

    Parameters
    ----------
    latent_size : int
        Values per frame of each of the two latents: ``embed_dim`` of the release, where it is the
        only variable.
    filters : int
        Channels at the full rate; each stage of an encoder doubles them.
    ratios : tuple of int
        Strides of the decoder; those of the encoders are the same in reverse.
    lstm_layers : int
        Layers of the LSTM of each encoder and of the decoder.
    transformer_layers, transformer_heads, transformer_hidden : int
        Layers, attention heads and feed-forward width of the transformer.
    reduction : int
        Reduction factor of the decoder's channel attention.
    sample_rate : int
        Sample rate of the audio, Hz.

    Examples
    --------
    >>> PublishedConfig().hop
    320
    """

    latent_size: int = 64
    filters: int = 32
    ratios: tuple[int, ...] = (8, 5, 4, 2)
    lstm_layers: int = 2
    transformer_layers: int = 8
    transformer_heads: int = 8
    transformer_hidden: int = 2048
    reduction: int = 16
    sample_rate: int = 44100

    def __post_init__(self) -> None:
        object.__setattr__(self, "ratios", tuple(self.ratios))  # a list in a model card
        as_count(len(self.ratios), "number of ratios", maximum=MAX_RATIOS)
        limits = {
            "reduction": self.filters,
            "sample_rate": MAX_RATE,
            "lstm_layers": MAX_LAYERS,
            "transformer_layers": MAX_LAYERS,
        }
        for each in fields(self):
            values = getattr(self, each.name)
            for value in values if each.name == "ratios" else [values]:
                as_count(value, each.name, maximum=limits.get(each.name, MAX_SIZE))
        if 2 * self.latent_size % self.transformer_heads:
            raise OptionError(
                f"latent_size must be a multiple of half of the {self.transformer_heads} "
                f"transformer_heads, got {self.latent_size}"
            )

    @property
    def hop(self) -> int:
        """Number of samples per frame of the latents."""
        return math.prod(self.ratios)


@dataclass(frozen=True, kw_only=True)
class PublishedSceneConfig:
    """Scenes that a `PublishedAmbisonizer` is trained on, see `PublishedScenes`.

    Parameters
    ----------
    seconds : float
        Length of an example, at least 0.2 s; the default is the authors' 120,000 samples.
    physical : bool
        Use the room response of each source's own position.
    """

    seconds: float = 120000 / 44100
    physical: bool = False

    def __post_init__(self) -> None:
        as_number(self.seconds, "seconds", minimum=0.2, maximum=MAX_SECONDS, unit="s")


@dataclass(frozen=True, kw_only=True)
class PublishedLossConfig:
    """Loss of `PublishedAmbisonizer`.

    Parameters
    ----------
    error : float
        Weight of the mean square error.
    divergence : float
        Weight of the divergence of a frame of the latent, nats.
    """

    error: float = 10.0
    divergence: float = 1.0

    def __post_init__(self) -> None:
        for name in ("error", "divergence"):
            as_number(getattr(self, name), name, minimum=0.0, maximum=MAX_WEIGHT)
