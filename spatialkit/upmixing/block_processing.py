"""A whole signal through a stream: memory stays small beside the output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SAMPLES_AT_ONCE", "upmix_in_blocks"]

SAMPLES_AT_ONCE = 1 << 16


def upmix_in_blocks(
    audio: NDArray[Any],
    channels: int,
    take: Callable[[NDArray[Any]], NDArray[Any]],
    finish: Callable[[], NDArray[Any]],
) -> NDArray[Any]:
    """Join what a stream makes of ``audio``: ``take`` of each block, then ``finish``."""
    result = np.empty((channels, audio.shape[1]), audio.dtype)
    starts = range(0, audio.shape[1], SAMPLES_AT_ONCE)
    end = 0
    for start in starts:
        part = take(audio[:, start : start + SAMPLES_AT_ONCE])
        result[:, end : end + part.shape[1]] = part
        end += part.shape[1]
    if len(starts):
        result[:, end:] = finish()
    return result
