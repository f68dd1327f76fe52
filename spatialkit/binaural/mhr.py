"""Files of OpenAL Soft with HRTFs ("MinPHR03"): minimum-phase responses and delays.

The format is that of OpenAL Soft's documentation of its HRTF data sets: little-endian; the rate,
the number of ears and taps; fields (distances), each with rings of directions from the nadir to the
zenith, clockwise from the front; the responses with 24 bits; the delays in quarters of a sample.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spatialkit.binaural.responses import windowed_sinc
from spatialkit.errors import AudioFileError

MAGIC = b"MinPHR03"
# Samples before the earliest response, into which the interpolation of fractional delays extends.
LEAD = 16
DELAYS_PER_SAMPLE = 4
MAX_TAPS = 128


class Responses(NamedTuple):
    """Responses of a file, with their delays applied."""

    ir: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    elevation: NDArray[np.float64]
    delays: NDArray[np.float64]
    sample_rate: int


def read(content: bytes, name: str) -> Responses:
    """Read the largest distance of a file; ``name`` is for error messages."""
    try:
        return _read(content, name)
    except (ValueError, IndexError) as error:
        raise AudioFileError(f"{name} is damaged: the MHR file ends too early") from error


def _read(content: bytes, name: str) -> Responses:
    rate = int.from_bytes(content[8:12], "little")
    ears, taps, fields = content[12] + 1, content[13], content[14]
    place, rings = 15, []
    for _ in range(fields):
        count = content[place + 2]
        rings.append([content[place + 3 + ring] for ring in range(count)])
        place += 3 + count
    if ears > 2 or not 8 <= taps <= MAX_TAPS or not rings or min(map(len, rings)) < 2:
        raise AudioFileError(f"{name} is damaged: its header describes no responses")
    if any(directions == 0 for field in rings for directions in field):
        raise AudioFileError(f"{name} is damaged: a ring has no directions")
    total, used = sum(map(sum, rings)), sum(rings[0])  # the first field is the most distant
    packed = np.frombuffer(content, np.uint8, total * ears * taps * 3, place)
    # The 24 bits are the upper ones of 32.
    padded = np.zeros((total * taps * ears, 4), np.uint8)
    padded[:, 1:] = packed.reshape(-1, 3)
    filters = padded.view("<i4").reshape(total, taps, ears)[:used] / 2.0**31
    place += packed.size
    quarters = np.frombuffer(content, np.uint8, total * ears, place).reshape(total, ears)[:used]
    turned = np.concatenate([360.0 / count * np.arange(count) for count in rings[0]])
    azimuth = np.where(turned < 180.0, -turned, 360.0 - turned)
    elevation = np.repeat(np.linspace(-90.0, 90.0, len(rings[0])), rings[0])
    filters, delays = np.moveaxis(filters, 2, 1), LEAD + quarters / DELAYS_PER_SAMPLE
    if ears == 1:
        # The right ear is the left one in the mirrored direction, which each ring contains.
        ring = np.repeat(np.cumsum([0, *rings[0][:-1]]), rings[0])
        mirrored = ring + (ring - np.arange(used)) % np.repeat(rings[0], rings[0])
        filters = np.concatenate([filters, filters[mirrored]], axis=1)
        delays = np.concatenate([delays, delays[mirrored]], axis=1)
    return Responses(_delayed(filters, delays), azimuth, elevation, delays, rate)


def _delayed(filters: NDArray[np.float64], delays: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return responses (directions, ears, taps) delayed by quarters of a sample.

    The interpolation is a sinc with a Kaiser window, flat to 0.1 dB up to 20 kHz at 48 kHz.
    """
    whole = np.floor(delays).astype(np.intp)
    length = int(whole.max()) + filters.shape[-1] + LEAD
    delayed = np.zeros((*filters.shape[:2], -(-length // 16) * 16))
    offsets = np.arange(-LEAD, LEAD + 1)
    for fraction in np.unique(delays - whole):
        kernel = windowed_sinc(offsets - fraction, 1.0, LEAD + 1.0)
        chosen = np.nonzero(delays - whole == fraction)
        for tap, gain in zip(offsets, kernel, strict=True):
            starts = whole[chosen] + tap
            samples = starts[:, None] + np.arange(filters.shape[-1])
            delayed[chosen[0][:, None], chosen[1][:, None], samples] += gain * filters[chosen]
    return delayed
