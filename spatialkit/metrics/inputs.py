"""Functions that the metrics share: validation, blocks in float64, division."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError, SignalError
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.validation import as_audio, require_finite

# Values converted to float64 at a time: no metric makes a second copy of a long signal.
VALUES_PER_BLOCK = 1 << 18


def as_signal(
    audio: ArrayLike,
    name: str = "audio",
    *,
    layout: Layout | AmbisonicFormat | None = None,
    allow_mono: bool = False,
) -> NDArray[Any]:
    """Return audio as finite floating-point samples with the channels of ``layout``."""
    array = as_audio(
        audio,
        name,
        channels=layout.n_channels if layout else None,
        of=f"layout {layout.name!r}" if layout else "",
        allow_mono=allow_mono,
    )
    return require_finite(array, name)


def as_pair(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    allow_mono: bool = False,
    layout: Layout | AmbisonicFormat | None = None,
    same_length: bool = True,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both signals; their shapes are equal, except for the length if not ``same_length``."""
    first = as_signal(reference, "reference", layout=layout, allow_mono=allow_mono)
    second = as_signal(estimate, "estimate", layout=layout, allow_mono=allow_mono)
    if first.shape[:-1] != second.shape[:-1] or (same_length and first.shape != second.shape):
        wanted = "the same shape" if same_length else "the same shape except for the last axis"
        raise ShapeError(
            f"reference and estimate must have {wanted}, got {first.shape} and {second.shape}"
        )
    return first, second


def as_spectrum(spectrum: ArrayLike, *, min_channels: int = 1) -> NDArray[Any]:
    """Return a spectrum as finite complex numbers (..., channels, bins, frames)."""
    array = np.asarray(spectrum)
    if not np.iscomplexobj(array):
        raise SignalError(
            f"spectrum must be complex, got {array.dtype}; pass the result of spatialkit.stft"
        )
    if array.ndim < 3 or array.shape[-3] < min_channels:
        raise ShapeError(
            f"spectrum must have shape (..., channels, bins, frames) with at least "
            f"{min_channels} channels, got {array.shape}"
        )
    return require_finite(array, "spectrum")


def in_blocks(*arrays: NDArray[Any]) -> Iterator[tuple[NDArray[np.float64], ...]]:
    """Yield successive blocks of arrays (..., samples) of equal length, in float64."""
    rows = max(math.prod(array.shape[:-1]) for array in arrays)
    step = max(VALUES_PER_BLOCK // max(rows, 1), 1)
    for start in range(0, arrays[0].shape[-1], step):
        # In one memory order, so that sums of equal signals are equal to the bit.
        blocks = (array[..., start : start + step] for array in arrays)
        yield tuple(block.astype(np.float64, order="C") for block in blocks)


def divide(vectors: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``vectors`` (..., n) divided by ``total`` (...), NaN where that is zero."""
    result = np.full(vectors.shape, np.nan)
    return np.divide(vectors, total[..., None], out=result, where=total[..., None] > 0.0)
