"""Validation of numbers, counts and sample rates."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from spatialkit.errors import OptionError
from spatialkit.validation.values import shown

# Of signals that are processed: filters and windows have a length in seconds.
MAX_SAMPLE_RATE = 10_000_000

__all__ = ["as_count", "as_number", "as_sample_rate"]


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
        if isinstance(value, (bool, np.bool_)) or np.iscomplexobj(value):
            raise TypeError
        number = float(value)
    except Exception as error:  # of any object that converts itself, such as a tensor
        raise OptionError(
            f"{name} must be a number{unit and ' of' + unit}, got {shown(value)}"
        ) from error
    if not (np.isfinite(number) and minimum <= number <= maximum):
        if np.isinf(maximum):
            accepted = "finite" if np.isinf(minimum) else f"at least {minimum:g}{unit}"
        else:
            accepted = f"from {minimum:g} to {maximum:g}{unit}"
        raise OptionError(f"{name} must be {accepted}, got {shown(value)}")
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
    except Exception:  # as above
        raise OptionError(
            f"{name} must be a whole number{unit and ' of' + unit}, got {shown(value)}"
        ) from None
    if count < minimum or (maximum is not None and count > maximum):
        accepted = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise OptionError(f"{name} must be {accepted}{unit}, got {shown(count)}")
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
