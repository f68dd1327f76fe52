"""Augmentation of stems: gain, equalizer, speed, and parts of the published augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_number

__all__ = [
    "Augmentation",
    "absorb",
    "air_attenuation",
    "sample_seven_bands",
    "equalize",
    "seven_bands",
    "transition",
]

# Range of the frequency of each section of an equalizer, in Hz.
LOW_SHELF = (80.0, 300.0)
BELL = (250.0, 4000.0)
HIGH_SHELF = (3000.0, 10000.0)
# The same for seven adjacent bands (low shelf, five bells, high shelf), and ranges of their Q.
SEVEN_BANDS = (
    (42.0, 95.0),
    (91.0, 204.0),
    (196.0, 441.0),
    (421.0, 948.0),
    (909.0, 2045.0),
    (1957.0, 4404.0),
    (4216.0, 9486.0),
)
SHELF_QUALITY, BELL_QUALITY = (0.1, 1.0), (0.5, 5.0)
# Taps of the air absorption filter on either side of its centre, at any rate.
AIR_TAPS = 64


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Augmentation of the stems of training excerpts.

    Both channels of a stem are augmented equally; they are not swapped.

    Parameters
    ----------
    gain_db : float
        Maximum gain of each stem of an excerpt in dB, uniformly distributed, 0 to 24.
    equalizer_db : float
        Standard deviation in dB of the gains of a random equalizer for each stem (low shelf, bell,
        high shelf), limited to twice this value; 0 to 6, 0 disables it. It should be small, as
        mean spectra identify the stems.
    min_speed, max_speed : float
        Range of the playback speed, which changes tempo and pitch together; uniform on a
        logarithmic scale, the same for all stems of a song. 0.5 to 2; both 1 disables it.
    """

    gain_db: float = 6.0
    equalizer_db: float = 2.0
    min_speed: float = 0.85
    max_speed: float = 1.15

    def __post_init__(self) -> None:
        as_number(self.gain_db, "gain_db", minimum=0.0, maximum=24.0)
        as_number(self.equalizer_db, "equalizer_db", minimum=0.0, maximum=6.0)
        as_number(self.min_speed, "min_speed", minimum=0.5, maximum=2.0)
        as_number(self.max_speed, "max_speed", minimum=0.5, maximum=2.0)
        if self.min_speed > self.max_speed:
            raise OptionError(
                f"min_speed must be at most max_speed ({self.max_speed:g}), got {self.min_speed:g}"
            )

    def sample_gains(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """Sample a linear gain for each of ``count`` stems."""
        decibels = rng.uniform(-self.gain_db, self.gain_db, count)
        return (10 ** (decibels / 20)).astype(np.float32)

    def sample_speed(self, rng: np.random.Generator) -> float:
        """Sample a playback speed."""
        return float(np.exp(rng.uniform(np.log(self.min_speed), np.log(self.max_speed))))

    def sample_equalizer(
        self, rng: np.random.Generator, sample_rate: float
    ) -> NDArray[np.float32] | None:
        """Sample an equalizer as second-order sections for `equalize`, shape (3, 6)."""
        if not self.equalizer_db:
            return None
        gains = np.clip(rng.standard_normal(3), -2.0, 2.0) * self.equalizer_db
        low, bell, high = (
            float(np.exp(rng.uniform(np.log(lowest), np.log(highest)))) / sample_rate
            for lowest, highest in (LOW_SHELF, BELL, HIGH_SHELF)
        )
        # A high shelf is a low shelf of the opposite gain, times a constant gain.
        upper = _low_shelf(high, 10 ** (-gains[2] / 40))
        upper[:3] *= 10 ** (gains[2] / 20)
        sections = _low_shelf(low, 10 ** (gains[0] / 40)), _bell(bell, 10 ** (gains[1] / 40)), upper
        return np.stack(sections).astype(np.float32)


def _low_shelf(
    frequency: float, amplitude: float, quality: float | None = None
) -> NDArray[np.float64]:
    """Return a low shelf of a given Q or of slope 0.5 (R. Bristow-Johnson, Audio EQ Cookbook).

    ``frequency`` is in cycles per sample; ``amplitude`` is the square root of the gain.
    """
    cosine, sine = _cosine_and_sine(frequency)
    if quality is None:
        alpha = sine / 2 * np.sqrt((amplitude + 1 / amplitude) * (1 / 0.5 - 1) + 2)
    else:
        alpha = sine / (2 * quality)
    plus, minus = amplitude + 1, amplitude - 1
    root = 2 * np.sqrt(amplitude) * alpha
    numerator = (
        amplitude * (plus - minus * cosine + root),
        2 * amplitude * (minus - plus * cosine),
        amplitude * (plus - minus * cosine - root),
    )
    denominator = (
        plus + minus * cosine + root,
        -2 * (minus + plus * cosine),
        plus + minus * cosine - root,
    )
    return np.array([*numerator, *denominator]) / denominator[0]


def _bell(frequency: float, amplitude: float, quality: float = 0.7) -> NDArray[np.float64]:
    """Return a peaking equalizer (same source)."""
    cosine, sine = _cosine_and_sine(frequency)
    alpha = sine / (2 * quality)
    numerator = (1 + alpha * amplitude, -2 * cosine, 1 - alpha * amplitude)
    denominator = (1 + alpha / amplitude, -2 * cosine, 1 - alpha / amplitude)
    return np.array([*numerator, *denominator]) / denominator[0]


def _cosine_and_sine(frequency: float) -> tuple[float, float]:
    angle = 2 * np.pi * min(frequency, 0.45)
    return float(np.cos(angle)), float(np.sin(angle))


def equalize(audio: NDArray[np.float32], sections: NDArray[Any]) -> NDArray[np.float32]:
    """Filter ``audio`` (..., samples) through second-order sections."""
    from scipy.signal import sosfilt

    filtered: NDArray[Any] = sosfilt(sections, audio)
    return filtered.astype(np.float32, copy=False)


def sample_seven_bands(
    rng: np.random.Generator, sample_rate: float, gain_db: float
) -> NDArray[np.float64]:
    """Sample an equalizer of seven bands (see `seven_bands`) with gains of up to ``gain_db``."""
    lowest, highest = np.log(SEVEN_BANDS).T
    frequencies = np.exp(rng.uniform(lowest, highest))
    gains = rng.uniform(-gain_db, gain_db, 7)
    min_quality, max_quality = np.array([SHELF_QUALITY, *[BELL_QUALITY] * 5, SHELF_QUALITY]).T
    return seven_bands(frequencies, gains, rng.uniform(min_quality, max_quality), sample_rate)


def seven_bands(
    frequency: ArrayLike, gain_db: ArrayLike, quality: ArrayLike, sample_rate: float
) -> NDArray[np.float64]:
    """Return an equalizer of a low shelf, five bells and a high shelf.

    Parameters
    ----------
    frequency : array_like, shape (7,)
        Centre frequencies in Hz: of the slope of a shelf, of a bell.
    gain_db : array_like, shape (7,)
        Gain at the end of a shelf, and at the centre of a bell.
    quality : array_like, shape (7,)
        Q of each section.
    sample_rate : float
        Hz.

    Returns
    -------
    ndarray of float64, shape (7, 6)
        Second-order sections for `equalize`. Low bands need the precision of float64.

    Examples
    --------
    >>> frequencies = [60, 150, 300, 700, 1500, 3000, 7000]
    >>> sections = seven_bands(frequencies, [6, 0, 0, 0, 0, 0, 0], 7 * [0.7], 48000)
    >>> round(float(sections[0, :3].sum() / sections[0, 3:].sum()), 3)  # at 0 Hz
    1.995
    """
    cycles = np.asarray(frequency, np.float64) / sample_rate
    gains, qualities = np.asarray(gain_db, np.float64), np.asarray(quality, np.float64)
    amplitudes = 10 ** (gains / 40)
    bells = [
        _bell(*band) for band in zip(cycles[1:6], amplitudes[1:6], qualities[1:6], strict=True)
    ]
    upper = _low_shelf(cycles[6], 1 / amplitudes[6], qualities[6])
    upper[:3] *= amplitudes[6] ** 2  # as in `Augmentation.sample_equalizer`
    return np.stack([_low_shelf(cycles[0], amplitudes[0], qualities[0]), *bells, upper])


def air_attenuation(
    frequency: ArrayLike, temperature: float, humidity: float
) -> NDArray[np.float64]:
    """Return the attenuation of sound by air at sea level by ISO 9613-1 [1]_.

    Parameters
    ----------
    frequency : array_like
        Hz.
    temperature : float
        Degrees Celsius, -20 to 50.
    humidity : float
        Relative humidity in per cent, 10 to 100.

    Returns
    -------
    ndarray
        dB per metre.

    References
    ----------
    .. [1] ISO 9613-1:1993, "Acoustics - Attenuation of sound during propagation outdoors - Part 1:
       Calculation of the absorption of sound by the atmosphere".

    Examples
    --------
    >>> (1000 * air_attenuation([1000.0, 8000.0], 20.0, 70.0)).round(1)  # dB per kilometre
    array([ 5. , 77.6])
    """
    as_number(temperature, "temperature", minimum=-20.0, maximum=50.0)
    as_number(humidity, "humidity", minimum=10.0, maximum=100.0, unit="%")
    kelvin = temperature + 273.15
    ratio = kelvin / 293.15
    # Molar concentration of water vapour in %; relaxation frequencies of oxygen and nitrogen.
    water = humidity * 10 ** (4.6151 - 6.8346 * (273.16 / kelvin) ** 1.261)
    oxygen = 24.0 + 4.04e4 * water * (0.02 + water) / (0.391 + water)
    nitrogen = (9.0 + 280.0 * water * np.exp(-4.17 * (ratio ** (-1 / 3) - 1.0))) / np.sqrt(ratio)
    square = np.square(np.asarray(frequency, np.float64))
    relaxation = 0.01275 * np.exp(-2239.1 / kelvin) / (oxygen + square / oxygen)
    relaxation += 0.1068 * np.exp(-3352.0 / kelvin) / (nitrogen + square / nitrogen)
    found: NDArray[np.float64] = (
        8.686 * square * (1.84e-11 * np.sqrt(ratio) + relaxation / ratio**2.5)
    )
    return found


def absorb(
    audio: NDArray[np.float32],
    metres: float,
    temperature: float,
    humidity: float,
    sample_rate: float,
) -> NDArray[np.float32]:
    """Apply the absorption of a distance of air to ``audio`` (..., samples), without delay.

    Temperature and humidity are parameters of `air_attenuation`.
    """
    from scipy.signal import oaconvolve

    frequencies = np.fft.rfftfreq(4 * AIR_TAPS, 1 / sample_rate)
    gains = 10 ** (-metres * air_attenuation(frequencies, temperature, humidity) / 20)
    middle = np.fft.fftshift(np.fft.irfft(gains))[AIR_TAPS : 3 * AIR_TAPS + 1]
    taps = (middle * np.hanning(2 * AIR_TAPS + 3)[1:-1]).astype(np.float32)
    taps = taps.reshape((1,) * (audio.ndim - 1) + (-1,))
    filtered: NDArray[np.float32] = oaconvolve(audio, taps, mode="same", axes=-1)
    return filtered


def transition(
    samples: int, start: int, length: int, before_db: float, after_db: float
) -> NDArray[np.float32]:
    """Return gains (samples,) that fade linearly in dB from one level to another.

    Parameters
    ----------
    samples : int
        Number of gains.
    start : int
        Index of the last gain at ``before_db``; may lie outside.
    length : int
        Number of samples from there to the first gain at ``after_db``.
    before_db, after_db : float
        Levels in dB.

    Examples
    --------
    >>> transition(5, 1, 2, 0.0, -40.0).round(2)
    array([1.  , 1.  , 0.1 , 0.01, 0.01], dtype=float32)
    """
    progress = np.clip((np.arange(samples) - start) / length, 0.0, 1.0)
    return (10 ** ((before_db + (after_db - before_db) * progress) / 20)).astype(np.float32)
