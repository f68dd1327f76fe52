"""Streams of upmixers that process the stems of a song."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit_models.inference import WindowedStream
from spatialkit_models.stem_names import N_STEMS, STEMS

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer
    from spatialkit_models.separation.interface import Separator

__all__ = ["StemUpmixStream", "separate_all"]

# Window and overlap in seconds where the separator needs none.
WINDOW, OVERLAP = 10.0, 2.0


class StemUpmixStream(WindowedStream):
    """Stream that separates a song window by window, and upmixes the stems.

    A subclass defines ``_upmix_stems``. Stems that the separator does not have are silent.

    Parameters
    ----------
    upmixer : Upmixer
        Upmixer whose ``format`` the output has.
    sample_rate : int
        Sample rate in Hz.
    separator : Separator
        Separator of the song; its windows are those of the stream.
    channels : int, optional
        Number of channels that are returned; by default those of the format.
    """

    def __init__(
        self,
        upmixer: Upmixer,
        sample_rate: int,
        separator: Separator,
        channels: int | None = None,
    ) -> None:
        seconds = (WINDOW, OVERLAP)
        if separator.window is not None:
            seconds = (separator.window, separator.overlap)
        window, overlap = (round(each * sample_rate) for each in seconds)
        super().__init__(upmixer, sample_rate, window, overlap, channels)
        self._separator = separator
        self._received = 0

    def upmix(self, audio: NDArray[Any]) -> NDArray[Any]:
        """Upmix a whole signal."""
        self._separator.check_song(audio.shape[1], self.sample_rate)
        return super().upmix(audio)

    @abstractmethod
    def _upmix_stems(self, stems: NDArray[np.float64]) -> NDArray[Any]:
        """Upmix one window to the upmixer's format.

        Parameters
        ----------
        stems : ndarray, shape (4, channels, samples)
            Vocals, drums, bass and other; their sum is the song.
        """

    def _upmix_window(self, audio: NDArray[np.float64], start: int) -> NDArray[Any]:
        return self._upmix_stems(separate_all(self._separator, audio, self.sample_rate, start))

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        self._received += block.shape[1]
        return super()._process(block)

    def _flush(self) -> NDArray[Any]:
        self._separator.check_song(self._received, self.sample_rate)
        return super()._flush()


def separate_all(
    separator: Separator, audio: NDArray[Any], sample_rate: int, start: int
) -> NDArray[np.float64]:
    """Return all four stems of a window of a song; those that the separator lacks are silent.

    Returns
    -------
    ndarray, shape (4, channels, samples)
    """
    stems = np.zeros((N_STEMS, *audio.shape))
    rows = [STEMS.index(stem) for stem in separator.stems]
    stems[rows] = separator.separate_window(audio, sample_rate, start)
    return stems
