"""Audio inside a page: pairs of channels in files that all browsers decode alike.

Browsers differ in the order of more than two channels, and FLAC has at most eight; pairs of
channels are decoded alike everywhere and joined by the page.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spatialkit.report.chain import RATE

__all__ = ["Carrier", "encode_pairs"]

Carrier = Literal["opus", "flac"]
"""Encoding of the audio in a page: "opus" (about 55 kbit/s per channel) or "flac" (24 bits)."""

# libsndfile's scale from 256 to 6 kbit/s per channel.
OPUS_COMPRESSION = 0.8
# libsndfile encodes a block on the stack.
BLOCK_SIZE = 16384
MAX_PEAK = 0.999
THREADS = 4


def encode_pairs(audio: NDArray[Any], carrier: Carrier) -> tuple[list[bytes], float]:
    """Encode audio as files of two channels (the last one may have one).

    Parameters
    ----------
    audio : ndarray, shape (channels, samples)
        At 48 kHz.
    carrier : {"opus", "flac"}

    Returns
    -------
    files : list of bytes
    gain : float
        Factor of the decoded samples: audio above full scale is scaled down before encoding.

    Examples
    --------
    >>> files, gain = encode_pairs(np.full((3, 4800), 2.0), "flac")
    >>> len(files), round(gain, 3)
    (2, 2.002)
    """
    peak = float(max(audio.max(initial=0.0), -audio.min(initial=0.0)))
    gain = max(peak / MAX_PEAK, 1.0)
    pairs = [audio[start : start + 2] for start in range(0, len(audio), 2)]
    # libsndfile releases the interpreter lock.
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda pair: _encode(pair, gain, carrier), pairs)), gain


def _encode(pair: NDArray[Any], gain: float, carrier: Carrier) -> bytes:
    import soundfile

    file = io.BytesIO()
    options: dict[str, Any] = {"format": "FLAC", "subtype": "PCM_24"}
    if carrier == "opus":
        options = {"format": "OGG", "subtype": "OPUS", "compression_level": OPUS_COMPRESSION}
    with soundfile.SoundFile(file, "w", RATE, len(pair), **options) as sound:
        for start in range(0, pair.shape[1], BLOCK_SIZE):
            sound.write(np.ascontiguousarray(pair[:, start : start + BLOCK_SIZE].T) / gain)
    return file.getvalue()
