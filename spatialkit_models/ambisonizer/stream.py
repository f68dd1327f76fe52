"""Upmixing to first-order Ambisonics, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.files import resample
from spatialkit.rendering import render_matrix
from spatialkit_models.ambisonizer.inference import ambix
from spatialkit_models.inference import WindowedStream, fitted

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer
    from spatialkit_models.ambisonizer.inference import AmbisonizerModel, Scene

__all__ = ["AmbisonizerStream"]


class AmbisonizerStream(WindowedStream):
    """AmbiX, rendered to the upmixer's format.

    Parameters
    ----------
    upmixer : Upmixer
        Whose ``format`` comes out.
    sample_rate : int
        Hz, any: only what the network makes is resampled, window by window.
    model : AmbisonizerModel
    scene : Scene
        What is asked of it.
    """

    def __init__(
        self, upmixer: Upmixer, sample_rate: int, model: AmbisonizerModel, scene: Scene
    ) -> None:
        # Samples, as nearly as this rate has them.
        ratio = sample_rate / model.sample_rate
        window, overlap = max(round(model.window * ratio), 2), round(model.overlap * ratio)
        super().__init__(upmixer, sample_rate, window, overlap)
        self._model, self._scene = model, scene
        self._matrix = render_matrix("foa", upmixer.format)

    def _upmix_window(self, audio: NDArray[Any], start: int) -> NDArray[np.float64]:
        rate, own_rate = self.sample_rate, self._model.sample_rate
        native = resample(audio, rate, own_rate)
        made = self._model.unknown(native, self._scene, round(start * own_rate / rate))
        back = fitted(resample(made, own_rate, rate), audio.shape[1])
        return self._matrix @ ambix(audio, back)
