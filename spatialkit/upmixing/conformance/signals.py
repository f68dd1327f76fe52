"""Test signals, and measures that compare an output with its input.

The test signal is noise in bursts, one after the other in each channel, so that every burst is a
single source of known position: upmixers that separate direct from ambient sound keep it direct.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import LayoutError
from spatialkit.layouts import AmbisonicFormat, Layout

__all__ = ["bursts", "find_lag", "find_level", "find_polarity", "has_swapped_channels"]

BURST_LEVEL = 0.1  # RMS, -20 dBFS
# Part of the signal before the first and after the last burst: room for delays.
SILENT = 0.2
# Upmixers may add delayed sound, such as reverberation: the correlation at lag 0, in power, may
# be smaller than the largest one, by this factor.
ALIGNMENT_POWER = 2.0
# Correlation coefficients below this are taken as no relation of input and output.
MIN_CORRELATION = 0.1


def bursts(channels: int, samples: int) -> NDArray[np.float32]:
    """Return white Gaussian noise in each channel in turn, the other channels silent."""
    noise = np.random.default_rng(1).standard_normal((channels, samples))
    edges = np.linspace(SILENT * samples, (1.0 - SILENT) * samples, channels + 1).astype(int)
    signal = np.zeros_like(noise)
    for n in range(channels):
        signal[n, edges[n] : edges[n + 1]] = BURST_LEVEL * noise[n, edges[n] : edges[n + 1]]
    return signal.astype(np.float32)


def find_lag(audio: NDArray[Any], upmix: NDArray[Any]) -> int:
    """Return by how many samples the output is late, 0 if it is aligned; negative if early.

    The lag is that of the largest cross-correlation, its power summed over every output channel
    with every input channel: channels that are decorrelated or silent add little to the sum.
    """
    samples = audio.shape[1]
    spectrum = np.fft.rfft(audio, 2 * samples)
    # Without its mean: a constant offset is not related to the input.
    result = np.fft.rfft(upmix - upmix.mean(axis=1, keepdims=True), 2 * samples)
    power = np.zeros(2 * samples)
    for channel in result:  # one output at a time: all of them together need much memory
        power += np.square(np.fft.irfft(channel * spectrum.conj())).sum(axis=0)
    if power.max() <= ALIGNMENT_POWER * power[0]:
        return 0
    return (int(power.argmax()) + samples) % (2 * samples) - samples


def find_polarity(
    audio: NDArray[Any], upmix: NDArray[Any], format: Layout | AmbisonicFormat
) -> float:
    """Return the correlation coefficient of the input and the downmix, NaN if there is none.

    Where the downmix is unrelated to the input, the best-correlated output channel is used.
    """
    downmix = _to_input_channels(audio, upmix, format)
    if downmix is not None:
        found = _coefficient(downmix, audio)
        if abs(found) >= MIN_CORRELATION:
            return found
    mono = audio.sum(axis=0)
    found = max((_coefficient(channel, mono) for channel in upmix), key=abs)
    return found if abs(found) >= MIN_CORRELATION else np.nan


def has_swapped_channels(
    audio: NDArray[Any], upmix: NDArray[Any], format: Layout | AmbisonicFormat
) -> bool:
    """Return whether the left and right inputs are swapped in the output."""
    stereo = _to_stereo(upmix, format) if len(audio) == 2 else None
    if stereo is None:
        return False
    same, crossed = _coefficient(stereo, audio), _coefficient(stereo, audio[::-1])
    return abs(crossed) > 2.0 * abs(same) and abs(crossed) >= MIN_CORRELATION


def find_level(audio: NDArray[Any], upmix: NDArray[Any], format: Layout | AmbisonicFormat) -> float:
    """Return the level of the output relative to the input in dB.

    That is the power of all loudspeakers, or of W relative to the mean of the input channels; NaN
    where there is no downmix rule for the Ambisonic format.
    """
    if isinstance(format, AmbisonicFormat):
        upmix = _matrix(format, "mono") @ upmix
        audio = audio.mean(axis=0, keepdims=True)
    with np.errstate(divide="ignore"):
        return float(10.0 * np.log10(_power(upmix) / _power(audio)))


def _to_input_channels(
    audio: NDArray[Any], upmix: NDArray[Any], format: Layout | AmbisonicFormat
) -> NDArray[Any] | None:
    """Downmix to the channels of the input, None if there is no rule."""
    if len(audio) == 2:
        return _to_stereo(upmix, format)
    with suppress(LayoutError):
        return _matrix(format, "mono") @ upmix if len(audio) == 1 else None
    return None


def _to_stereo(upmix: NDArray[Any], format: Layout | AmbisonicFormat) -> NDArray[Any] | None:
    """Left and right of an output, of Ambisonics by two cardioids; None if there is no rule."""
    from spatialkit.ambisonics import virtual_microphones

    if isinstance(format, AmbisonicFormat):
        return virtual_microphones(
            upmix,
            np.array([90.0, -90.0]),
            normalization=format.normalization,
            channel_order=format.channel_order,
        )
    with suppress(LayoutError):
        return _matrix(format, "stereo") @ upmix
    return None


def _matrix(format: Layout | AmbisonicFormat, target: str) -> NDArray[np.float64]:
    from spatialkit.downmix import downmix_matrix

    return downmix_matrix(format, target)


def _coefficient(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Correlation coefficient of two signals of one shape; 0 if one is silent."""
    norm = np.sqrt(_power(first) * _power(second))
    return float(np.sum(first * second, dtype=np.float64) / norm) if norm else 0.0


def _power(signal: NDArray[Any]) -> float:
    return float(np.sum(np.square(signal, dtype=np.float64)))
