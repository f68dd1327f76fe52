"""Sample-rate conversion block by block, of exact length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

# soxr's setting for 24 bits and more: its artefacts lie below -140 dB.
QUALITY = "VHQ"


def resampled(
    blocks: Iterable[NDArray[Any]],
    channels: int,
    rate: int,
    new_rate: int,
    length: int,
    dtype: str,
) -> Iterator[NDArray[Any]]:
    """Blocks (channels, n) at another rate, without delay: ``length`` samples in all."""
    import soxr

    resampler = soxr.ResampleStream(rate, new_rate, channels, dtype=dtype, quality=QUALITY)
    for block in blocks:
        part = resampler.resample_chunk(np.ascontiguousarray(block.T)).T[:, :length]
        length -= part.shape[1]
        yield part
    rest = resampler.resample_chunk(np.empty((0, channels), dtype), last=True).T[:, :length]
    yield np.pad(rest, ((0, 0), (0, length - rest.shape[1])))


def reblocked(
    parts: Iterable[NDArray[Any]], channels: int, size: int, dtype: str
) -> Iterator[NDArray[Any]]:
    """The same samples in blocks of ``size``, the last one shorter."""
    block, filled = np.empty((channels, size), dtype), 0
    for part in parts:
        start = 0
        while start < part.shape[1]:
            count = min(size - filled, part.shape[1] - start)
            block[:, filled : filled + count] = part[:, start : start + count]
            start, filled = start + count, filled + count
            if filled == size:
                yield block
                block, filled = np.empty((channels, size), dtype), 0
    if filled:
        yield block[:, :filled].copy()
