"""Precision and shape checks of the losses."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from spatialkit.errors import ShapeError

Function = TypeVar("Function", bound=Callable[..., Any])


def in_full_precision(function: Function) -> Function:
    """Decorate a function to compute half precision in single, also under autocast.

    Sums of squares need more digits than half precision has.
    """

    def widen(value: Any) -> Any:
        half = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
        return value.float() if half else value

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        tensors = (value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
        with torch.autocast(next(tensors).device.type, enabled=False):
            wide = {name: widen(value) for name, value in kwargs.items()}
            return function(*map(widen, args), **wide)

    return cast(Function, wrapped)


def require_same(first: torch.Size, second: torch.Size, expected: str = "the same shape") -> None:
    """Raise a ShapeError if the shapes of reference and estimate differ."""
    if first != second:
        raise ShapeError(
            f"reference and estimate must have {expected}, got {tuple(first)} and {tuple(second)}"
        )


def require_pairs(there: bool, audio: Tensor) -> None:
    """Raise a ShapeError if there are fewer than two channels."""
    if not there:
        raise ShapeError(
            "pairs of channels need two channels or more, (..., channels, samples), got "
            f"{tuple(audio.shape)}"
        )
