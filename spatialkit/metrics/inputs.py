"""What every metric does with its arguments: checks, and passes over them in float64."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError, SignalError
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.validation import as_audio, require_finite

# Values turned into float64 at a time: no metric makes a second copy of a long signal.
VALUES_AT_ONCE = 1 << 18


def as_signal(
    audio: ArrayLike,
    name: str = "audio",
    *,
    layout: Layout | AmbisonicFormat | None = None,
    allow_mono: bool = False,
) -> NDArray[Any]:
    """``audio`` as finite floating point samples, with the channels of ``layout``."""
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
    """Both signals, of one shape (but for the number of samples unless ``same_length``)."""
    first = as_signal(reference, "reference", layout=layout, allow_mono=allow_mono)
    second = as_signal(estimate, "estimate", layout=layout, allow_mono=allow_mono)
    if first.shape[:-1] != second.shape[:-1] or (same_length and first.shape != second.shape):
        wanted = "the same shape" if same_length else "the same axes but the last"
        raise ShapeError(
            f"reference and estimate must have {wanted}, got {first.shape} and {second.shape}"
        )
    return first, second


def as_spectrum(spectrum: ArrayLike, *, least_channels: int = 1) -> NDArray[Any]:
    """``spectrum`` as finite complex numbers (..., channels, bins, frames)."""
    array = np.asarray(spectrum)
    if not np.iscomplexobj(array):
        raise SignalError(
            f"spectrum must be complex, got {array.dtype}: pass what spatialkit.stft returns"
        )
    if array.ndim < 3 or array.shape[-3] < least_channels:
        raise ShapeError(
            f"spectrum must have shape (..., channels, bins, frames) with at least "
            f"{least_channels} channels, got {array.shape}"
        )
    return require_finite(array, "spectrum")


def in_blocks(*arrays: NDArray[Any]) -> Iterator[tuple[NDArray[np.float64], ...]]:
    """Successive pieces of arrays (..., samples) of one length, in float64."""
    rows = max(math.prod(array.shape[:-1]) for array in arrays)
    step = max(VALUES_AT_ONCE // max(rows, 1), 1)
    for start in range(0, arrays[0].shape[-1], step):
        # In one memory order: sums of equal signals are then equal to the bit.
        pieces = (array[..., start : start + step] for array in arrays)
        yield tuple(piece.astype(np.float64, order="C") for piece in pieces)
