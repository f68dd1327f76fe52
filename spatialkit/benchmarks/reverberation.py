"""Late reverberation of stimuli: independent noise that decays exponentially [1]_.

.. [1] J. A. Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["reverberate", "room_response"]

PRE_DELAY = 0.015  # seconds
# Reverberation times in seconds below and above the crossover frequency (Hz).
DECAYS = (1.2, 0.6)
CROSSOVER = 5000.0


def reverberate(
    source: NDArray[Any], rate: int, rng: np.random.Generator, channels: int = 2
) -> NDArray[Any]:
    """Create the late reverberation of a source (samples,), independent for each channel."""
    from scipy.signal import fftconvolve

    response = room_response(rate, rng, channels)
    return fftconvolve(source[None], response, axes=-1)[:, : source.size]


def room_response(rate: int, rng: np.random.Generator, channels: int = 2) -> NDArray[np.float64]:
    """Create noise that decays by 60 dB in `DECAYS` seconds, below and above the crossover."""
    time = np.arange(round(DECAYS[0] * rate)) / rate
    noise = rng.standard_normal((channels, time.size))
    frequency = np.fft.rfftfreq(time.size, 1.0 / rate)
    low = np.fft.irfft(np.fft.rfft(noise) / (1.0 + (frequency / CROSSOVER) ** 2), time.size)
    slow, fast = (10.0 ** (-3.0 * time / decay) for decay in DECAYS)
    silence = np.zeros((channels, round(PRE_DELAY * rate)))
    return np.concatenate([silence, low * slow + (noise - low) * fast], axis=1)
