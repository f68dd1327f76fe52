"""Samples of a long file that are read when they are sliced."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import Audio
from spatialkit.errors import SignalError
from spatialkit.typing import StrPath
from spatialkit.validation import require_finite

if TYPE_CHECKING:
    from spatialkit.files import AudioStream

__all__ = ["read_signal"]

# Values from which on a file is read block by block: 64 MiB of float32.
MIN_VALUES = 1 << 24
BLOCK_SIZE = 1 << 16
# Samples behind the last one that are kept, for slices that overlap.
KEPT_SAMPLES = 1 << 18


class FileSignal:
    """Finite samples (channels, samples) of a file, which stand for an array in the metrics.

    They are sliced along the last axis, ``signal[:, start:stop]``. Slices in ascending order read
    the file once; an earlier one opens it again. Conversion to an array reads the whole file.

    Parameters
    ----------
    path : str or path
    **reading
        As for `spatialkit.read`.

    Raises
    ------
    AudioFileError, LayoutError, OptionError
        As for `spatialkit.read`.
    SignalError
        If a sample is NaN or infinite.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    peak : float
        Largest magnitude of the samples.
    """

    ndim = 2

    def __init__(self, path: StrPath, **reading: Any) -> None:
        from spatialkit.files import stream

        self._path, self._reading = path, reading
        self._stream: AudioStream | None = None
        self.peak, position = 0.0, 0
        with stream(path, block=BLOCK_SIZE, **reading) as source:
            self.shape = (source.channels, source.samples)
            self.sample_rate, self.format = source.sample_rate, source.format
            self.dtype = np.dtype(reading.get("dtype", np.float32))
            for block in source:
                peak = float(max(block.max(), -block.min()))
                if not np.isfinite(peak):
                    channel, n = np.argwhere(~np.isfinite(block))[0]
                    raise SignalError(
                        f"{path} holds {block[channel, n]} at index ({channel}, {position + n}): "
                        "samples must be finite"
                    )
                self.peak, position = max(self.peak, peak), position + block.shape[1]

    @property
    def size(self) -> int:
        """Number of values."""
        return self.shape[0] * self.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        if index == ():
            return self
        channels, samples = index
        start, stop, _ = samples.indices(self.shape[1])
        return self._between(start, max(start, stop))[channels]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        from spatialkit.files import read

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of the first time
            return read(self._path, **self._reading).samples.astype(dtype or self.dtype)

    def _between(self, start: int, stop: int) -> NDArray[Any]:
        if self._stream is None or start < self._first:
            self._open()
        assert self._stream is not None
        while self._last < stop:
            block = next(self._stream)
            self._blocks.append(block)
            self._last += block.shape[1]
            while self._first + self._blocks[0].shape[1] <= min(start, self._last - KEPT_SAMPLES):
                self._first += self._blocks.pop(0).shape[1]
        parts, position = [np.empty((self.shape[0], 0), self.dtype)], self._first
        for block in self._blocks:
            if position < stop and position + block.shape[1] > start:
                parts.append(block[:, max(start - position, 0) : stop - position])
            position += block.shape[1]
        return np.concatenate(parts, axis=1)

    def _open(self) -> None:
        from spatialkit.files import stream

        if self._stream is not None:
            self._stream.close()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of the first time
            self._stream = stream(self._path, block=BLOCK_SIZE, **self._reading)
        self._blocks: list[NDArray[Any]] = []
        self._first = self._last = 0


def read_signal(path: StrPath, **reading: Any) -> Audio[Any]:
    """Read an audio file for the metrics: a long one block by block, when they need its samples.

    Parameters
    ----------
    path : str or path
    **reading
        As for `spatialkit.read`.

    Returns
    -------
    Audio
        Finite samples (channels, samples). Of files with more than 64 MiB of them, they are an
        object that metrics slice, which reads the file, and that becomes an array where one is
        needed.

    Raises
    ------
    AudioFileError, LayoutError, OptionError
        As for `spatialkit.read`.
    SignalError
        If a sample is NaN or infinite.

    Examples
    --------
    >>> from spatialkit.sample import sample_path
    >>> from spatialkit.metrics import snr
    >>> song = read_signal(sample_path())
    >>> bool(np.isposinf(snr(song, song)))
    True
    """
    from spatialkit.files import read, stream

    with stream(path, **reading) as source:
        is_long = source.channels * source.samples >= MIN_VALUES
    if not is_long:
        audio = read(path, **reading)
        require_finite(audio.samples, str(path))
        return audio
    signal: Any = FileSignal(path, **reading)
    return Audio(signal, signal.sample_rate, signal.format)
