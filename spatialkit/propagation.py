"""Propagation of sound from a source to the listener: delay and absorption in air."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.acoustics import SPEED_OF_SOUND, air_absorption
from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import OptionError
from spatialkit.panning import distances_along
from spatialkit.stft import istft, stft
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import MAX_SAMPLE_RATE, as_audio, as_sample_rate

__all__ = ["propagate"]

FRAME, HOP = 1024, 256
# Taps of the interpolation between samples on each side, and shape of their window: the error is
# below -90 dB up to 0.4 times the sample rate.
TAPS = 32
KAISER = 9.0
# Times between two samples for which the interpolation is tabulated.
PHASES = 512
# Samples interpolated at a time.
BLOCK_SIZE = 8192


def propagate(
    audio: AudioLike[FloatT],
    distance: ArrayLike,
    sample_rate: float | None = None,
    *,
    delay: bool = True,
    absorption: bool = True,
    temperature: float = 20.0,
    humidity: float = 50.0,
) -> FloatArray[FloatT]:
    """Delay sources and absorb their high frequencies as the air does.

    The level is that of `spatialkit.vbap_pan` and `spatialkit.encode_ambisonics` with ``distance``
    and is not changed here. A delay that changes shifts the pitch (Doppler effect).

    Parameters
    ----------
    audio : array_like of float or Audio, shape (samples,) or (..., sources, samples)
    distance : array_like
        Metres, 0 to 100000: a scalar, (points,) for audio (samples,), (sources,), or
        (sources, points), as the azimuth of `spatialkit.vbap_pan`. Linear between points.
    sample_rate : float, optional
        Hz; required unless ``audio`` is an `Audio`.
    delay : bool
        Whether to delay by the distance divided by 343.2 m/s, interpolated between samples.
    absorption : bool
        Whether to apply `spatialkit.acoustics.air_absorption`, with zero phase.
    temperature, humidity : float
        Degrees Celsius and percent, of the absorption.

    Returns
    -------
    ndarray
        In the shape and precision of ``audio``. What arrives after its end is cut off.

    Raises
    ------
    ShapeError, SignalError
        If the shapes of distances and audio do not match, or ``audio`` is not floating point.
    OptionError
        If a distance is out of range, or the sample rate is missing.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(48000)
    >>> propagate(noise, [40.0, 10.0], 48000).shape
    (48000,)
    """
    samples, rate, _ = unpack_audio(audio, sample_rate=sample_rate)
    if rate is None:
        raise OptionError("sample_rate is missing; pass it in Hz")
    hertz = as_sample_rate(rate, maximum=MAX_SAMPLE_RATE)
    array = as_audio(samples, allow_mono=True)
    metres = distances_along(distance, array)
    sources = array[None] if array.ndim == 1 else array
    if not sources.size:
        return array.copy()
    out = sources.copy()
    if absorption:
        spectrum = stft(sources, n_fft=FRAME, hop=HOP)
        frames = np.minimum(np.arange(spectrum.shape[-1]) * HOP, metres.shape[1] - 1)
        frequency = np.arange(spectrum.shape[-2]) * (hertz / FRAME)
        db = air_absorption(frequency, temperature=temperature, humidity=humidity)
        gains = 10.0 ** (-db[:, None] * metres[:, None, frames] / 20.0)
        spectrum *= gains.astype(array.dtype)
        out = istft(spectrum, n_fft=FRAME, hop=HOP, length=sources.shape[-1])
    if delay:
        late = metres * (hertz / SPEED_OF_SOUND)
        late = np.broadcast_to(late, sources.shape[-2:])
        for item in np.ndindex(sources.shape[:-1]):
            out[item] = _delayed(out[item], late[item[-1]])
    return out.reshape(array.shape)


@cache
def _interpolation_table() -> NDArray[np.float64]:
    """Return the weights (PHASES + 1, 2 TAPS) of samples around times between two samples."""
    offsets = np.arange(1 - TAPS, TAPS + 1) - np.linspace(0.0, 1.0, PHASES + 1)[:, None]
    window = np.i0(KAISER * np.sqrt(np.maximum(1.0 - (offsets / TAPS) ** 2, 0.0)))
    weights: NDArray[np.float64] = np.sinc(offsets) * window / np.i0(KAISER)
    return weights


def _delayed(signal: FloatArray[FloatT], delay: NDArray[np.float64]) -> FloatArray[FloatT]:
    """Return a signal, delayed by a number of samples at each sample."""
    padded = np.pad(signal, TAPS)
    out = np.empty_like(signal)
    taps, table = np.arange(1 - TAPS, TAPS + 1), _interpolation_table()
    for start in range(0, len(signal), BLOCK_SIZE):
        times = np.arange(start, min(start + BLOCK_SIZE, len(signal)), dtype=float)
        times -= delay[start : start + BLOCK_SIZE]
        whole = np.floor(times)
        phase = (times - whole) * PHASES
        row = np.minimum(phase.astype(np.int64), PHASES - 1)
        weights = table[row] + (phase - row)[:, None] * (table[row + 1] - table[row])
        # Zeros before the start: padding is silent.
        places = np.clip(whole.astype(np.int64)[:, None] + taps + TAPS, 0, len(padded) - 1)
        out[start : start + BLOCK_SIZE] = (padded[places] * weights).sum(axis=1)
    return out
