"""Checks of the output for a whole signal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.downmix import DownmixCorrection
from spatialkit.errors import UpmixerError
from spatialkit.plugins import global_random_state, option_values
from spatialkit.upmixing.conformance.signals import (
    bursts,
    find_lag,
    find_level,
    find_polarity,
    has_swapped_channels,
)
from spatialkit.upmixing.declaration import require
from spatialkit.upmixing.interface import Upmixer

__all__ = [
    "check_alignment",
    "check_array",
    "check_exact_downmix",
    "check_left_and_right",
    "check_level",
    "check_linear_level",
    "check_outputs",
    "check_polarity",
    "check_silence",
    "make_noise",
    "rate_of",
    "upmix_valid",
]

ANY_RATE = 48000  # hertz; for upmixers without a native rate
SAMPLES = (0, 1, 100)  # and one second
SILENCE = 1e-6  # -120 dBFS
# Gains for upmixers with linear_level; the tolerance is -100 dB of the peak.
LEVELS = (0.01, 3.0)
LEVEL_TOLERANCE = 1e-5
EXACT_DB = 100.0
MAX_LEVEL_CHANGE_DB = 6.0


def rate_of(upmixer: Upmixer) -> int:
    """Return the rate of the test signals, the native rate if there is one."""
    return upmixer.sample_rate or ANY_RATE


def make_noise(channels: int, samples: int, dtype: Any = np.float32, seed: int = 1) -> NDArray[Any]:
    """Gaussian noise at -20 dBFS."""
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, samples)).astype(dtype)


def upmix_valid(
    upmixer: Upmixer, audio: NDArray[Any], sample_rate: int | None = None
) -> NDArray[Any]:
    """Upmix valid audio: whatever is raised breaks the contract."""
    try:
        return upmixer.upmix(audio, sample_rate or rate_of(upmixer))
    except UpmixerError:
        raise
    except Exception as error:
        raise UpmixerError(
            f"upmixer {upmixer.name!r}: valid audio {audio.dtype} of shape {audio.shape} must be "
            f"accepted, it raised {type(error).__name__}: {error}"
        ) from error


def check_outputs(upmixer: Upmixer) -> None:
    """Check the output for every accepted channel count."""
    for channels in upmixer.accepts:
        _check_output(upmixer, channels)


def _check_output(upmixer: Upmixer, channels: int) -> None:
    """Check shape, data type, values, repeatability, and that input and global state stay."""
    state = global_random_state()
    for samples in (*SAMPLES, rate_of(upmixer)):
        for dtype in (np.float32, np.float64):
            noise = make_noise(channels, samples, dtype)
            given = noise.copy()
            result = upmix_valid(upmixer, given)
            check_array(upmixer, result, noise, "upmix")
            require(np.array_equal(given, noise), upmixer, "upmix changed its input in place")
            require(
                not np.may_share_memory(result, given),
                upmixer,
                "the output must not share memory with the input",
            )
    upmix_valid(upmixer, make_noise(channels, 100, seed=2))
    require(
        np.array_equal(upmix_valid(upmixer, noise), result),
        upmixer,
        "the same input must give the same output, also after another input",
    )
    require(
        state == global_random_state(),
        upmixer,
        "it must draw from a generator of its own, not from NumPy's global random state",
    )
    if channels == 1:
        require(
            np.array_equal(upmix_valid(upmixer, noise[0]), result),
            upmixer,
            "mono of shape (samples,) must give what (1, samples) gives",
        )


def check_array(upmixer: Upmixer, result: Any, audio: NDArray[Any], what: str) -> None:
    """Check type, shape, length, dtype and values of an array that ``what`` returned."""
    require(isinstance(result, np.ndarray), upmixer, f"{what} must return a NumPy array")
    require(
        result.ndim == 2,
        upmixer,
        f"{what} must return shape (channels, samples), got {result.shape}",
    )
    count = upmixer.format.n_channels
    require(
        len(result) == count,
        upmixer,
        f"{what} must return the {count} channels of its format {upmixer.format.name!r}, "
        f"got {len(result)}",
    )
    require(
        result.shape[1] == audio.shape[-1],
        upmixer,
        f"{what} must return as many samples as the input has, {audio.shape[-1]}, "
        f"got {result.shape[1]}",
    )
    require(
        result.dtype == audio.dtype,
        upmixer,
        f"{what} must keep the dtype {audio.dtype}, got {result.dtype}",
    )
    require(np.isfinite(result).all(), upmixer, f"{what} returned NaN or infinity")


def check_silence(upmixer: Upmixer, channels: int) -> None:
    """Check that silence stays silence."""
    result = upmix_valid(upmixer, np.zeros((channels, rate_of(upmixer) // 4), dtype=np.float32))
    loudest = np.abs(result).max(initial=0.0)
    require(loudest <= SILENCE, upmixer, f"silence must stay silence, got a peak of {loudest:.2g}")


def check_linear_level(upmixer: Upmixer, channels: int) -> None:
    """Check that a gain of the input is a gain of the output."""
    if not upmixer.linear_level:
        return
    noise = make_noise(channels, rate_of(upmixer) // 2, np.float64)
    expected = upmix_valid(upmixer, noise)
    loudest = np.abs(expected).max(initial=0.0)
    for gain in LEVELS:
        difference = np.abs(upmix_valid(upmixer, gain * noise) / gain - expected).max(initial=0.0)
        require(
            difference <= LEVEL_TOLERANCE * loudest,
            upmixer,
            f"with linear_level, {gain:g} times the input must give {gain:g} times the output, "
            f"got {difference / loudest:.2g} off",
        )


def check_exact_downmix(upmixer: Upmixer, channels: int) -> None:
    """Check that the downmix with ``exact_downmix`` equals the input."""
    values = option_values(upmixer)
    correction = DownmixCorrection.find(upmixer.format, channels)
    if "exact_downmix" not in values or correction is None or not correction.is_exact:
        return
    from spatialkit.metrics import downmix_error

    exact = type(upmixer)(**{**values, "exact_downmix": True})
    noise = make_noise(channels, rate_of(upmixer) // 2)
    decibels = float(downmix_error(upmix_valid(exact, noise), noise, upmixer.format))
    require(
        decibels > EXACT_DB,
        upmixer,
        f"with exact_downmix the downmix must equal the input, got a downmix SNR of "
        f"{decibels:.0f} dB instead of more than {EXACT_DB:.0f}",
    )


def check_alignment(upmixer: Upmixer, channels: int) -> None:
    """Check that the output is neither late nor early."""
    audio = bursts(channels, rate_of(upmixer))
    lag = find_lag(audio, upmix_valid(upmixer, audio))
    require(
        lag == 0,
        upmixer,
        f"the output must be aligned with the input, it is {abs(lag)} "
        f"sample{'' if abs(lag) == 1 else 's'} {'late' if lag > 0 else 'early'}",
    )


def check_polarity(upmixer: Upmixer, channels: int) -> str | None:
    """Return a warning if the downmix is the inverse of the input."""
    audio = bursts(channels, rate_of(upmixer))
    correlation = find_polarity(audio, upmix_valid(upmixer, audio), upmixer.format)
    if not correlation < 0.0:
        return None
    return (
        f"upmixer {upmixer.name!r}: the polarity is inverted: the correlation of the downmix with "
        f"the input is {correlation:.2f}"
    )


def check_left_and_right(upmixer: Upmixer, channels: int) -> str | None:
    """Return a warning if the left and right channels are swapped."""
    audio = bursts(channels, rate_of(upmixer))
    if not has_swapped_channels(audio, upmix_valid(upmixer, audio), upmixer.format):
        return None
    return f"upmixer {upmixer.name!r}: the left and right channels are swapped"


def check_level(upmixer: Upmixer, channels: int) -> str | None:
    """Return a warning if the output is much louder or softer than the input."""
    sources = bursts(channels, rate_of(upmixer))
    # A source at one side and one in the middle: conventions for the level of either differ.
    signals = sources, np.repeat(sources.sum(axis=0, keepdims=True), channels, axis=0)
    levels = (find_level(x, upmix_valid(upmixer, x), upmixer.format) for x in signals)
    level = min(levels, key=abs)
    if not abs(level) > MAX_LEVEL_CHANGE_DB:
        return None
    return (
        f"upmixer {upmixer.name!r}: the output is {abs(level):.1f} dB "
        f"{'louder' if level > 0 else 'softer'} than the input, more than {MAX_LEVEL_CHANGE_DB:g}"
    )
