"""Window-by-window upmixing in a style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.files import resample
from spatialkit.rendering import render_matrix
from spatialkit_models.inference import WindowedStream, fitted

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer
    from spatialkit_models.style_vae.inference import StyleModel

__all__ = ["StyleStream"]

# Overlap of windows in seconds, at most half of a window.
OVERLAP = 2


class StyleStream(WindowedStream):
    """Stream of five channels in a style, rendered to the upmixer's format.

    Parameters
    ----------
    upmixer : Upmixer
        Upmixer whose ``format`` the output has.
    sample_rate : int
        Sample rate in Hz, any: each window is resampled to and from that of the model.
    model : StyleModel
    style : ndarray, shape (latent_size,)
        Latent of the style.
    """

    def __init__(
        self, upmixer: Upmixer, sample_rate: int, model: StyleModel, style: NDArray[np.float32]
    ) -> None:
        super().__init__(upmixer, sample_rate, model.seconds * sample_rate, OVERLAP * sample_rate)
        self._model, self._style = model, style
        self._matrix = render_matrix("5.0", upmixer.format).astype(np.float32)

    def _upmix_window(self, audio: NDArray[Any], start: int) -> NDArray[np.float32]:
        native = resample(audio, self.sample_rate, self._model.sample_rate)
        five = self._model.decode(native, self._style)
        five = resample(five, self._model.sample_rate, self.sample_rate)
        return self._matrix @ fitted(five, audio.shape[1])
