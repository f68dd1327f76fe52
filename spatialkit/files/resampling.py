"""Sample-rate conversion of whole signals and block by block, with exact output length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError
from spatialkit.sample_queue import SampleQueue
from spatialkit.validation import MAX_SAMPLE_RATE, as_audio, as_choice, as_count, as_number

__all__ = ["RESAMPLING_QUALITIES", "ResamplingQuality", "resample"]

# Names of soxr: "HQ" is designed for 20 bits, "VHQ" for 28 bits (artefacts below -140 dB).
ResamplingQuality = Literal["HQ", "VHQ"]
MAX_RATIO = 1000.0
RESAMPLING_QUALITIES: tuple[ResamplingQuality, ...] = ("HQ", "VHQ")


def resample(
    audio: ArrayLike,
    rate: float,
    new_rate: float,
    *,
    quality: ResamplingQuality = "VHQ",
    length: int | None = None,
) -> NDArray[Any]:
    """Convert audio to another sample rate.

    The output is aligned in time with the input: the delay of the linear-phase filter is removed.

    Parameters
    ----------
    audio : array_like of float, shape (..., channels, samples) or (samples,)
    rate : float
        Sample rate of ``audio`` in Hz, 1 to 10 MHz.
    new_rate : float
        Sample rate of the result in Hz, at least 1.
    quality : {"VHQ", "HQ"}
        Precision of the soxr filter: "VHQ" for 28 bits, with artefacts below -140 dB, or "HQ" for
        20 bits, which is faster.
    length : int, optional
        Number of samples of the result, which is cut or zero-padded at its end;
        ``round(samples * new_rate / rate)`` by default.

    Returns
    -------
    ndarray, shape (..., channels, length)
        In the dtype of ``audio``; a copy of it if both rates are equal.

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` has no channel axis or appears to be frames-first, or is not float32 or
        float64.
    OptionError
        If a rate, ``quality`` or ``length`` is not accepted.

    Examples
    --------
    >>> import numpy as np
    >>> resample(np.zeros((2, 44100), np.float32), 44100, 48000).shape
    (2, 48000)
    """
    array = as_audio(audio, allow_mono=True)
    rate = as_number(rate, "rate", minimum=1.0, maximum=MAX_SAMPLE_RATE, unit="Hz")
    new_rate = as_number(new_rate, "new_rate", minimum=1.0, maximum=MAX_SAMPLE_RATE, unit="Hz")
    if not 1.0 / MAX_RATIO <= new_rate / rate <= MAX_RATIO:
        raise OptionError(
            f"new_rate must be {1.0 / MAX_RATIO:g} to {MAX_RATIO:g} times the rate of {rate:g} Hz, "
            f"got {new_rate:g} Hz"
        )
    quality = as_choice(quality, "quality", RESAMPLING_QUALITIES)
    if length is None:
        length = round(array.shape[-1] * new_rate / rate)
    length = as_count(length, "length", minimum=0, unit="samples")
    converted = np.zeros((*array.shape[:-1], length), array.dtype)
    if rate == new_rate:
        kept = min(length, array.shape[-1])
        converted[..., :kept] = array[..., :kept]
    elif converted.size and array.size:
        rows = array.reshape(-1, array.shape[-1])
        blocks = resample_blocks([rows], len(rows), rate, new_rate, length, array.dtype, quality)
        np.concatenate(list(blocks), axis=1, out=converted.reshape(len(rows), length))
    return converted


def resample_blocks(
    blocks: Iterable[NDArray[Any]],
    channels: int,
    rate: float,
    new_rate: float,
    length: int,
    dtype: Any,
    quality: ResamplingQuality = "VHQ",
) -> Iterator[NDArray[Any]]:
    """Convert blocks (channels, n) to another rate without delay; yield ``length`` samples."""
    import soxr

    resampler = soxr.ResampleStream(rate, new_rate, channels, dtype=dtype, quality=quality)
    for block in blocks:
        # A copy, not a view: soxr does not accept the strides of some one-sample arrays.
        converted = resampler.resample_chunk(block.T.copy(order="C")).T[:, :length]
        length -= converted.shape[1]
        yield converted
    rest = resampler.resample_chunk(np.empty((0, channels), dtype), last=True).T[:, :length]
    yield np.pad(rest, ((0, 0), (0, length - rest.shape[1])))


def rejoin_blocks(
    parts: Iterable[NDArray[Any]], channels: int, size: int, dtype: str
) -> Iterator[NDArray[Any]]:
    """Yield the same samples in blocks of ``size``; the last block may be shorter."""
    queue = SampleQueue()
    queue.append(np.empty((channels, 0), dtype))
    for part in parts:
        queue.append(part)
        while len(queue) >= size:
            yield queue.take(size)
    if len(queue):
        yield queue.take()
