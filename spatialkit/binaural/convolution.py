"""Convolution of many channels with the filters of both ears, of whole signals and blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit._fourier import irfft, rfft
from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import ShapeError
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_audio, as_numbers, require_finite

__all__ = ["Convolver", "as_filters", "binauralize"]

# Transforms are this many times longer than the filters, and at least this long, unless a block is
# shorter.
SIZE_RATIO, MIN_SIZE = 16, 4096
# Bytes of spectra in memory at a time: they fit the CPU cache.
GROUP_BYTES = 1 << 21
# Samples of a whole signal that are converted at a time.
BLOCK_SIZE = 1 << 18


def binauralize(audio: AudioLike[FloatT], filters: ArrayLike) -> FloatArray[FloatT]:
    """Convolve channels with the filters of both ears, and sum them.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples)
        Ambisonics in the order and normalization of the filters, or any channels.
    filters : array_like, shape (2, channels, taps)
        From `binaural_filters`; or for loudspeakers, ``hrtf.at(azimuth, elevation)`` with its first
        two axes exchanged.

    Returns
    -------
    ndarray, shape (..., 2, samples)
        Left and right ear, in the precision of ``audio``. The result has the length of ``audio``:
        it ends before the decay of the last samples, so that blocks stay aligned.

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` does not have the channels of ``filters``, or these are not finite.

    Examples
    --------
    >>> from spatialkit import encode_ambisonics
    >>> from spatialkit.binaural import binaural_filters
    >>> noise = np.random.default_rng(0).standard_normal(48000)
    >>> scene = encode_ambisonics(noise, 90.0, order=3)
    >>> left, right = binauralize(scene, binaural_filters(order=3))
    >>> bool(left.std() > 4.0 * right.std())
    True
    """
    samples, _, _ = unpack_audio(audio)
    gains = as_filters(filters)
    array = as_audio(samples, channels=gains.shape[1], of="the filters")
    found = np.empty((*array.shape[:-2], 2, array.shape[-1]), array.dtype)
    for item in np.ndindex(array.shape[:-2]):
        convolver = Convolver(gains, array.dtype)
        for start in range(0, array.shape[-1], BLOCK_SIZE):
            block = array[item][:, start : start + BLOCK_SIZE]
            found[item][:, start : start + BLOCK_SIZE] = convolver.process(block)
    return found


def as_filters(filters: ArrayLike) -> NDArray[np.float64]:
    """Return filters (2, channels, taps) as finite numbers."""
    array = as_numbers(filters, "filters", ShapeError)
    if array.ndim != 3 or array.shape[0] != 2 or 0 in array.shape:
        raise ShapeError(f"filters must have shape (2, channels, taps), got {array.shape}")
    return require_finite(array, "filters")


class Convolver:
    """Convolution of successive blocks of any size, without delay.

    Overlap-save: each channel is transformed once, and each ear is transformed back once.

    Parameters
    ----------
    filters : ndarray of float64, shape (2, channels, taps)
    dtype : data type
        float32 or float64, of all blocks.
    """

    def __init__(self, filters: NDArray[np.float64], dtype: Any) -> None:
        self._filters = filters.astype(dtype)
        self._past = np.zeros((filters.shape[1], filters.shape[2] - 1), dtype)  # last input
        self._spectra: dict[int, NDArray[Any]] = {}

    def process(
        self, block: NDArray[Any], filters: NDArray[np.float64] | None = None
    ) -> NDArray[Any]:
        """Return both ears (2, samples) of the next block (channels, samples).

        Parameters
        ----------
        block : ndarray, shape (channels, samples)
        filters : ndarray, shape (2, channels, taps), optional
            New filters of the same shape, used from the next block on; during this block the
            output is crossfaded from that of the present filters.
        """
        found = self._convolved(block)
        if filters is not None:
            self._filters, self._spectra = filters.astype(block.dtype), {}
            # The last sample is that of the new filters, so that the next block continues it.
            count = block.shape[-1]
            ramp = ((np.arange(count) + 1.0) / max(count, 1)).astype(block.dtype)
            found += ramp * (self._convolved(block) - found)
        lead = self._past.shape[-1]
        joined = np.concatenate([self._past, block[:, max(block.shape[-1] - lead, 0) :]], axis=-1)
        self._past = joined[:, joined.shape[-1] - lead :].copy()
        return found

    def successor(self, filters: NDArray[np.float64]) -> Convolver:
        """Return a convolver with other filters of the same length that continues this one."""
        convolver = Convolver(filters, self._past.dtype)
        convolver._past = self._past.copy()
        return convolver

    def _convolved(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return both ears of a block with the present filters."""
        (channels, count), lead = block.shape, self._past.shape[-1]
        found = np.empty((2, count), block.dtype)
        size = 1 << (min(max(SIZE_RATIO * (lead + 1), MIN_SIZE), lead + count) - 1).bit_length()
        step = size - lead
        windows = max(1, min(GROUP_BYTES // (block.itemsize * size * channels), -(-count // step)))
        joined = np.zeros((channels, lead + windows * step), block.dtype)
        joined[:, :lead] = self._past
        shifted = np.lib.stride_tricks.sliding_window_view(joined, size, axis=-1)[:, ::step]
        spectra = self._spectra_of(size)
        totals = np.empty((2, windows, size // 2 + 1), spectra.dtype)
        product = np.empty_like(totals[0])
        for start in range(0, count, windows * step):
            part = block[:, start : start + windows * step]
            end = lead + part.shape[-1]
            joined[:, lead:end], joined[:, end:] = part, 0.0
            inputs = rfft(shifted)
            for total, gains in zip(totals, spectra, strict=True):
                np.multiply(inputs[0], gains[0], out=total)
                for each, gain in zip(inputs[1:], gains[1:], strict=True):
                    total += np.multiply(each, gain, out=product)
            ears = irfft(totals, size)[..., lead:].reshape(2, -1)
            found[:, start : start + part.shape[-1]] = ears[:, : part.shape[-1]]
            joined[:, :lead] = joined[:, end - lead : end].copy()
        return found

    def _spectra_of(self, size: int) -> NDArray[Any]:
        if size not in self._spectra:
            self._spectra = {size: rfft(self._filters, size)}
        return self._spectra[size]
