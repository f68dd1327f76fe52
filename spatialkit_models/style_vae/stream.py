"""Window-by-window upmixing in a style: by panning stems, or by the network alone."""

from __future__ import annotations

from functools import cached_property
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

__all__ = ["PannedStemStream", "StemPanningStream", "StyleStream", "StyledStemStream"]

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


class StyledStemStream(StemUpmixStream):
    """Base class of streams of separated stems in a style.

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
        self._model, self._style = model, style
        self._rendering = render_matrix("5.0", upmixer.format)


class StemPanningStream(StyledStemStream):
    """Stream of stems that are panned to the directions of a style with their width."""

    @cached_property
    def _matrix(self) -> NDArray[np.float64]:
        """Gains to the format, with one column per stem and stereo channel."""
        rate = self._model.sample_rate
        gains = self._model.stem_gains(self._style, lambda: reference_stems(rate))
        return np.concatenate(list(self._rendering @ stereo_gains(gains)), axis=1)

    def _upmix_stems(self, stems: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._matrix @ stems.reshape(-1, stems.shape[2])


class PannedStemStream(StyledStemStream):
    """Stream of mono sources that the network extracts by directions.

    The stems replace its masks.
    """

    def _upmix_stems(self, stems: NDArray[np.float64]) -> NDArray[np.float32]:
        rate, own_rate = self.sample_rate, self._model.sample_rate
        native = np.stack([resample(stem, rate, own_rate) for stem in stems])
        five = resample(self._model.decode(native.sum(0), self._style, native), own_rate, rate)
        return self._rendering.astype(np.float32) @ fitted(five, stems.shape[2])
