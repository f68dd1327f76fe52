"""Measures of an upmix of a scene whose parts are known: one value per scene.

"Front" are the loudspeakers within 60 degrees of azimuth and 15 of elevation, "around" are all
others but the LFE, which is in neither. NaN stands for what is not there to be measured.

What is in a channel is told by a regression of its spectrum on the known signals, per bin over
all frames, so that a filter (a gain, a delay, a decorrelator) much shorter than the window of
186 ms leaves the parts what they are, and only what changes with time counts as neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import Layout
from spatialkit.stft import StreamingSTFT, stft
from spatialkit.upmixing.passive import FRONT_ELEVATION, is_front

__all__ = [
    "CrossSpectra",
    "Parts",
    "cross_spectra",
    "explained_parts",
    "find_lag",
    "level_pumping",
    "log_kurtosis_ratio",
    "octave_correlation",
    "ratio_db",
    "region_energies",
]

N_FFT = 8192
HOP = 2048
FRAMES_AT_ONCE = 32
# Known signals this far below the loudest in a bin (energy) are not told from rounding there,
# and combinations with so small an eigenvalue are not told apart.
LEAST_ENERGY = 1e-8
LEAST_EIGENVALUE = 1e-6
OCTAVES = 125.0 * 2.0 ** np.arange(7)  # centres in Hz, to 8 kHz
KURTOSIS_N_FFT = 1024
KURTOSIS_HOP = 512
# Output channels this far below the loudest, and bins this far below the channel's loudest, are
# not judged (energy).
LEAST_CHANNEL = 1e-4
LEAST_BIN = 1e-5
PUMPING_BLOCK = 0.1  # seconds
PUMPING_RANGE = 1e-5  # of the loudest block
MOST_LAG = 8192


@dataclass(frozen=True, eq=False)
class CrossSpectra:
    """Products of all pairs of signals, summed over the frames, per bin."""

    products: NDArray[np.complex128]
    """(bins, signals, signals): the first signal times the conjugate of the second."""
    frames: int
    sample_rate: int


@dataclass(frozen=True, eq=False)
class Parts:
    """Energy of each channel by what it comes from, (channels,) each, of one common scale."""

    direct: NDArray[np.float64]
    ambience: NDArray[np.float64]
    other: NDArray[np.float64]
    true_ambience: float
    """Energy of the known ambience itself."""


def cross_spectra(signals: NDArray[Any], sample_rate: int) -> CrossSpectra:
    """Cross spectra of signals (signals, samples): Hann window of 8192 samples, 75 % overlap."""
    transform = StreamingSTFT(n_fft=N_FFT, hop=HOP)
    count = len(signals)
    products = np.zeros((N_FFT // 2 + 1, count, count), np.complex128)
    frames = 0
    step = FRAMES_AT_ONCE * HOP
    for start in range(0, signals.shape[1] + step, step):
        if start < signals.shape[1]:
            block = transform.process(signals[:, start : start + step].astype(np.float64))
        else:
            block = transform.flush()
        spectrum = np.ascontiguousarray(block.transpose(1, 0, 2))
        products += spectrum @ spectrum.conj().swapaxes(-1, -2)
        frames += block.shape[-1]
    return CrossSpectra(products, frames, sample_rate)


def explained_parts(spectra: CrossSpectra, n_direct: int, n_ambience: int) -> Parts:
    """Split each channel's energy into direct sound, ambience and neither.

    Every bin of a channel is written as the sum of all known signals, each times a complex
    coefficient, by joint least squares over the frames. Regression fits a little of anything: of
    noise unrelated to the known signals ``regressors / effective frames`` on average. That much
    of the residual is taken from each part and given back to the residual. Frames that overlap
    are not independent: effective frames are fewer by the sum of squares of the window's
    autocorrelation over the frames [1]_.

    Parameters
    ----------
    spectra : CrossSpectra
        Of the direct signals, then the ambience, then the channels.
    n_direct, n_ambience : int
        Numbers of known signals.

    Returns
    -------
    Parts
        Energies; none below 0. Direct sound and ambience are not quite orthogonal, so the three
        need not sum to the energy of the channel.

    References
    ----------
    .. [1] P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra",
       IEEE Trans. Audio Electroacoustics 15(2), 1967.
    """
    known = n_direct + n_ambience
    # y = sum of coefficient * x gives <y, x> = coefficients @ gram.
    gram, cross = spectra.products[:, :known, :known], spectra.products[:, known:, :known]
    total = np.einsum("fcc->fc", spectra.products[:, known:, known:]).real
    inverse, rank = _inverse(gram)
    coefficients = cross @ inverse
    residual = total - np.einsum("fck,fck->fc", coefficients, cross.conj()).real
    overlap = _dependence()
    free = np.maximum(spectra.frames - overlap * rank, 1.0)
    noise = np.maximum(residual, 0.0) / free[:, None]
    energies = []
    for part in (slice(n_direct), slice(n_direct, known)):
        own, weights = gram[:, part, part], coefficients[:, :, part]
        fitted = np.einsum("fck,fkl,fcl->fc", weights, own, weights.conj(), optimize=True).real
        chance = (
            overlap * noise * np.einsum("fkl,flk->f", own, inverse[:, part, part]).real[:, None]
        )
        energies.append(np.maximum(np.sum(fitted - chance, axis=0), 0.0))
    true_ambience = np.einsum("fkk->", gram[:, n_direct:, n_direct:]).real
    direct, ambience = energies
    return Parts(direct, ambience, spectra.frames * noise.sum(axis=0), float(true_ambience))


def octave_correlation(spectra: CrossSpectra, channels: NDArray[np.intp]) -> float:
    """Mean magnitude of the zero-lag correlation of all pairs of channels, in octave bands.

    Normalised, 0 to 1, in the seven octaves about 125 Hz to 8 kHz; the mean is over pairs and
    bands alike [1]_. NaN if there is no pair, or nothing is heard in any. A delay decorrelates
    here, as it does for the ear, where it is longer than the period.

    References
    ----------
    .. [1] G. S. Kendall, "The decorrelation of audio signals and its impact on spatial imagery",
       Computer Music Journal 19(4), 1995.
    """
    frequency = np.arange(len(spectra.products)) * spectra.sample_rate / N_FFT
    found = []
    for centre in OCTAVES:
        band = (frequency >= centre / np.sqrt(2.0)) & (frequency < centre * np.sqrt(2.0))
        products = spectra.products[band].sum(axis=0).real
        for i, j in combinations(channels, 2):
            power = products[i, i] * products[j, j]
            if power > 0.0:
                found.append(abs(products[i, j]) / np.sqrt(power))
    return float(np.mean(found)) if found else np.nan


def region_energies(upmix: NDArray[Any], layout: Layout) -> list[float]:
    """Energies of the front, of what is around at ear level or below, and of what is above."""
    energy = np.sum(upmix.astype(np.float64) ** 2, axis=-1)
    front, around = regions(layout)
    above = around[layout.elevation[around] > FRONT_ELEVATION]
    beside = np.setdiff1d(around, above)
    return [energy[part].sum() if part.size else np.nan for part in (front, beside, above)]


def regions(layout: Layout) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Channels in front, and those around."""
    front = is_front(layout)
    return np.flatnonzero(front), np.flatnonzero(~front & ~layout.is_lfe)


def log_kurtosis_ratio(upmix: NDArray[Any], stereo: NDArray[Any]) -> float:
    """Musical noise: how much more peaked the power spectrum has become, log kurtosis ratio.

    Natural logarithm of the kurtosis of the output's power spectrogram over that of the input's,
    the kurtosis being <x^4> / <x^2>^2 of raw moments, 6 for Gaussian noise [1]_. Every bin is
    divided by its mean power first, so that a linear time-invariant filter changes nothing. The
    largest over the output channels within 40 dB of the loudest. Musical noise, the isolated
    peaks that time-varying gains leave, raises it.

    Parameters
    ----------
    upmix : ndarray, shape (channels, samples)
        Of stationary noise.
    stereo : ndarray, shape (2, samples)
        That noise.

    References
    ----------
    .. [1] Y. Uemura et al., "Automatic optimization scheme of spectral subtraction based on
       musical noise assessment via higher-order statistics", IWAENC 2008.
    """
    energy = np.sum(upmix.astype(np.float64) ** 2, axis=-1)
    heard = upmix[energy > LEAST_CHANNEL * energy.max()]
    if not len(heard):
        return np.nan
    before = np.mean([_kurtosis(channel) for channel in stereo])
    return float(np.log(max(_kurtosis(channel) for channel in heard) / before))


def level_pumping(upmix: NDArray[Any], stereo: NDArray[Any], sample_rate: int) -> float:
    """Standard deviation in dB of the upmix's power against the stereo's, over 100 ms blocks.

    Blocks 50 dB below the loudest of the stereo are left out; a silent block of the upmix counts
    as 100 dB down.
    """
    size = round(PUMPING_BLOCK * sample_rate)
    before, after = (_block_powers(signal, size) for signal in (stereo, upmix))
    heard = (before > PUMPING_RANGE * before.max(initial=0.0)) & (before > 0.0)
    if not heard.any():
        return np.nan
    ratio = after[heard] / before[heard]
    return float(np.std(10.0 * np.log10(np.maximum(ratio, 1e-10))))


def find_lag(upmix: NDArray[Any], stereo: NDArray[Any]) -> int:
    """Samples by which an upmix is late, within 8192: where it correlates best with the stereo.

    The squares of the cross-correlations of all channels with both sides are summed.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(stereo.shape[1] + MOST_LAG, real=True)
    sources = rfft(stereo.astype(np.float64), size)
    strength = np.zeros(2 * MOST_LAG + 1)
    for channel in upmix:
        products = irfft(rfft(channel.astype(np.float64), size) * sources.conj(), size)
        strength += np.sum(np.roll(products, MOST_LAG, axis=-1)[:, : strength.size] ** 2, axis=0)
    return int(np.argmax(strength)) - MOST_LAG


def ratio_db(energy: float, reference: float) -> float:
    """10 log10 of a ratio of energies: -inf for none, NaN for what is none against none."""
    if np.isnan(energy) or not reference > 0.0:
        return np.nan
    return float(10.0 * np.log10(energy / reference)) if energy > 0.0 else -np.inf


def _inverse(gram: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Pseudoinverse and rank per bin, of signals brought to one level: soft ones count, too."""
    energy = np.einsum("fkk->fk", gram).real
    heard = energy > LEAST_ENERGY * energy.max(axis=1, keepdims=True, initial=0.0)
    unit = np.divide(1.0, np.sqrt(energy), out=np.zeros_like(energy), where=heard)
    outer = unit[:, :, None] * unit[:, None, :]
    values, vectors = np.linalg.eigh(gram * outer)
    kept = values > LEAST_EIGENVALUE * values.max(axis=1, keepdims=True, initial=0.0)
    inverted = np.divide(1.0, values, out=np.zeros_like(values), where=kept)
    inverse = (vectors * inverted[:, None, :]) @ vectors.conj().swapaxes(-1, -2)
    return inverse * outer, np.count_nonzero(kept, axis=1)


def _dependence() -> float:
    """How many overlapping frames of noise tell as much as one independent frame."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(N_FFT) / N_FFT)
    power = np.sum(window**2)
    shifts = range(HOP, N_FFT, HOP)
    shared = [np.sum(window[shift:] * window[:-shift]) / power for shift in shifts]
    return float(1.0 + 2.0 * np.sum(np.square(shared)))


def _kurtosis(signal: NDArray[Any]) -> float:
    spectrum = stft(signal.astype(np.float64), n_fft=KURTOSIS_N_FFT, hop=KURTOSIS_HOP)
    # The first and last bin are real, and so more peaked; the outer frames reach beyond the signal.
    power = np.abs(spectrum[1:-1, 1:-2]) ** 2
    mean = power.mean(axis=1, keepdims=True)
    heard = mean[:, 0] > LEAST_BIN * mean.max()
    power = power[heard] / mean[heard]
    return float(np.mean(power**4) / np.mean(power**2) ** 2)


def _block_powers(signal: NDArray[Any], size: int) -> NDArray[np.float64]:
    count = signal.shape[1] // size
    blocks = signal[:, : count * size].reshape(len(signal), count, size).astype(np.float64)
    return np.einsum("cbs,cbs->b", blocks, blocks)
