"""Window-by-window upmixing to first-order Ambisonics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.files import resample
from spatialkit.stft import istft, stft
from spatialkit.upmixing import AllPassDecorrelator, FirstOrderDecoder
from spatialkit_models.ambisonizer.inference import WIDE_FROM, ambix
from spatialkit_models.ambisonizer.loudness import match_loudness
from spatialkit_models.data.scenes import mono_gains, residual_x
from spatialkit_models.inference import WindowedStream, fitted
from spatialkit_models.separation import StemUpmixStream

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer
    from spatialkit_models.ambisonizer.inference import AmbisonizerModel, Scene
    from spatialkit_models.separation import Separator

__all__ = ["AmbisonizerStream", "StemStageStream"]

# STFT of the decorrelated copies of mono stems.
N_FFT, HOP = 2048, 1024


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
        self._decoder = FirstOrderDecoder(upmixer.format, upmixer.options.decoder)

    def _upmix_window(self, audio: NDArray[Any], start: int) -> NDArray[np.float64]:
        rate, own_rate = self.sample_rate, self._model.sample_rate
        native = resample(audio, rate, own_rate)
        predicted = self._model.predict(native, self._scene, round(start * own_rate / rate))
        back = fitted(resample(predicted, own_rate, rate), audio.shape[1])
        feeds = self._decoder.apply(ambix(audio, back), rate)
        return match_loudness(feeds, audio, self.upmixer.format, rate)


class StemStageStream(StemUpmixStream):
    """Stream of AmbiX whose X is the sum of the X of separated stems, on a stage.

    Parameters
    ----------
    upmixer : Upmixer
        Upmixer whose ``format`` the output has.
    sample_rate : int
        Sample rate in Hz.
    separator : Separator
        Separator of the song.
    scene : Scene
        Stage, and the seed of the scene of mono.
    """

    def __init__(
        self, upmixer: Upmixer, sample_rate: int, separator: Separator, scene: Scene
    ) -> None:
        super().__init__(upmixer, sample_rate, separator)
        self._scene = scene
        self._decoder = FirstOrderDecoder(upmixer.format, upmixer.options.decoder)

    def _upmix_stems(self, stems: NDArray[np.float64]) -> NDArray[np.float64]:
        predicted = self._staged(stems) if stems.shape[1] == 2 else self._placed(stems[:, 0])
        song = stems.sum(0)
        feeds = self._decoder.apply(ambix(song, predicted), self.sample_rate)
        return match_loudness(feeds, song, self.upmixer.format, self.sample_rate)

    def _staged(self, stems: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return X of stereo stems, (1, samples)."""
        left, right = stems[:, 0], stems[:, 1]
        pairs = np.stack([0.5 * (left + right), 0.5 * (left - right)], 1)
        return np.array([self._scene.stage]) @ residual_x(pairs)

    def _placed(self, stems: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Y and X of mono stems, (2, samples)."""
        y, x, width = mono_gains(self._scene.seed, self._scene.stage).T.astype(np.float64)
        decorrelator = AllPassDecorrelator(self.sample_rate, stems.dtype)
        spectrum = stft(decorrelator.process(width @ stems), n_fft=N_FFT, hop=HOP)
        bins = np.arange(len(spectrum)) * (self.sample_rate / N_FFT / WIDE_FROM)
        spectrum *= np.minimum(bins, 1.0)[:, None]
        wide = istft(spectrum, n_fft=N_FFT, hop=HOP, length=stems.shape[1])
        return np.stack([y @ stems + wide, x @ stems])
