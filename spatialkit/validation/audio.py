"""Validation of audio arrays."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError, SignalError
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation.arrays import as_array

__all__ = ["as_audio", "require_finite"]

# An array with more channels than the largest layouts and with fewer samples than any use needs
# has its axes in the order (samples, channels).
MAX_CHANNELS = 64
MIN_SAMPLES = 64


@overload
def as_audio(
    audio: FloatArray[FloatT],
    name: str = ...,
    *,
    channels: int | None = ...,
    of: str = ...,
    allow_mono: bool = ...,
) -> FloatArray[FloatT]: ...
@overload
def as_audio(
    audio: ArrayLike,
    name: str = ...,
    *,
    channels: int | None = ...,
    of: str = ...,
    allow_mono: bool = ...,
) -> NDArray[Any]: ...
def as_audio(
    audio: ArrayLike,
    name: str = "audio",
    *,
    channels: int | None = None,
    of: str = "",
    allow_mono: bool = False,
) -> NDArray[Any]:
    """Return audio as a float32 or float64 array in native byte order.

    Parameters
    ----------
    audio : array_like of float32 or float64, shape (..., channels, samples)
        Also (samples,) if ``allow_mono``. The shape is kept.
    name : str
        Name of the argument, for error messages.
    channels : int, optional
        Required number of channels; any number by default.
    of : str
        What has this number of channels, for error messages, such as "layout '5.1'".
    allow_mono : bool
        Whether shape (samples,) is accepted.

    Returns
    -------
    ndarray of float32 or float64
        The array itself where it is a native float array already, else a converted copy.

    Raises
    ------
    SignalError
        If the data type is neither float32 nor float64, or it is not an array.
    ShapeError
        If the number of axes or channels is wrong, or, without ``channels``, the array has more
        than 64 channels and at most 64 samples.

    Examples
    --------
    >>> as_audio(np.zeros((2, 480), dtype=">f4")).dtype
    dtype('float32')
    """
    array = as_array(audio, name, SignalError)
    native = array.dtype.newbyteorder("=")
    if native not in (np.float32, np.float64):
        raise SignalError(
            f"{name} must be float32 or float64, got {array.dtype}"
            + (
                "; scale integers to -1..1 first, such as audio / 32768.0 for 16 bits"
                if np.issubdtype(array.dtype, np.integer)
                else ""
            )
        )
    array = array.astype(native, copy=False)
    if array.ndim < (1 if allow_mono else 2):
        wanted = "(..., channels, samples)" + (" or (samples,)" if allow_mono else "")
        raise ShapeError(f"{name} must have shape {wanted}, got {array.shape}")
    if array.ndim == 1 and channels in (None, 1):
        return array
    if array.ndim == 1:
        raise ShapeError(
            f"{name} must have {channels} channels{' for ' + of if of else ''}, "
            f"(..., {channels}, samples), got shape {array.shape}"
        )
    count, samples = array.shape[-2:]
    if channels is not None and count != channels:
        hint = "; time is the last axis: transpose it" if samples == channels else ""
        raise ShapeError(
            f"{name} must have {channels} channels{' for ' + of if of else ''}, "
            f"(..., {channels}, samples), got shape {array.shape}{hint}"
        )
    if channels is None and count > MAX_CHANNELS and samples <= MIN_SAMPLES:
        raise ShapeError(
            f"{name} of shape {array.shape} has {count} channels of {samples} samples, which looks "
            "frames-first: time is the last axis, pass its transpose"
        )
    return array


def require_finite(audio: FloatArray[FloatT], name: str = "audio") -> FloatArray[FloatT]:
    """Return audio unchanged if every sample is finite.

    Parameters
    ----------
    audio : ndarray of float
    name : str
        Name of the argument, for error messages.

    Returns
    -------
    ndarray of float
        ``audio`` itself.

    Raises
    ------
    SignalError
        If a sample is NaN or infinite; the message names the first such index.

    Examples
    --------
    >>> require_finite(np.array([0.5, -0.5]))
    array([ 0.5, -0.5])
    """
    # One pass: a sum is NaN or infinite if any term is. It may also overflow: then check each one.
    with np.errstate(all="ignore"):
        suspicious = not np.isfinite(np.sum(audio))
    if suspicious:
        bad = np.argwhere(~np.isfinite(audio))
        if len(bad):
            place = ", ".join(str(index) for index in bad[0])
            raise SignalError(
                f"{name} holds {audio[tuple(bad[0])]} at index ({place}): samples must be finite"
            )
    return audio
