"""Components of the channels of an upmix, estimated by regression on the known signals.

The spectrum of a channel is regressed per bin over all frames. A linear filter (gain, delay,
decorrelator) much shorter than the window of 186 ms therefore does not change the components, and
only time-varying changes count as residual.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.stft import StreamingSTFT

__all__ = [
    "Components",
    "CrossSpectra",
    "cross_spectra",
    "in_octave",
    "octave_correlation",
    "separate_components",
]

N_FFT = 8192
HOP = 2048
FRAMES_PER_BLOCK = 32
# Known signals with a relative energy below this in a bin cannot be distinguished from rounding
# errors; combinations with a relative eigenvalue below this are treated as linearly dependent.
MIN_ENERGY = 1e-8
MIN_EIGENVALUE = 1e-6
OCTAVES = 125.0 * 2.0 ** np.arange(7)  # centres in Hz, to 8 kHz


@dataclass(frozen=True, eq=False)
class CrossSpectra:
    """Cross-spectra of all pairs of signals, summed over frames, per bin."""

    products: NDArray[np.complex128]
    """(bins, signals, signals): the first signal times the conjugate of the second."""
    frames: int
    sample_rate: int


@dataclass(frozen=True, eq=False)
class Components:
    """Energy of each channel by component, shape (channels,) each, on a common scale."""

    direct: NDArray[np.float64]
    ambience: NDArray[np.float64]
    residual: NDArray[np.float64]
    reference_ambience: float
    """Energy of the known ambience."""


def cross_spectra(signals: NDArray[Any], sample_rate: int) -> CrossSpectra:
    """Calculate the cross-spectra of signals (signals, samples).

    The STFT has a Hann window of 8192 samples with 75 % overlap.
    """
    transform = StreamingSTFT(n_fft=N_FFT, hop=HOP)
    count = len(signals)
    products = np.zeros((N_FFT // 2 + 1, count, count), np.complex128)
    frames = 0
    step = FRAMES_PER_BLOCK * HOP
    for start in range(0, signals.shape[1] + step, step):
        if start < signals.shape[1]:
            block = transform.process(signals[:, start : start + step].astype(np.float64))
        else:
            block = transform.flush()
        spectrum = np.ascontiguousarray(block.transpose(1, 0, 2))
        products += spectrum @ spectrum.conj().swapaxes(-1, -2)
        frames += block.shape[-1]
    return CrossSpectra(products, frames, sample_rate)


def separate_components(spectra: CrossSpectra, n_direct: int, n_ambience: int) -> Components:
    """Separate the energy of each channel into direct sound, ambience and residual.

    Each bin of a channel is modelled as a sum of the known signals with complex coefficients,
    estimated by joint least squares over the frames. Regression also fits a fraction ``regressors
    / effective frames`` of unrelated noise on average; this bias is subtracted from each component
    and added to the residual. Overlapping frames are not independent: their effective number is
    smaller by the sum of squares of the autocorrelation of the window over the frames [1]_.

    Parameters
    ----------
    spectra : CrossSpectra
        Cross-spectra of the direct signals, the ambience and the channels, in this order.
    n_direct, n_ambience : int
        Number of direct and ambience signals.

    Returns
    -------
    Components
        Energies of at least 0. Direct sound and ambience are not exactly orthogonal, so that the
        sum of the three may differ from the energy of the channel.

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
    overlap = _overlap_factor()
    free = np.maximum(spectra.frames - overlap * rank, 1.0)
    noise = np.maximum(residual, 0.0) / free[:, None]
    energies = []
    for component in (slice(n_direct), slice(n_direct, known)):
        own, weights = gram[:, component, component], coefficients[:, :, component]
        fitted = np.einsum("fck,fkl,fcl->fc", weights, own, weights.conj(), optimize=True).real
        trace = np.einsum("fkl,flk->f", own, inverse[:, component, component]).real
        bias = overlap * noise * trace[:, None]
        energies.append(np.maximum(np.sum(fitted - bias, axis=0), 0.0))
    reference_ambience = np.einsum("fkk->", gram[:, n_direct:, n_direct:]).real
    direct, ambience = energies
    return Components(
        direct, ambience, spectra.frames * noise.sum(axis=0), float(reference_ambience)
    )


def octave_correlation(spectra: CrossSpectra, channels: NDArray[np.intp]) -> float:
    """Calculate the mean zero-lag correlation magnitude of all channel pairs in octave bands.

    The correlation is normalized (0 to 1) and averaged over pairs and the seven octave bands with
    centres from 125 Hz to 8 kHz [1]_. It is NaN if there is no pair or all are silent. A delay
    longer than the period of a band reduces the correlation in that band.

    References
    ----------
    .. [1] G. S. Kendall, "The decorrelation of audio signals and its impact on spatial imagery",
       Computer Music Journal 19(4), 1995.
    """
    found = []
    for centre in OCTAVES:
        products = spectra.products[in_octave(centre, spectra.sample_rate)].sum(axis=0).real
        for i, j in combinations(channels, 2):
            power = products[i, i] * products[j, j]
            if power > 0.0:
                found.append(abs(products[i, j]) / np.sqrt(power))
    return float(np.mean(found)) if found else np.nan


def in_octave(centre: float, sample_rate: int) -> NDArray[np.bool_]:
    """Return which bins are in the octave around a frequency in Hz."""
    frequency = np.arange(N_FFT // 2 + 1) * sample_rate / N_FFT
    return (frequency >= centre / np.sqrt(2.0)) & (frequency < centre * np.sqrt(2.0))


def _inverse(gram: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return pseudoinverse and rank per bin, after normalization of the signals."""
    energy = np.einsum("fkk->fk", gram).real
    active = energy > MIN_ENERGY * energy.max(axis=1, keepdims=True, initial=0.0)
    scale = np.divide(1.0, np.sqrt(energy), out=np.zeros_like(energy), where=active)
    outer = scale[:, :, None] * scale[:, None, :]
    values, vectors = np.linalg.eigh(gram * outer)
    kept = values > MIN_EIGENVALUE * values.max(axis=1, keepdims=True, initial=0.0)
    inverted = np.divide(1.0, values, out=np.zeros_like(values), where=kept)
    inverse = (vectors * inverted[:, None, :]) @ vectors.conj().swapaxes(-1, -2)
    return inverse * outer, np.count_nonzero(kept, axis=1)


def _overlap_factor() -> float:
    """Return the number of overlapping noise frames per independent frame."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(N_FFT) / N_FFT)
    power = np.sum(window**2)
    shifts = range(HOP, N_FFT, HOP)
    shared = [np.sum(window[shift:] * window[:-shift]) / power for shift in shifts]
    return float(1.0 + 2.0 * np.sum(np.square(shared)))
