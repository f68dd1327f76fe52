"""Measures of the upmix of a scene with known components, one value per scene.

"Front" loudspeakers are within 60 degrees of azimuth and 15 degrees of elevation; "surround"
loudspeakers are all others except the LFE. A measure that does not apply is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks.upmix.components import HOP, N_FFT, OCTAVES, in_octave
from spatialkit.layouts import Layout
from spatialkit.stft import stft
from spatialkit.upmixing import FRONT_ELEVATION, is_front

__all__ = [
    "find_lag",
    "gating_depth",
    "level_error",
    "level_pumping",
    "log_kurtosis_ratio",
    "own_imbalance",
    "ratio_db",
    "region_energies",
    "regions",
]

KURTOSIS_N_FFT = 1024
KURTOSIS_HOP = 512
# Output channels below this energy relative to the loudest channel, and bins below this energy
# relative to the loudest bin of the channel, are ignored.
MIN_CHANNEL_ENERGY = 1e-4
MIN_BIN_ENERGY = 1e-5
# Loudspeakers this close to the mirror image of each other, in degrees, are a mirror pair.
MAX_ASYMMETRY = 10.0
# Octave bands in which one channel of a pair is below this energy relative to the loudest channel
# are ignored.
MIN_BAND_ENERGY = 1e-6
# Gating: width of the bands in octaves, percentile of the gains that counts as closed, and range of
# the stereo below the loudest frame of a band.
GATING_BAND = 1.0 / 3.0
GATING_FROM = 200.0  # Hz; narrower bands contain too few bins
GATING_PERCENTILE = 5.0
GATING_RANGE = 1e-4
PUMPING_BLOCK = 0.1  # seconds
PUMPING_RANGE = 1e-5  # relative to the loudest block
MAX_LAG = 8192


def region_energies(upmix: NDArray[Any], layout: Layout) -> list[float]:
    """Return the energies of the front, surround (ear level or below) and height channels."""
    energy = np.sum(upmix.astype(np.float64) ** 2, axis=-1)
    front, others = regions(layout)
    height = others[layout.elevation[others] > FRONT_ELEVATION]
    surround = np.setdiff1d(others, height)
    return [energy[part].sum() if part.size else np.nan for part in (front, surround, height)]


def regions(layout: Layout) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the front channels and of all surround and height channels."""
    front = is_front(layout)
    return np.flatnonzero(front), np.flatnonzero(~front & ~layout.is_lfe)


def log_kurtosis_ratio(upmix: NDArray[Any], stereo: NDArray[Any]) -> float:
    """Calculate the log kurtosis ratio, a measure of musical noise.

    This is the natural logarithm of the kurtosis of the power spectrogram of the output relative
    to that of the input, with kurtosis <x^4> / <x^2>^2 of raw moments, 6 for Gaussian noise [1]_.
    Each bin is divided by its mean power first, so that a linear time-invariant filter does not
    change the ratio. The result is the maximum over the output channels within 40 dB of the
    loudest. Musical noise (isolated peaks caused by time-varying gains) increases it.

    Parameters
    ----------
    upmix : ndarray, shape (channels, samples)
        Upmix of stationary noise.
    stereo : ndarray, shape (2, samples)
        Stationary noise.

    References
    ----------
    .. [1] Y. Uemura et al., "Automatic optimization scheme of spectral subtraction based on
       musical noise assessment via higher-order statistics", IWAENC 2008.
    """
    energy = np.sum(upmix.astype(np.float64) ** 2, axis=-1)
    active = upmix[energy > MIN_CHANNEL_ENERGY * energy.max()]
    if not len(active):
        return np.nan
    before = np.mean([_kurtosis(channel) for channel in stereo])
    return float(np.log(max(_kurtosis(channel) for channel in active) / before))


def own_imbalance(
    upmix: NDArray[Any], exchanged: NDArray[Any], layout: Layout, sample_rate: int
) -> float:
    """Calculate the imbalance of left and right that the upmixer adds itself, in dB.

    The level difference of each mirror pair of loudspeakers in octave bands from 125 Hz to 8 kHz,
    averaged over the upmix of a signal and that of the same signal with left and right exchanged:
    0 if the levels of the second are those of the first, exchanged. The result is the largest
    magnitude, NaN if there is no pair.

    Parameters
    ----------
    upmix, exchanged : ndarray, shape (channels, samples)
    layout : Layout
    sample_rate : int
    """
    powers = [_octave_powers(signals, sample_rate) for signals in (upmix, exchanged)]
    first, second = _mirror_pairs(layout)
    left, right = (np.stack([power[side] for power in powers]) for side in (first, second))
    loudest = np.stack(powers).max(axis=1, keepdims=True)
    active = np.all(np.minimum(left, right) > MIN_BAND_ENERGY * loudest, axis=0)
    if not active.any():
        return np.nan
    difference = 10.0 * np.log10(left[:, active] / right[:, active])
    return float(np.abs(difference.mean(axis=0)).max())


def level_error(upmix: NDArray[Any], stereo: NDArray[Any], sample_rate: int) -> float:
    """Calculate the largest deviation of an octave band from the level of its channel, in dB.

    The level of each channel relative to the stereo, in octave bands from 125 Hz to 8 kHz, minus
    its mean over the bands. The result is the largest magnitude over the output channels within
    40 dB of the loudest; 0 for gains that do not depend on frequency.
    """
    power = _octave_powers(upmix, sample_rate)
    power = power[power.sum(axis=1) > MIN_CHANNEL_ENERGY * power.sum(axis=1).max()]
    if not len(power):
        return np.nan
    reference = _octave_powers(stereo, sample_rate).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = 10.0 * np.log10(power / reference)
        return float(np.abs(levels - levels.mean(axis=1, keepdims=True)).max())


def gating_depth(upmix: NDArray[Any], stereo: NDArray[Any], sample_rate: int) -> float:
    """Calculate how deep the time-varying gains of a channel close, in dB.

    The gain is the power of a channel relative to the stereo, in frames of 1024 samples and bands
    of a third of an octave above 200 Hz; frames more than 40 dB below the loudest of a band are
    ignored. The depth is the difference between the median and the 5th percentile of the gain over
    time, averaged over the bands. The result is the maximum over the output channels within 40 dB
    of the loudest. A source that is silent at times also changes the gain of its loudspeaker.
    """
    energy = np.sum(upmix.astype(np.float64) ** 2, axis=-1)
    active = upmix[energy > MIN_CHANNEL_ENERGY * energy.max()]
    if not len(active):
        return np.nan
    before = _band_powers(stereo, sample_rate)
    kept = before > GATING_RANGE * before.max(axis=1, keepdims=True)
    depths = []
    for channel in active:
        after = _band_powers(channel[None], sample_rate)
        depths.append(
            np.mean(
                [
                    _depth(gain[frames])
                    for gain, frames in zip(after / np.maximum(before, 1e-30), kept, strict=True)
                    if frames.any()
                ]
            )
        )
    return float(max(depths))


def level_pumping(upmix: NDArray[Any], stereo: NDArray[Any], sample_rate: int) -> float:
    """Calculate the standard deviation (dB) of the power ratio of upmix and stereo.

    The power is measured in blocks of 100 ms. Blocks more than 50 dB below the loudest stereo
    block are ignored; the ratio of a silent block of the upmix is set to -100 dB.
    """
    size = round(PUMPING_BLOCK * sample_rate)
    before, after = (_block_powers(signal, size) for signal in (stereo, upmix))
    active = (before > PUMPING_RANGE * before.max(initial=0.0)) & (before > 0.0)
    if not active.any():
        return np.nan
    ratio = after[active] / before[active]
    return float(np.std(10.0 * np.log10(np.maximum(ratio, 1e-10))))


def find_lag(upmix: NDArray[Any], stereo: NDArray[Any]) -> int:
    """Estimate the delay of an upmix relative to the stereo, at most 8192 samples.

    The delay maximizes the sum of the squared cross-correlations of all channels with left and
    right.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(stereo.shape[1] + MAX_LAG, real=True)
    sources = rfft(stereo.astype(np.float64), size)
    strength = np.zeros(2 * MAX_LAG + 1)
    for channel in upmix:
        products = irfft(rfft(channel.astype(np.float64), size) * sources.conj(), size)
        strength += np.sum(np.roll(products, MAX_LAG, axis=-1)[:, : strength.size] ** 2, axis=0)
    return int(np.argmax(strength)) - MAX_LAG


def ratio_db(energy: float, reference: float) -> float:
    """Return the energy ratio in dB; -inf for zero energy, NaN for a reference of zero."""
    if np.isnan(energy) or not reference > 0.0:
        return np.nan
    return float(10.0 * np.log10(energy / reference)) if energy > 0.0 else -np.inf


def _kurtosis(signal: NDArray[Any]) -> float:
    spectrum = stft(signal.astype(np.float64), n_fft=KURTOSIS_N_FFT, hop=KURTOSIS_HOP)
    # The first and last bin are real and have a higher kurtosis; the outer frames extend beyond the
    # signal.
    power = np.abs(spectrum[1:-1, 1:-2]) ** 2
    mean = power.mean(axis=1, keepdims=True)
    active = mean[:, 0] > MIN_BIN_ENERGY * mean.max()
    power = power[active] / mean[active]
    return float(np.mean(power**4) / np.mean(power**2) ** 2)


def _block_powers(signal: NDArray[Any], size: int) -> NDArray[np.float64]:
    count = signal.shape[1] // size
    blocks = signal[:, : count * size].reshape(len(signal), count, size).astype(np.float64)
    return np.einsum("cbs,cbs->b", blocks, blocks)


def _octave_powers(signals: NDArray[Any], sample_rate: int) -> NDArray[np.float64]:
    """Return the power of each signal in `OCTAVES` below half the sample rate."""
    centres = OCTAVES[OCTAVES * np.sqrt(2.0) < sample_rate / 2.0]
    bands = [in_octave(centre, sample_rate) for centre in centres]
    powers = np.empty((len(signals), len(bands)))
    for row, signal in zip(powers, signals, strict=True):
        spectrum = stft(signal.astype(np.float64), n_fft=N_FFT, hop=HOP)
        power = np.sum(np.abs(spectrum) ** 2, axis=1)
        row[:] = [power[band].sum() for band in bands]
    return powers


def _mirror_pairs(layout: Layout) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the left and the right loudspeaker of all mirror pairs."""
    directions = np.nan_to_num(layout.directions)
    cosines = directions @ (directions * [1.0, -1.0, 1.0]).T
    images = np.argmax(cosines, axis=0)
    own = np.arange(len(images))
    close = cosines[images, own] > np.cos(np.deg2rad(MAX_ASYMMETRY))
    paired = close & (images[images] == own) & (own < images) & ~layout.is_lfe
    return own[paired], images[paired]


def _band_powers(signals: NDArray[Any], sample_rate: int) -> NDArray[np.float64]:
    """Return the total power of signals in thirds of an octave, shape (bands, frames)."""
    frequency = np.arange(KURTOSIS_N_FFT // 2 + 1) * sample_rate / KURTOSIS_N_FFT
    count = int(np.log2(0.45 * sample_rate / GATING_FROM) / GATING_BAND)
    edges = np.searchsorted(frequency, GATING_FROM * 2.0 ** (GATING_BAND * np.arange(count + 1)))
    spectrum = stft(signals.astype(np.float64), n_fft=KURTOSIS_N_FFT, hop=KURTOSIS_HOP)
    power = np.sum(np.abs(spectrum) ** 2, axis=0)
    return np.add.reduceat(power[: edges[-1]], edges[:-1], axis=0)


def _depth(gain: NDArray[np.float64]) -> float:
    low, middle = np.percentile(gain, [GATING_PERCENTILE, 50.0])
    return float(10.0 * np.log10(max(middle, 1e-10) / max(low, 1e-10)))
