"""Conversion of arguments to arrays."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import SpatialkitError
from spatialkit.validation.values import shown

__all__ = ["as_array", "as_numbers"]


def as_array(values: Any, name: str, error: type[SpatialkitError]) -> NDArray[Any]:
    """Return an argument as an array without changing its data type.

    Parameters
    ----------
    values : array_like
    name : str
        Name of the argument, for error messages.
    error : type of exception
        Raised if the argument is not an array of numbers: None, lists of different lengths, an
        array with a mask, a tensor that requires gradients or is not in main memory.

    Examples
    --------
    >>> from spatialkit.errors import SignalError
    >>> as_array([0.5, -0.5], "audio", SignalError)
    array([ 0.5, -0.5])
    """
    if values is None:
        raise error(f"{name} must be an array of numbers, got None")
    # Masked arrays exist only where numpy.ma is imported, which takes 10 ms.
    if "numpy.ma" in sys.modules and isinstance(values, np.ma.MaskedArray):
        raise error(
            f"{name} must be an array without mask, got a masked array; fill it first, such as "
            "array.filled(0.0)"
        )
    if getattr(values, "requires_grad", False):
        raise error(f"{name} must be an array, got a tensor with gradients; pass tensor.detach()")
    try:
        return np.asarray(values)
    except Exception as reason:  # of NumPy, of a tensor, or of any object that converts itself
        hint = ""
        if isinstance(values, (list, tuple)):
            hint = "; lists in it must have equal lengths"
        elif hasattr(values, "device"):
            hint = "; pass a dense tensor in main memory, float32 or float64"
        raise error(f"{name} must be an array of numbers, got {shown(values)}{hint}") from reason


def as_numbers(
    values: Any, name: str, error: type[SpatialkitError], *, unit: str = ""
) -> NDArray[np.float64]:
    """Return an argument as an array of float64; NaN and infinity are accepted.

    Parameters
    ----------
    values : array_like
        Real numbers.
    name : str
        Name of the argument, for error messages.
    error : type of exception
        Raised if the argument is not an array of real numbers, see `as_array`.
    unit : str
        Unit for error messages, such as "degrees".

    Returns
    -------
    ndarray of float64
        The array itself where it is one already, else a converted copy.

    Examples
    --------
    >>> from spatialkit.errors import OptionError
    >>> as_numbers([1, 2], "weights", OptionError)
    array([1., 2.])
    """
    array = as_array(values, name, error)
    if array.dtype.kind not in "iuf":
        of = f" in {unit}" if unit else ""
        raise error(f"{name} must be numbers{of}, got {shown(values)}")
    return array.astype(np.float64, copy=False)
