"""Estimation of the X component from W and Y."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["plane_wave_x"]


def plane_wave_x(spectra: NDArray[Any]) -> NDArray[Any]:
    """Estimate X of plane waves in front from W and Y, per time-frequency bin.

    In SN3D, a horizontal plane wave has ``|W|^2 = |X|^2 + |Y|^2``, and its X has the phase of W
    if it arrives from the front: ``X = sqrt(max(|W|^2 - |Y|^2, 0)) W / |W|``.

    Parameters
    ----------
    spectra : ndarray of complex, shape (2, ...)
        Spectra of W and Y.

    Returns
    -------
    ndarray of complex, shape (...)
        Spectrum of X; 0 where Y is larger than W.
    """
    mid, side = spectra
    # Real products only: the rounding of complex products depends on their number.
    power = np.square(mid.real) + np.square(mid.imag)
    residual = np.maximum(power - (np.square(side.real) + np.square(side.imag)), 0.0)
    gain = np.sqrt(np.divide(residual, power, out=np.zeros_like(power), where=residual > 0.0))
    front = np.empty_like(mid)
    np.multiply(gain, mid.real, out=front.real)
    np.multiply(gain, mid.imag, out=front.imag)
    return front
