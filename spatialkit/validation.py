"""Argument validation.

Each function returns its argument in one form (a native float array, a float, an int, the exact
spelling of a name) or raises an error with the argument, the value received and the accepted
values. Audio is ``(..., channels, samples)``, floating point, time last; no function guesses axes.
The functions are public so that plug-ins accept and refuse arguments as the package does.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit._distribution import DISTRIBUTION
from spatialkit.errors import (
    DirectionError,
    OptionError,
    ShapeError,
    SignalError,
    SpatialkitError,
)
from spatialkit.typing import FloatArray, FloatT

__all__ = [
    "as_angles",
    "as_audio",
    "as_choice",
    "as_count",
    "as_directions",
    "as_number",
    "as_sample_rate",
    "extra",
    "match_name",
    "require_finite",
    "unknown_name",
]

# An array with more channels than the largest layouts and with fewer samples than any use needs
# has its axes in the order (samples, channels).
MAX_CHANNELS = 64
MIN_SAMPLES = 64

ChoiceT = TypeVar("ChoiceT", bound=str)


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
        If the data type is neither float32 nor float64.
    ShapeError
        If the number of axes or channels is wrong, or the array has more than 64 channels and at
        most 64 samples.

    Examples
    --------
    >>> as_audio(np.zeros((2, 480), dtype=">f4")).dtype
    dtype('float32')
    """
    array = np.asarray(audio)
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
    if array.ndim == 1:
        return array
    count, samples = array.shape[-2:]
    if channels is not None and count != channels:
        hint = "; time is the last axis: transpose it" if samples == channels else ""
        raise ShapeError(
            f"{name} must have {channels} channels{' for ' + of if of else ''}, "
            f"(..., {channels}, samples), got shape {array.shape}{hint}"
        )
    if count > MAX_CHANNELS and samples <= MIN_SAMPLES:
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


def as_angles(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return angles in degrees as a float64 array.

    Parameters
    ----------
    values : array_like
        Degrees, any finite number.
    name : str
        Name of the argument, for error messages.

    Returns
    -------
    ndarray of float64
        In the shape of ``values``.

    Raises
    ------
    DirectionError
        If a value is not a finite number.

    Examples
    --------
    >>> as_angles([0, 90], "azimuth")
    array([ 0., 90.])
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DirectionError(f"{name} must be numbers in degrees, got {values!r}") from error
    if not np.all(np.isfinite(array)):
        bad = array[~np.isfinite(array)].flat[0]
        raise DirectionError(f"{name} must be finite degrees, got {bad}")
    return array


def as_directions(
    azimuth: ArrayLike, elevation: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return azimuth and elevation as float64 arrays of one shape.

    Parameters
    ----------
    azimuth, elevation : array_like
        Degrees, broadcast against each other; elevation from -90 to 90.

    Returns
    -------
    azimuth, elevation : ndarray of float64

    Raises
    ------
    DirectionError
        If an angle is not finite, or an elevation is outside -90 to 90 degrees.
    ShapeError
        If the shapes do not broadcast against each other.

    Examples
    --------
    >>> as_directions([30, -30], 0)
    (array([ 30., -30.]), array([0., 0.]))
    """
    azimuths = as_angles(azimuth, "azimuth")
    elevations = as_angles(elevation, "elevation")
    if np.any(np.abs(elevations) > 90.0):
        bad = elevations[np.abs(elevations) > 90.0].flat[0]
        raise DirectionError(f"elevation must be from -90 to 90 degrees, got {bad:g}")
    try:
        azimuths, elevations = np.broadcast_arrays(azimuths, elevations)
    except ValueError as error:
        raise ShapeError(
            f"azimuth of shape {azimuths.shape} and elevation of shape {elevations.shape} "
            "do not broadcast against each other"
        ) from error
    return azimuths, elevations


def as_number(
    value: Any, name: str, *, minimum: float = -np.inf, maximum: float = np.inf, unit: str = ""
) -> float:
    """Return a finite number in a range as a float.

    Parameters
    ----------
    value : float
        Any object that ``float`` accepts: NumPy scalars and text such as "0.5" included.
    name : str
        Name of the argument, for error messages.
    minimum, maximum : float
        Accepted range, both ends included.
    unit : str
        Unit for error messages, such as "dB".

    Returns
    -------
    float

    Raises
    ------
    OptionError
        If the value is not a number, not finite, or outside the range.

    Examples
    --------
    >>> as_number(np.float32(0.5), "width", minimum=0.0, maximum=1.0)
    0.5
    """
    unit = f" {unit}" if unit else ""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise OptionError(
            f"{name} must be a number{unit and ' of' + unit}, got {value!r}"
        ) from error
    if not (np.isfinite(number) and minimum <= number <= maximum):
        if np.isinf(maximum):
            accepted = "finite" if np.isinf(minimum) else f"at least {minimum:g}{unit}"
        else:
            accepted = f"from {minimum:g} to {maximum:g}{unit}"
        raise OptionError(f"{name} must be {accepted}, got {value!r}")
    return number


def as_count(
    value: Any, name: str, *, minimum: int = 1, maximum: int | None = None, unit: str = ""
) -> int:
    """Return a whole number in a range as an int.

    Parameters
    ----------
    value : int
        NumPy integers are accepted; bool and float are not.
    name : str
        Name of the argument, for error messages.
    minimum : int
        Smallest accepted value.
    maximum : int, optional
        Largest accepted value; no limit by default.
    unit : str
        Unit for error messages, such as "samples".

    Returns
    -------
    int

    Raises
    ------
    OptionError
        If the value is not a whole number, or outside the range.

    Examples
    --------
    >>> as_count(np.int64(3), "order", maximum=7)
    3
    """
    unit = f" {unit}" if unit else ""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        count = operator.index(value)
    except TypeError:
        raise OptionError(
            f"{name} must be a whole number{unit and ' of' + unit}, got {value!r}"
        ) from None
    if count < minimum or (maximum is not None and count > maximum):
        accepted = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise OptionError(f"{name} must be {accepted}{unit}, got {count}")
    return count


def as_sample_rate(
    value: Any, name: str = "sample_rate", *, minimum: int = 1, maximum: int | None = None
) -> int:
    """Return a sample rate in Hz as an int.

    Parameters
    ----------
    value : int or float
        A whole number of Hz; 44100.0 is accepted, and so are NumPy scalars.
    name : str
        Name of the argument, for error messages.
    minimum : int
        Lowest accepted rate.
    maximum : int, optional
        Highest accepted rate; no limit by default.

    Returns
    -------
    int

    Raises
    ------
    OptionError
        If the value is not a whole number of Hz, or outside the range.

    Examples
    --------
    >>> as_sample_rate(44100.0)
    44100
    """
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    return as_count(value, name, minimum=minimum, maximum=maximum, unit="Hz")


def as_choice(
    value: Any,
    name: str,
    accepted: Iterable[ChoiceT],
    *,
    error: type[SpatialkitError] = OptionError,
) -> ChoiceT:
    """Return the accepted name that a value matches, without regard to case.

    Use the returned name, not the value: "SN3D" is returned for "sn3d".

    Parameters
    ----------
    value : str
        Name to look up.
    name : str
        Name of the argument, or the kind of thing it selects, for error messages.
    accepted : iterable of str
        Accepted names.
    error : type
        Class of the error that is raised, a subclass of `spatialkit.SpatialkitError`.

    Returns
    -------
    str
        One of ``accepted``.

    Raises
    ------
    OptionError
        Or ``error``: if the value matches no name.

    Examples
    --------
    >>> as_choice("AllRAD", "decoder", ("allrad", "epad"))
    'allrad'
    >>> as_choice("allrd", "decoder", ("allrad", "epad"))
    Traceback (most recent call last):
    spatialkit.errors.OptionError: unknown decoder 'allrd'; did you mean 'allrad'? Accepted: \
'allrad', 'epad'
    """
    names = tuple(accepted)
    match = match_name(value, names)
    if match is None:
        raise error(unknown_name(name, value, names))
    return match


def match_name(value: Any, accepted: Iterable[ChoiceT]) -> ChoiceT | None:
    """Return the accepted name that a value matches without regard to case, or None.

    Parameters
    ----------
    value : object
        Only a str matches.
    accepted : iterable of str
        Accepted names; an exact match comes first.

    Examples
    --------
    >>> match_name("Stereo", ("mono", "stereo"))
    'stereo'
    """
    if not isinstance(value, str):
        return None
    folded = value.casefold()
    matches = [name for name in accepted if name.casefold() == folded]
    return next((name for name in matches if name == value), matches[0] if matches else None)


def unknown_name(kind: str, value: Any, accepted: Iterable[str]) -> str:
    """Return the error message for a name that is not one of the accepted names.

    Parameters
    ----------
    kind : str
        Kind of thing that the name selects, such as "decoder".
    value : object
        Value received.
    accepted : iterable of str
        Accepted names, in the order in which the message lists them.

    Returns
    -------
    str

    Examples
    --------
    >>> unknown_name("decoder", "allrd", ("allrad", "epad"))
    "unknown decoder 'allrd'; did you mean 'allrad'? Accepted: 'allrad', 'epad'"
    >>> unknown_name("decoder", 3, ("allrad", "epad"))
    "decoder must be a name, got 3. Accepted: 'allrad', 'epad'"
    """
    from difflib import get_close_matches  # 3 ms

    names = tuple(accepted)
    choices = ", ".join(map(repr, names)) or "none"
    if not isinstance(value, str):
        return f"{kind} must be a name, got {value!r}. Accepted: {choices}"
    folded = {name.casefold(): name for name in names}
    close = get_close_matches(value.casefold(), folded, n=1)
    if close:
        return f"unknown {kind} {value!r}; did you mean {folded[close[0]]!r}? Accepted: {choices}"
    return f"unknown {kind} {value!r}. Accepted: {choices}"


def extra(name: str) -> str:
    """Return the name of an extra and the command that installs it, for an error message.

    Examples
    --------
    >>> extra("plot")
    "spatialkit's extra `plot` (pip install 'spatialkit-audio[plot]')"
    """
    return f"spatialkit's extra `{name}` (pip install '{DISTRIBUTION}[{name}]')"
