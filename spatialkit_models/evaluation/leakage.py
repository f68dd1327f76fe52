"""Stems of a limited quality: true stems with simulated leakage between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.stft import istft, stft

__all__ = ["add_leakage"]

N_FFT, HOP = 2048, 1024
# Leakage is constant within this many frames (0.5 s at 44.1 kHz) and bands, of equal width on a
# logarithmic scale.
FRAMES, BANDS = 22, 24
# A stem this far below the sum of the stems does not count for the mean: -30 dB.
MIN_RELATIVE_ENERGY = 1e-3


def add_leakage(stems: NDArray[Any], sdr_db: float, *, seed: int = 0) -> NDArray[Any]:
    """Simulate separated stems: add parts of all other stems, and remove them from these.

    The ratio of stem j that leaks into stem i is random, uniform between 0 and a maximum and
    independent in every segment of 0.5 s and every frequency band. The maximum is that for which
    the mean SDR over stems is ``sdr_db``. The sum of the stems is unchanged.

    Parameters
    ----------
    stems : ndarray, shape (stems, 2, samples)
        True stems. Those 30 dB below their sum do not count for the mean SDR.
    sdr_db : float
        Mean SDR of the result, in dB: energy of a true stem over that of its error.
    seed : int
        Seed of the leakage.

    Examples
    --------
    >>> stems = np.random.default_rng(0).standard_normal((4, 2, 20000))
    >>> errors = add_leakage(stems, 6.0) - stems
    >>> sdr = 10.0 * np.log10((stems**2).sum((1, 2)) / (errors**2).sum((1, 2)))
    >>> round(float(sdr.mean()), 3), bool(abs(errors.sum(0)).max() < 1e-9)
    (6.0, True)
    """
    samples = stems.shape[-1]
    whole_hops = np.pad(stems, ((0, 0), (0, 0), (0, -samples % HOP)))
    spectra = stft(whole_hops, n_fft=N_FFT, hop=HOP)
    bins, frames = spectra.shape[-2:]
    edges = np.geomspace(1.0, bins, BANDS + 1)
    band = np.searchsorted(edges, np.arange(bins) + 0.5) - 1
    segment = np.arange(frames) // FRAMES
    rng = np.random.default_rng(seed)
    errors = np.zeros_like(spectra)
    for target in range(len(stems)):
        for source in range(len(stems)):
            if source != target:
                ratio = rng.random((BANDS, segment[-1] + 1), np.float32)[band[:, None], segment]
                leaked = ratio * spectra[source]
                errors[target] += leaked
                errors[source] -= leaked
    error = istft(errors, n_fft=N_FFT, hop=HOP, length=samples)
    energies, powers = (np.sum(np.square(x, dtype=np.float64), (1, 2)) for x in (stems, error))
    active = energies > MIN_RELATIVE_ENERGY * energies.sum()
    if not active.any():  # silence
        return stems.copy()
    sdr = 10.0 * np.log10(energies[active] / powers[active])
    # The error is proportional to the maximum.
    return stems + (error * 10.0 ** ((sdr.mean() - sdr_db) / 20.0)).astype(stems.dtype)
