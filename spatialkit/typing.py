"""Shared types of public signatures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    # Type checkers read it from their own stubs; the package is not needed to run.
    from typing_extensions import TypeVar

    FloatT = TypeVar("FloatT", bound=np.floating[Any], default=Any)
else:
    from typing import TypeVar

    FloatT = TypeVar("FloatT", bound=np.floating)

__all__ = ["FloatArray", "FloatT", "StrPath"]

FloatArray: TypeAlias = NDArray[FloatT]
"""Array of float32 or float64; the same precision wherever a signature repeats ``FloatT``."""

StrPath: TypeAlias = str | os.PathLike[str]
"""Path of a file or directory."""
