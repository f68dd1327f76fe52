"""Window-by-window upmixing in a style: by panning stems, or by the network alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.files import resample
from spatialkit.rendering import render_matrix
from spatialkit_models.inference import WindowedStream, fitted
from spatialkit_models.separation import StemUpmixStream
from spatialkit_models.style_vae.directions import reference_stems
from spatialkit_models.style_vae.stem_panning import stereo_gains

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer
    from spatialkit_models.separation import Separator
    from spatialkit_models.style_vae.inference import StyleModel

__all__ = ["PannedStemStream", "StemPanningStream", "StyleStream"]

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


class StemPanningStream(StemUpmixStream):
    """Stream of separated stems, panned to the directions of a style with their width.

    Parameters
    ----------
    upmixer : Upmixer
        Upmixer whose ``format`` the output has.
    sample_rate : int
        Sample rate in Hz.
    separator : Separator
        Separator of the song.
    model : StyleModel
        Model with gains by stem.
    style : ndarray, shape (latent_size,)
        Latent of the style.
    """

    def __init__(
        self,
        upmixer: Upmixer,
        sample_rate: int,
        separator: Separator,
        model: StyleModel,
        style: NDArray[np.float32],
    ) -> None:
        super().__init__(upmixer, sample_rate, separator)
        gains = model.stem_gains(style, lambda: reference_stems(model.sample_rate))
        rendering = render_matrix("5.0", upmixer.format)
        # One column per stem and stereo channel.
        self._matrix = np.concatenate(list(rendering @ stereo_gains(gains)), axis=1)

    def _upmix_stems(self, stems: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._matrix @ stems.reshape(-1, stems.shape[2])


class PannedStemStream(StemUpmixStream):
    """Stream of mono sources that the network extracts by directions, with the help of stems.

    Parameters
    ----------
    upmixer : Upmixer
        Upmixer whose ``format`` the output has.
    sample_rate : int
        Sample rate in Hz.
    separator : Separator
        Separator of the song, whose stems replace the masks of the network.
    model : StyleModel
        Model with gains by stem.
    style : ndarray, shape (latent_size,)
        Latent of the style.
    """

    def __init__(
        self,
        upmixer: Upmixer,
        sample_rate: int,
        separator: Separator,
        model: StyleModel,
        style: NDArray[np.float32],
    ) -> None:
        super().__init__(upmixer, sample_rate, separator)
        self._model, self._style = model, style
        self._matrix = render_matrix("5.0", upmixer.format).astype(np.float32)

    def _upmix_stems(self, stems: NDArray[np.float64]) -> NDArray[np.float32]:
        rate, own_rate = self.sample_rate, self._model.sample_rate
        native = np.stack([resample(stem, rate, own_rate) for stem in stems])
        five = resample(self._model.decode(native.sum(0), self._style, native), own_rate, rate)
        return self._matrix @ fitted(five, stems.shape[2])
