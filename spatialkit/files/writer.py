"""Writer of audio files that encodes block by block and replaces the target when complete."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit import storage
from spatialkit.errors import (
    AudioFileError,
    OptionError,
    ShapeError,
    SignalError,
    SpatialkitWarning,
)
from spatialkit.files.formats import Target
from spatialkit.files.sound import BLOCK_SIZE
from spatialkit.files.tagging import complete_tags
from spatialkit.files.targets import check_target, require_samples
from spatialkit.layouts import Format, channels_of
from spatialkit.storage import writing_errors
from spatialkit.validation import as_audio, as_number, require_finite

__all__ = ["AudioWriter"]

# Samples of each channel that are encoded at a time; the encoded data stays in the CPU cache.
_ENCODED_SIZE = 8192


class AudioWriter:
    """Writer of an audio file block by block, returned by `write_stream`.

    Attributes
    ----------
    subtype : str
        Encoding of the file.
    samples : int
        Number of samples per channel written so far.
    peak : float
        Largest magnitude written so far, before the peak guard.
    gain_db : float
        Gain of the file in dB, available when it is complete; 0 if nothing was scaled.
    """

    def __init__(
        self, file: BinaryIO, target: Target, *, peak_guard: bool = False, rescale: bool = False
    ) -> None:
        self.subtype = target.subtype
        self.samples = 0
        self.peak = 0.0
        self.gain_db = 0.0
        self._file, self._target = file, target
        self._valid = True
        self._guards = peak_guard
        self._gain = 1.0
        self._buffer = _TemporaryBuffer(target) if peak_guard or rescale else None
        with writing_errors(target.path):
            self._encoder = target.file_format.open(file, target)

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._valid = False
            self._encoder.close()
            if self._buffer is not None:
                with suppress(OSError):  # a full disk, which was reported already
                    self._buffer.file.close()

    def write(self, samples: ArrayLike) -> None:
        """Write a block of any length.

        Parameters
        ----------
        samples : array_like of float, shape (channels, n), or (n,) for one channel

        Raises
        ------
        ShapeError
            If the number of channels is wrong, or exceeds the number of samples of the file.
        SignalError
            If samples are not float32 or float64, are NaN or infinite, or exceed -1 to 1 where this
            is an error.
        AudioFileError
            If the file cannot be written, on a full disk among others.
        """
        valid, self._valid = self._valid, False  # after an error the file stays incomplete
        target = self._target
        name = f"samples of {target.path}"
        block = as_audio(as_samples(samples, name), name, channels=target.channels)
        end = self.samples + block.shape[1]
        if target.samples is not None and end > target.samples:
            raise ShapeError(
                f"number of {name} must be {target.samples} (argument samples), got {end}"
            )
        since = f" from sample {self.samples}" if self.samples else ""
        peak = peak_of(block, name + since)
        if self._buffer is None:
            require_level(peak, target, name + since)
            self._put(block)
        else:
            self._buffer.put(block)
        self.peak = max(self.peak, peak)
        self.samples, self._valid = end, valid

    def scale(self, gain_db: float) -> None:
        """Set a gain for all samples, for files that are written with ``rescale``.

        Parameters
        ----------
        gain_db : float
            Gain in dB. It may be called after the last block.

        Raises
        ------
        OptionError
            If the file is not written with ``rescale``.
        """
        if self._buffer is None:
            raise OptionError("scale requires write_stream(..., rescale=True)")
        self._gain = 10.0 ** (as_number(gain_db, "gain_db", unit="dB") / 20.0)

    def _put(self, block: NDArray[Any]) -> None:
        with writing_errors(self._target.path):
            for start in range(0, block.shape[1], _ENCODED_SIZE):
                part = block[:, start : start + _ENCODED_SIZE]
                self._encoder.put(part if self._target.order is None else part[self._target.order])

    def _finish(self) -> None:
        target = self._target
        if not self._valid:
            raise AudioFileError(f"{target.path} is not written: writing of a block failed")
        if target.samples not in (None, self.samples):
            raise ShapeError(
                f"number of samples of {target.path} must be {target.samples} (argument samples), "
                f"got {self.samples}"
            )
        require_samples(target, self.samples)
        if self._buffer is not None:
            gain, peak = self._gain, self.peak * self._gain
            if self._guards:
                gain *= guard_gain(peak, target, stacklevel=6)
            else:
                require_level(peak, target, f"samples of {target.path}")
            self.gain_db = 20.0 * float(np.log10(gain))
            for block in self._buffer.blocks():
                self._put(block * gain if gain != 1.0 else block)
        with writing_errors(target.path):
            self._encoder.finish(self.samples)
            complete_tags(self._file, target.tags, target.file_format)


class _TemporaryBuffer:
    """Buffer of blocks until their peak is known: an unnamed file in the target's directory."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.dtype: np.dtype[Any] | None = None
        with writing_errors(target.path):
            self.file = tempfile.TemporaryFile(dir=target.path.parent)  # noqa: SIM115

    def put(self, block: NDArray[Any]) -> None:
        """Append a block, in the precision of the first."""
        self.dtype = self.dtype or block.dtype
        with writing_errors(self.target.path):
            self.file.write(np.ascontiguousarray(block.T, self.dtype).tobytes())

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield all samples in blocks."""
        with writing_errors(self.target.path):
            self.file.seek(0)
        if self.dtype is not None:
            size = BLOCK_SIZE * self.target.channels * self.dtype.itemsize
            while data := self.file.read(size):
                yield np.frombuffer(data, self.dtype).reshape(-1, self.target.channels).T


def as_samples(samples: ArrayLike, name: str, format: Format | None = None) -> NDArray[Any]:
    """Return samples as an array (channels, n)."""
    array = np.atleast_2d(as_audio(samples, name, allow_mono=True))
    if format is not None:
        channels_of(array, format, name)
    if array.ndim != 2 or not len(array):
        raise ShapeError(f"{name} must have shape (channels, samples), got {array.shape}")
    return array


def peak_of(samples: NDArray[Any], name: str) -> float:
    """Return the maximum magnitude of samples after checking that they are finite."""
    require_finite(samples, name)
    return float(max(samples.max(initial=0.0), -samples.min(initial=0.0)))


def require_level(peak: float, target: Target, name: str) -> None:
    """Reject samples that the encoding would clip."""
    if peak > target.full_scale:
        is_float = target.subtype == "FLOAT"
        subtype, guard = ("DOUBLE", "") if is_float else ("FLOAT", "pass peak_guard=True, or ")
        raise SignalError(
            f"{name} have a peak of {peak:.6g}, the maximum of {target.subtype} is "
            f"{target.full_scale:.6g}",
            python=f"; scale them down, or {guard}write a WAV file of subtype {subtype}",
            command_line=f"; write a .wav file with --subtype {subtype}",
        )


def guard_gain(peak: float, target: Target, stacklevel: int) -> float:
    """Return the gain that limits the peak to full scale, with a warning if it is not 1."""
    if peak <= target.full_scale:
        return 1.0
    # Two steps below full scale leave room for dither and rounding.
    gain = (1.0 - 2.0 ** (2 - (target.bits or 16))) / peak
    warnings.warn(
        f"samples of {target.path} have a peak of {peak:.6g}, the maximum of {target.subtype} is "
        f"1; all are scaled by {20.0 * np.log10(gain):.2f} dB",
        SpatialkitWarning,
        stacklevel=stacklevel,
    )
    return gain


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces ``path`` when complete, and is deleted on errors."""
    with storage.replacing(path) as file:
        yield file
        check_target(path, overwrite)  # again, as writing may have taken hours
