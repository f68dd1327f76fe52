"""Checks of streams: blocks joined, latency, independence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import UpmixerError
from spatialkit.upmixing.conformance.outputs import check_array, make_noise, rate_of, upmix_valid
from spatialkit.upmixing.declaration import require
from spatialkit.upmixing.interface import Upmixer

__all__ = ["check_streams"]

OTHER_RATE = 44100
BLOCKS = (1, 7, 0, 480, 1023, 4096, 65)
# Blocks may be summed in another order than the whole: some float32 roundings, 2**-24 each.
STREAM_TOLERANCE = 1e-6


def check_streams(upmixer: Upmixer, channels: int) -> None:
    """Check streams at the native rate and at another one."""
    for sample_rate in (rate_of(upmixer), OTHER_RATE):
        _check_stream(upmixer, channels, sample_rate)


def _check_stream(upmixer: Upmixer, channels: int, sample_rate: int) -> None:
    """Check that blocks joined equal the whole, the latency, and that streams are independent."""
    noise = make_noise(channels, sample_rate // 2)
    whole = upmix_valid(upmixer, noise, sample_rate)
    try:
        stream, other = upmixer.stream(sample_rate), upmixer.stream(sample_rate)
        received, parts = 0, []
        for block in _blocks(noise):
            buffer = block.copy()
            parts.append(stream.process(buffer))
            require(np.array_equal(buffer, block), upmixer, "a stream changed its input in place")
            buffer[:] = np.float32(np.nan)  # callers may reuse the buffer
            other.process(block[:, ::-1])
            received += block.shape[1]
            _check_latency(upmixer, stream.latency, received, sum(p.shape[-1] for p in parts))
        parts.append(stream.flush())
        joined = np.concatenate(parts, axis=1)
    except UpmixerError:
        raise
    except Exception as error:
        raise UpmixerError(
            f"upmixer {upmixer.name!r}: a stream must accept blocks of any size, it raised "
            f"{type(error).__name__}: {error}"
        ) from error
    check_array(upmixer, joined, noise, "a stream's blocks, joined,")
    difference = np.abs(joined - whole).max(initial=0.0)
    require(
        difference <= STREAM_TOLERANCE * max(1.0, np.abs(whole).max(initial=0.0)),
        upmixer,
        f"a stream's blocks, joined, must equal upmix of the whole, got {difference:.2g} off",
    )
    empty = upmixer.stream(sample_rate).flush()
    require(
        np.shape(empty) == (upmixer.format.n_channels, 0),
        upmixer,
        f"a stream without blocks must flush no samples, got shape {np.shape(empty)}",
    )


def _blocks(audio: NDArray[Any]) -> Iterator[NDArray[Any]]:
    start = index = 0
    while start < audio.shape[1]:
        size = BLOCKS[index % len(BLOCKS)]
        yield audio[:, start : start + size]
        start, index = start + size, index + 1


def _check_latency(upmixer: Upmixer, latency: float, received: int, returned: int) -> None:
    require(
        returned <= received,
        upmixer,
        f"a stream returned {returned} samples for {received} samples of input",
    )
    require(
        received - returned <= latency,
        upmixer,
        f"a stream buffered {received - returned} samples, more than its latency of {latency}",
    )
