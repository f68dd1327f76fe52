"""Design of filters from Ambisonics to both ears, per frequency.

All spectra are (2 ears, harmonics, bins) for N3D harmonics in ACN order.

References: C. Schoerkhuber, M. Zaunschirm and R. Hoeldrich, "Binaural Rendering of Ambisonic
Signals via Magnitude Least Squares", DAGA 2018; M. Zaunschirm, C. Schoerkhuber and R. Hoeldrich,
"Binaural rendering of Ambisonic signals by head-related impulse response time alignment and a
diffuseness constraint", J. Acoust. Soc. Am. 143(6), 2018.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Spectra = NDArray[np.complex128]

# Repetitions of the phase of each bin: it converges to the phase with the smallest error.
ITERATIONS = 5
# Width in octaves of the crossfade from least squares to magnitude least squares.
CROSSFADE_OCTAVES = 0.5
# Bins below the crossfade whose mean group delay the phase continues.
DELAY_BINS = 5


def least_squares(responses: Spectra, projection: NDArray[np.float64]) -> Spectra:
    """Return the filters with the smallest complex error: responses (directions, 2, bins)."""
    return np.einsum("nd,deb->enb", projection, responses, optimize=True)


def magnitude_least_squares(
    responses: Spectra,
    harmonics: NDArray[np.float64],
    projection: NDArray[np.float64],
    frequencies: NDArray[np.float64],
    transition: float,
    *,
    iterations: int = ITERATIONS,
    octaves: float = CROSSFADE_OCTAVES,
) -> Spectra:
    """Return filters with the smallest error of the magnitudes above a transition in Hz.

    The phase of each bin is that of the bin below, continued by the mean group delay, and then
    replaced by that of its own result, a few times.
    """
    filters = least_squares(responses, projection)
    first = max(1, int(np.argmin(np.abs(frequencies - transition * 2.0 ** (-octaves / 2)))))
    last = int(np.argmin(np.abs(frequencies - transition * 2.0 ** (octaves / 2))))
    phases = np.unwrap(np.angle(filters[:, 0]), axis=-1)
    steps = np.diff(phases[:, max(first - 1 - DELAY_BINS, 1) : first - 1], axis=-1)
    delay = np.exp(1j * steps.mean(axis=-1)) if steps.size else np.ones(2)
    magnitudes = np.abs(responses)
    for index in range(first, len(frequencies)):
        pair = _times(filters[:, :, index - 1], harmonics.T) * delay[:, None]
        for _ in range(iterations):
            found = _times(_unit(pair) * magnitudes[:, :, index].T, projection.T)
            pair = _times(found, harmonics.T)
        ratio = min(1.0, (index - first + 1) / (last - first + 1))
        filters[:, :, index] += ratio * (found - filters[:, :, index])
    return filters


def time_aligned(
    responses: Spectra,
    delays: NDArray[np.float64],
    projection: NDArray[np.float64],
    frequencies: NDArray[np.float64],
    cutoff: float,
) -> Spectra:
    """Return least-squares filters of responses without their delays in seconds above a cutoff."""
    above = np.maximum(frequencies - cutoff, 0.0)
    aligned = responses * np.exp(2j * np.pi * above * delays[..., None])
    return least_squares(aligned, projection)


def constrain_covariance(
    filters: Spectra, responses: Spectra, weights: NDArray[np.float64]
) -> Spectra:
    """Return filters with the same covariance of both ears in a diffuse field as the responses.

    A matrix (2, 2) per bin maps the covariance of the filters onto the target, with the smallest
    change of the ears' signals (J. Vilkamo, T. Baeckstroem and A. Kuntz, JAES 61(6), 2013).
    """
    target = np.einsum("d,deb,dfb->bef", weights, responses, responses.conj(), optimize=True)
    current = np.einsum("enb,fnb->bef", filters, filters.conj())
    target_root, current_root = _root(target), _root(current)
    left, _, right = np.linalg.svd(np.conj(np.swapaxes(current_root, -1, -2)) @ target_root)
    unitary = np.conj(np.swapaxes(left @ right, -1, -2))
    mixing = target_root @ unitary @ np.linalg.inv(current_root)
    return np.einsum("bef,fnb->enb", mixing, filters)


def _root(covariance: Spectra) -> Spectra:
    """Return lower triangular roots L (bins, 2, 2) of covariances L L^H."""
    trace = np.trace(covariance, axis1=-2, axis2=-1).real
    floor = np.maximum(1e-12 * trace, np.finfo(np.float64).tiny)
    return np.linalg.cholesky(covariance + floor[:, None, None] * np.eye(2))


def _times(values: Spectra, matrix: NDArray[np.float64]) -> Spectra:
    """Multiply complex rows by a real matrix, four times as fast as by a complex one."""
    both = np.concatenate([values.real, values.imag]) @ matrix
    half = len(values)
    return both[:half] + 1j * both[half:]


def _unit(values: Spectra) -> Spectra:
    return values / np.maximum(np.abs(values), np.finfo(np.float64).tiny)
