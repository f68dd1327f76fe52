"""Conversion of arguments to arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import SpatialkitError

__all__ = ["as_array"]


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
    if isinstance(values, np.ma.MaskedArray):
        raise error(
            f"{name} must be an array without mask, got a masked array; fill it first, such as "
            "array.filled(0.0)"
        )
    if getattr(values, "requires_grad", False):
        raise error(f"{name} must be an array, got a tensor with gradients; pass tensor.detach()")
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as reason:
        sentence = str(reason).partition("\n")[0]
        raise error(f"{name} must be an array of numbers: {sentence}") from reason
