"""Synthesis of tones with time-varying spectra, noise, envelopes and reverberation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

# Samples per period: sufficient for 200 harmonics with linear interpolation.
TABLE = 1024
# Range of a 32-bit phase, and its bits below one sample of a table.
PHASES = 2.0**32
SHIFT = 22
# Interval between the spectra of a tone in seconds.
HOP = 0.008
# Highest frequency of harmonics relative to the sample rate.
HIGHEST = 0.45


def pitch_to_hertz(pitch: float | Floats) -> Floats:
    """Convert a MIDI pitch to a frequency in Hz (69 is 440 Hz)."""
    return np.asarray(440.0 * 2.0 ** ((np.asarray(pitch) - 69.0) / 12.0))


def harmonic_numbers(frequency: float, sample_rate: float) -> NDArray[np.float32]:
    """Return the numbers 1, 2, 3 ... of the harmonics below the highest frequency."""
    count = int(min(TABLE // 2 - 1, HIGHEST * sample_rate / frequency))
    return np.arange(1, max(count, 1) + 1, dtype=np.float32)


def harmonic_tone(
    frequency: float | Floats,
    spectra: Floats | NDArray[np.complex64],
    samples: int,
    sample_rate: float,
) -> NDArray[np.float32]:
    """Synthesize a sum of harmonics from one wavetable per spectrum, interpolated in time.

    Parameters
    ----------
    frequency : float or ndarray, shape (samples,)
        Frequency of the fundamental in Hz.
    spectra : ndarray, shape (frames, harmonics)
        Amplitudes of harmonics 1, 2 ... every `HOP` seconds, real (sines) or complex. The last
        spectrum is held.
    samples : int
    sample_rate : float
    """
    bins = np.zeros((len(spectra), TABLE // 2 + 1), np.complex64)
    bins[:, 1 : 1 + spectra.shape[1]] = -0.5j * TABLE * spectra
    tables = np.empty((len(spectra), TABLE + 1), np.float32)
    tables[:, :TABLE] = np.fft.irfft(bins, TABLE)
    tables[:, TABLE] = tables[:, 0]
    # A 32-bit phase wraps around; its upper 10 bits are the index into a table.
    if np.ndim(frequency):
        cycles = np.cumsum(frequency, dtype=np.float64) * (PHASES / sample_rate)
        phase = cycles.astype(np.uint64).astype(np.uint32)
    else:
        turn = np.uint32(round(float(frequency) / sample_rate * PHASES))
        phase = np.arange(samples, dtype=np.uint32) * turn
    place = (phase >> np.uint32(SHIFT)).astype(np.intp)
    fraction = (phase & np.uint32((1 << SHIFT) - 1)).astype(np.float32)
    fraction *= np.float32(1 / (1 << SHIFT))
    flat = tables.ravel()
    if len(tables) == 1:
        return _between(flat, place, fraction)
    frame = np.arange(samples, dtype=np.float32) * np.float32(1 / (HOP * sample_rate))
    np.minimum(frame, np.float32(len(tables) - 1.001), out=frame)
    row = frame.astype(np.intp)
    frame -= row
    row *= TABLE + 1
    place += row
    tone = _between(flat, place, fraction)
    place += TABLE + 1
    later = _between(flat, place, fraction)
    later -= tone
    later *= frame
    tone += later
    return tone


def _between(
    flat: NDArray[np.float32], place: NDArray[np.intp], fraction: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Interpolate linearly between neighbouring samples."""
    value, following = flat.take(place), flat.take(place + 1)
    following -= value
    following *= fraction
    value += following
    return value


def frame_times(samples: int, sample_rate: float) -> NDArray[np.float32]:
    """Return the times in seconds of the spectra of a tone."""
    return np.arange(2 + int(samples / (HOP * sample_rate)), dtype=np.float32) * np.float32(HOP)


def envelope(
    samples: int,
    sample_rate: float,
    *,
    attack: float,
    release: float,
    decay: float = np.inf,
    sustain: float = 0.0,
) -> NDArray[np.float32]:
    """Return an envelope: attack, decay to ``sustain`` with time constant ``decay``, release.

    Times are in seconds. The release ends with the last of ``samples``.
    """
    times = np.arange(samples, dtype=np.float32) / np.float32(sample_rate)
    gain = np.ones(samples, np.float32)
    if np.isfinite(decay):
        gain = sustain + (1 - sustain) * np.exp(-times / np.float32(decay))
    rise = min(samples, max(1, int(attack * sample_rate)))
    gain[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    fall = min(samples, max(1, int(release * sample_rate)))
    gain[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32) ** 2
    return gain


def shaped_noise(
    rng: np.random.Generator,
    samples: int,
    sample_rate: float,
    shape: Callable[[NDArray[np.float32]], Floats],
) -> NDArray[np.float32]:
    """Generate Gaussian noise of RMS 1 with the spectrum ``shape`` (gain as a function of Hz)."""
    size = 1 << max(6, int(samples - 1).bit_length())
    frequencies = (np.arange(size // 2 + 1) * (sample_rate / size)).astype(np.float32)
    bins = rng.standard_normal((2, size // 2 + 1), np.float32) * shape(frequencies)
    noise = np.fft.irfft(bins[0] + 1j * bins[1], size).astype(np.float32)
    return noise[:samples] / np.float32(np.sqrt(np.mean(noise * noise)) + 1e-20)


def band(low: float, high: float, slope: float = 4.0) -> Callable[[NDArray[np.float32]], Floats]:
    """Return a band-pass gain: 1 from ``low`` to ``high`` Hz, decaying outside by ``slope``."""

    def shape(frequency: NDArray[np.float32]) -> Floats:
        frequency = np.maximum(frequency, 1.0)
        return np.asarray(
            1 / np.sqrt((1 + (low / frequency) ** (2 * slope)) * (1 + (frequency / high) ** 8))
        )

    return shape


def convolve(audio: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convolve by overlap-add; the result has the length of ``audio``."""
    size = 1 << (2 * len(response) - 1).bit_length()
    hop = size - len(response) + 1
    blocks = -(-len(audio) // hop)
    padded = np.zeros(blocks * hop, np.float32)
    padded[: len(audio)] = audio
    spectra = np.fft.rfft(padded.reshape(blocks, hop), size) * np.fft.rfft(response, size)
    parts = np.fft.irfft(spectra, size).astype(np.float32)
    joined = np.zeros((blocks + 1) * hop + size, np.float32)
    for block, part in enumerate(parts):
        joined[block * hop : block * hop + size] += part
    return joined[: len(audio)]


def room_response(
    rng: np.random.Generator, seconds: float, sample_rate: float, gain: float
) -> NDArray[np.float32]:
    """Generate the response of a simple room: a direct sound, then decaying low-passed noise.

    ``seconds`` is the decay time to -60 dB, ``gain`` the root of the energy of the tail relative to
    the direct sound.
    """
    samples = int(seconds * sample_rate)
    early = int(rng.uniform(0.008, 0.03) * sample_rate)
    times = np.arange(samples, dtype=np.float32) / np.float32(seconds * sample_rate)
    tail = 0.6 * shaped_noise(rng, samples, sample_rate, band(150.0, 2500.0, 1.0))
    tail += shaped_noise(rng, samples, sample_rate, band(300.0, 7000.0, 1.0)) * np.exp(-3 * times)
    tail *= np.exp(-6.9 * times)
    tail[:early] = 0.0
    tail *= np.float32(gain / (np.sqrt(np.sum(tail * tail)) + 1e-20))
    tail[0] = 1.0
    return tail
