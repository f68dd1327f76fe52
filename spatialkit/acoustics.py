"""Sound in air: speed and absorption."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_number, as_numbers

__all__ = ["SPEED_OF_SOUND", "air_absorption"]

SPEED_OF_SOUND = 343.2
"""Metres per second, at 20 degrees Celsius."""

MAX_FREQUENCY = 1e7
KELVIN = 273.15
REFERENCE_KELVIN = 293.15
TRIPLE_POINT_KELVIN = 273.16
REFERENCE_PRESSURE = 101.325


def air_absorption(
    frequency: ArrayLike,
    *,
    temperature: float = 20.0,
    humidity: float = 50.0,
    pressure: float = REFERENCE_PRESSURE,
) -> NDArray[np.float64]:
    """Compute the absorption of pure tones in air by ISO 9613-1.

    Parameters
    ----------
    frequency : array_like
        Hz, 0 to 10 million.
    temperature : float
        Degrees Celsius, -50 to 70.
    humidity : float
        Relative humidity in percent, 0 to 100.
    pressure : float
        kPa, 10 to 200.

    Returns
    -------
    ndarray of float64
        dB per metre, in the shape of ``frequency``.

    Raises
    ------
    OptionError
        If an argument is not a number or out of range.

    References
    ----------
    .. [1] ISO 9613-1:1993, "Attenuation of sound during propagation outdoors - Part 1", equations
       (3) to (5), and (B.2) and (B.3) for the vapour pressure.

    Examples
    --------
    >>> (1000.0 * air_absorption([1000.0, 8000.0])).round(1)  # dB per kilometre
    array([  4.7, 105.3])
    """
    hertz = as_numbers(frequency, "frequency", OptionError, unit="Hz")
    if not np.all((hertz >= 0.0) & (hertz <= MAX_FREQUENCY)):
        raise OptionError(f"frequency must be from 0 to {MAX_FREQUENCY:.0f} Hz")
    kelvin = KELVIN + as_number(
        temperature, "temperature", minimum=-50.0, maximum=70.0, unit="degrees Celsius"
    )
    humidity = as_number(humidity, "humidity", minimum=0.0, maximum=100.0, unit="percent")
    pressure = as_number(pressure, "pressure", minimum=10.0, maximum=200.0, unit="kPa")
    relative_pressure = pressure / REFERENCE_PRESSURE
    relative_kelvin = kelvin / REFERENCE_KELVIN
    saturation = 10.0 ** (4.6151 - 6.8346 * (TRIPLE_POINT_KELVIN / kelvin) ** 1.261)
    vapour = humidity * saturation / relative_pressure  # molar concentration in percent
    oxygen = relative_pressure * (24.0 + 4.04e4 * vapour * (0.02 + vapour) / (0.391 + vapour))
    nitrogen = (
        relative_pressure
        * relative_kelvin**-0.5
        * (9.0 + 280.0 * vapour * np.exp(-4.170 * (relative_kelvin ** (-1.0 / 3.0) - 1.0)))
    )
    square = hertz**2
    classical = 1.84e-11 / relative_pressure * relative_kelvin**0.5
    relaxation = relative_kelvin**-2.5 * (
        0.01275 * np.exp(-2239.1 / kelvin) * oxygen / (oxygen**2 + square)
        + 0.1068 * np.exp(-3352.0 / kelvin) * nitrogen / (nitrogen**2 + square)
    )
    absorption: NDArray[np.float64] = 8.686 * square * (classical + relaxation)
    return absorption
