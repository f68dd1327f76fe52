"""What all losses share: the precision that they compute in, and the check of two shapes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from spatialkit.errors import ShapeError

Function = TypeVar("Function", bound=Callable[..., Tensor])


def in_full_precision(function: Function) -> Function:
    """Without autocast, half precision brought to single: sums of squares need the digits."""

    def widened(value: Any) -> Any:
        half = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
        return value.float() if half else value

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Tensor:
        tensors = (value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
        with torch.autocast(next(tensors).device.type, enabled=False):
            wide = {name: widened(value) for name, value in kwargs.items()}
            return function(*map(widened, args), **wide)

    return cast(Function, wrapped)


def require_same(first: torch.Size, second: torch.Size, wanted: str = "the same shape") -> None:
    if first != second:
        raise ShapeError(
            f"reference and estimate must have {wanted}, got {tuple(first)} and {tuple(second)}"
        )
