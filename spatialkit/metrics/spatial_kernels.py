"""Compiled loops of the spatial distortion: cross-spectra, and projections on delayed channels."""

from __future__ import annotations

import numpy as np

from spatialkit._kernels import kernel


@kernel(reorder_sums=True)
def add_cross_spectra(first, second, cross):
    """Add spectra times conjugate spectra of all pairs of channels.

    Parameters
    ----------
    first, second : complex128, shape (channels, bins)
    cross : complex128, shape (channels of first, channels of second, bins)
        Updated.
    """
    for i in range(first.shape[0]):
        for j in range(second.shape[0]):
            a, b, total = first[i], second[j], cross[i, j]
            for n in range(a.size):
                total[n] += a[n] * b[n].conjugate()


@kernel(reorder_sums=True)
def delayed_products(reference, estimate, starts, gram, cross):
    """Calculate products of delayed channels with each other and with another signal.

    Parameters
    ----------
    reference : float32 or float64, shape (channels, samples)
    estimate : float32 or float64, shape (frame,)
    starts : int64, shape (channels,)
        First sample of each channel of the reference.
    gram : float64, shape (channels, channels)
    cross : float64, shape (channels,)
    """
    for i in range(reference.shape[0]):
        a = reference[i, starts[i] : starts[i] + estimate.size]
        total = 0.0
        for n in range(a.size):
            total += np.float64(a[n]) * np.float64(estimate[n])
        cross[i] = total
        for j in range(i + 1):
            b = reference[j, starts[j] : starts[j] + estimate.size]
            total = 0.0
            for n in range(a.size):
                total += np.float64(a[n]) * np.float64(b[n])
            gram[i, j] = total
            gram[j, i] = total


@kernel(reorder_sums=True)
def projection_energies(reference, own, estimate, starts, gains, scratch, energies, cross):
    """Calculate energies of a sum of delayed channels and of its differences.

    Parameters
    ----------
    reference, estimate, starts
        As for `delayed_products`.
    own : as reference, shape (frame,)
        The channel of the reference that ``estimate`` is an estimate of.
    gains : float64, shape (channels,)
    scratch : float64, shape (samples at a time,)
    energies : float64, shape (4,)
        Of ``own``, of the sum, and of its differences from ``own`` and from ``estimate``.
    cross : float64, shape (channels,)
        Products of the delayed channels with the difference of ``estimate`` from the sum.
    """
    energies[:] = 0.0
    cross[:] = 0.0
    for first in range(0, estimate.size, scratch.size):
        e, s = estimate[first : first + scratch.size], own[first : first + scratch.size]
        total = scratch[: e.size]
        for n in range(total.size):
            total[n] = 0.0
        for i in range(reference.shape[0]):
            start, gain = starts[i] + first, gains[i]
            a = reference[i, start : start + e.size]
            for n in range(total.size):
                total[n] += gain * np.float64(a[n])
        truth, found, spatial, residual = 0.0, 0.0, 0.0, 0.0
        for n in range(total.size):
            truth += np.float64(s[n]) * s[n]
            found += total[n] * total[n]
            spatial += (total[n] - s[n]) * (total[n] - s[n])
            total[n] = e[n] - total[n]
            residual += total[n] * total[n]
        energies[0] += truth
        energies[1] += found
        energies[2] += spatial
        energies[3] += residual
        for i in range(reference.shape[0]):
            start, product = starts[i] + first, 0.0
            a = reference[i, start : start + e.size]
            for n in range(total.size):
                product += total[n] * np.float64(a[n])
            cross[i] += product
