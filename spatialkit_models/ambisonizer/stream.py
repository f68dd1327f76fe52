"""Window-by-window upmixing to first-order Ambisonics."""

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
    """Stream of AmbiX, rendered to the upmixer's format.

    Parameters
    ----------
    upmixer : Upmixer
        Upmixer whose ``format`` the output has.
    sample_rate : int
        Sample rate in Hz, any: only the predicted channels are resampled, window by window.
    model : AmbisonizerModel
    scene : Scene
        Conditions of the prediction.
    """

    def __init__(
        self, upmixer: Upmixer, sample_rate: int, model: AmbisonizerModel, scene: Scene
    ) -> None:
        # The window and overlap of the model, to the nearest sample at this rate.
        ratio = sample_rate / model.sample_rate
        window, overlap = max(round(model.window * ratio), 2), round(model.overlap * ratio)
        super().__init__(upmixer, sample_rate, window, overlap)
        self._model, self._scene = model, scene
        self._matrix = render_matrix("foa", upmixer.format)

    def _upmix_window(self, audio: NDArray[Any], start: int) -> NDArray[np.float64]:
        rate, own_rate = self.sample_rate, self._model.sample_rate
        native = resample(audio, rate, own_rate)
        predicted = self._model.predict(native, self._scene, round(start * own_rate / rate))
        back = fitted(resample(predicted, own_rate, rate), audio.shape[1])
        return self._matrix @ ambix(audio, back)
