"""Separator with the shipped networks: soft masks of the left and right channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from spatialkit import __version__
from spatialkit.upmixing import option
from spatialkit_models.inference import TrainedPlugin
from spatialkit_models.separation.interface import Separator

__all__ = ["MaskOptions", "MaskSeparator"]


@dataclass(frozen=True)
class MaskOptions:
    """Options of `MaskSeparator`."""

    weights: str = option("", "File of weights (.safetensors) that replaces the shipped ones.")


class MaskSeparator(TrainedPlugin, Separator):
    """Shipped separator of stereo songs: a mask of every stem, the same for both channels.

    Two networks estimate the ratio of each stem's power in every band of the spectrum, and the
    spectra of left and right are multiplied by it: stems keep the width that they have in the song.
    The logits are averaged over the networks, over the song and its mirror image, and over
    neighbouring frames. The sum of the stems is the song without any residual.

    Parameters
    ----------
    weights : str
        File of weights that replaces the shipped ones.
    """

    name = "masks"
    model = "separator"
    options_class = MaskOptions
    window = 10.0
    overlap = 4.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        from spatialkit_models.separation.mask_model import load_mask_model

        self._model = load_mask_model(self.options.weights)
        self.sample_rate = self._model.sample_rate
        hashes = " ".join(sha256[:8] for sha256 in self._model.sha256)
        self.version = f"spatialkit-audio {__version__}, {self.model} {hashes}"

    def _separate(self, audio: NDArray[Any], sample_rate: int, start: int) -> NDArray[Any]:
        return self._model.separate(audio, start)
