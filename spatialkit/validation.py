"""Checks of arguments, one home for all of them: what is refused, and in which words.

Audio is ``(..., channels, samples)``, floating point, time last. Nothing guesses axes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit._distribution import DISTRIBUTION
from spatialkit.errors import DirectionError, OptionError, ShapeError, SignalError

__all__ = [
    "as_audio",
    "as_choice",
    "as_count",
    "as_directions",
    "as_finite_floats",
    "as_number",
    "extra",
    "require_finite",
]

# More channels than the largest layouts hold, and fewer samples than any use: frames-first.
MOST_CHANNELS = 64
FEWEST_SAMPLES = 64


def as_audio(
    audio: ArrayLike,
    name: str = "audio",
    *,
    channels: int | None = None,
    of: str = "",
    allow_mono: bool = False,
) -> NDArray[Any]:
    """``audio`` as a float32 or float64 array, or the reason why it is not audio.

    Parameters
    ----------
    audio : array_like, shape (..., channels, samples)
        Or (samples,) if ``allow_mono``. The shape is kept.
    name : str
        What to call it in an error.
    channels : int, optional
        The channel count that it must have.
    of : str
        Whose channel count that is, for the error ("layout '5.1'").
    allow_mono : bool
        Whether one axis is accepted.
    """
    array = np.asarray(audio)
    if array.dtype not in (np.float32, np.float64):
        raise SignalError(
            f"{name} must be float32 or float64, got {array.dtype}"
            + (
                "; scale integers to -1..1 first, such as audio / 32768.0 for 16 bits"
                if np.issubdtype(array.dtype, np.integer)
                else ""
            )
        )
    if array.ndim < (1 if allow_mono else 2):
        wanted = "(..., channels, samples)" + (" or (samples,)" if allow_mono else "")
        raise ShapeError(f"{name} must have shape {wanted}, got {array.shape}")
    if array.ndim == 1:
        return array
    count, samples = array.shape[-2:]
    if channels is not None and count != channels:
        hint = " - time is the last axis: transpose it" if samples == channels else ""
        raise ShapeError(
            f"{name} must have {channels} channels{' for ' + of if of else ''}, "
            f"(..., {channels}, samples), got shape {array.shape}{hint}"
        )
    if count > MOST_CHANNELS and samples <= FEWEST_SAMPLES:
        raise ShapeError(
            f"{name} of shape {array.shape} has {count} channels of {samples} samples, which looks "
            "frames-first: time is the last axis, pass its transpose"
        )
    return array


def require_finite(audio: NDArray[Any], name: str = "audio") -> NDArray[Any]:
    """``audio`` itself, or an error that names the first NaN or infinity in it."""
    # One pass: a sum is NaN or infinite if any term is (or if it overflows: then look closely).
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


def as_finite_floats(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """``values`` as finite float64 angles."""
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
    """Both angles as finite float64 arrays of one shape."""
    azimuths = as_finite_floats(azimuth, "azimuth")
    elevations = as_finite_floats(elevation, "elevation")
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
    value: Any, name: str, *, least: float = -np.inf, most: float = np.inf, unit: str = ""
) -> float:
    """``value`` as a finite float from ``least`` to ``most``."""
    unit = f" {unit}" if unit else ""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise OptionError(
            f"{name} must be a number{unit and ' of' + unit}, got {value!r}"
        ) from error
    if not (np.isfinite(number) and least <= number <= most):
        if np.isinf(most):
            accepted = "finite" if np.isinf(least) else f"at least {least:g}{unit}"
        else:
            accepted = f"from {least:g} to {most:g}{unit}"
        raise OptionError(f"{name} must be {accepted}, got {value!r}")
    return number


def as_count(value: Any, name: str, *, least: int = 1, most: int | None = None) -> int:
    """``value`` as an int from ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise OptionError(f"{name} must be a whole number, got {value!r}")
    if value < least or (most is not None and value > most):
        accepted = f"at least {least}" if most is None else f"from {least} to {most}"
        raise OptionError(f"{name} must be {accepted}, got {value}")
    return int(value)


def as_choice(value: Any, name: str, accepted: Iterable[str]) -> str:
    """``value`` if it is one of ``accepted``."""
    accepted = tuple(accepted)
    if value not in accepted:
        raise OptionError(f"{name} must be one of {', '.join(map(repr, accepted))}, got {value!r}")
    return str(value)


def extra(name: str) -> str:
    """Return the name of an extra and the command that installs it, for an error message.

    Examples
    --------
    >>> extra("plot")
    "spatialkit's extra `plot` (pip install 'spatialkit-audio[plot]')"
    """
    return f"spatialkit's extra `{name}` (pip install '{DISTRIBUTION}[{name}]')"
