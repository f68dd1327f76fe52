"""Upmixing in a style in windows that fade into each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit._resampling import QUALITY
from spatialkit.rendering import render_matrix
from spatialkit.upmixing import UpmixStream

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer
    from spatialkit_models.style_inference import StyleModel

__all__ = ["StyleStream", "at_rate"]

# Seconds at either end of a window that are heard, but not used: STFT frames there are not whole.
MARGIN = 0.1
# Seconds that windows overlap by, or half of a window where that is less.
OVERLAP = 2


class StyleStream(UpmixStream):
    """Windows that overlap, one fading into the next by a raised cosine.

    The last window ends with the song, and is as long as the others if the song is.

    Parameters
    ----------
    upmixer : Upmixer
        Whose ``format`` comes out.
    sample_rate : int
        Hz, any: windows are resampled one by one.
    model : StyleModel
    style : ndarray
        The latent, (latent_size,).
    """

    def __init__(
        self, upmixer: Upmixer, sample_rate: int, model: StyleModel, style: NDArray[np.float32]
    ) -> None:
        super().__init__(upmixer, sample_rate)
        self._model, self._style = model, style
        self._matrix = render_matrix("5.0", upmixer.format).astype(np.float32)
        self._window = model.seconds * sample_rate
        self._hop = self._window - min(OVERLAP * sample_rate, self._window // 2)
        self._margin = int(MARGIN * sample_rate)
        fade = self._window - self._hop - 2 * self._margin
        self._fade = np.square(np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / fade), dtype=np.float32)
        # A hop of what came before the window, then the window as far as it is known.
        self._heard = np.zeros((2, self._hop + self._window))
        self._filled = 0
        self._made: NDArray[Any] | None = None  # of the window before, from the margin on
        self.latency = self._window - 1

    def take(self, block: NDArray[Any]) -> NDArray[Any]:
        """Samples that are ready after ``block``."""
        ready = [np.zeros((len(self._matrix), 0), block.dtype)]
        while block.shape[1]:
            start = self._hop + self._filled
            part = block[:, : self._window - self._filled]
            self._heard[:, start : start + part.shape[1]] = part
            self._filled += part.shape[1]
            block = block[:, part.shape[1] :]
            if self._filled == self._window:
                ready.append(self._advance().astype(part.dtype))
        return np.concatenate(ready, axis=1)

    def finish(self) -> NDArray[np.float32]:
        """What is left."""
        if self._made is None:
            return self._upmix(self._heard[:, self._hop : self._hop + self._filled])
        if self._filled == self._window - self._hop:  # a window ended with the song
            return self._made
        end = self._hop + self._filled
        made = self._upmix(self._heard[:, end - self._window : end])
        return self._joined(made[:, self._window - self._filled + self._margin :])

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        return self.take(block)

    def _flush(self) -> NDArray[Any]:
        return self.finish().astype(self._nothing().dtype)

    def _advance(self) -> NDArray[np.float32]:
        """Upmix the window, which is full, and move it on by a hop."""
        made = self._upmix(self._heard[:, self._hop :])
        first = self._made is None
        if not first:
            made = self._joined(made[:, self._margin :])
        ready = self._hop + self._margin if first else self._hop
        self._made = made[:, ready:]
        self._heard[:, : self._window] = self._heard[:, self._hop :].copy()
        self._filled -= self._hop
        return made[:, :ready]

    def _joined(self, made: NDArray[np.float32]) -> NDArray[np.float32]:
        """``made``, from the window's margin on, where the window before fades into it."""
        assert self._made is not None
        fade = len(self._fade)
        joined = made.copy()
        joined[:, :fade] = self._made[:, :fade] + self._fade * (
            made[:, :fade] - self._made[:, :fade]
        )
        return joined

    def _upmix(self, audio: NDArray[Any]) -> NDArray[np.float32]:
        """One window in the upmixer's format."""
        if not audio.shape[1]:
            return np.zeros((len(self._matrix), 0), np.float32)
        native = at_rate(audio, self.sample_rate, self._model.sample_rate)
        five = self._model.decode(native, self._style)
        back = at_rate(five, self._model.sample_rate, self.sample_rate)
        result = np.zeros((len(self._matrix), audio.shape[1]), np.float32)
        length = min(back.shape[1], result.shape[1])
        np.matmul(self._matrix, back[:, :length], out=result[:, :length])
        return result


def at_rate(audio: NDArray[Any], rate: int, new_rate: int) -> NDArray[Any]:
    """Audio (channels, samples) at another rate, without delay."""
    import soxr

    if rate == new_rate:
        return audio
    return soxr.resample(audio.T.copy(order="C"), rate, new_rate, quality=QUALITY).T
