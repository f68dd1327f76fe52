"""Block-by-block processing of whole signals, with little memory beside the output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK_SIZE", "upmix_in_blocks"]

BLOCK_SIZE = 1 << 16


def upmix_in_blocks(
    audio: NDArray[Any],
    channels: int,
    process: Callable[[NDArray[Any]], NDArray[Any]],
    flush: Callable[[], NDArray[Any]],
) -> NDArray[Any]:
    """Process a whole signal block by block and join the results.

    Parameters
    ----------
    audio : ndarray, shape (input channels, samples)
    channels : int
        Number of output channels.
    process : callable
        Called with each block; returns the output that is ready, (channels, any samples).
    flush : callable
        Called after the last block; returns the remaining output. Not called if ``audio`` has no
        samples.

    Returns
    -------
    ndarray, shape (channels, samples)
        In the data type of ``audio``.
    """
    result = np.empty((channels, audio.shape[1]), audio.dtype)
    starts = range(0, audio.shape[1], BLOCK_SIZE)
    end = 0
    for start in starts:
        part = process(audio[:, start : start + BLOCK_SIZE])
        result[:, end : end + part.shape[1]] = part
        end += part.shape[1]
    if len(starts):
        result[:, end:] = flush()
    return result
