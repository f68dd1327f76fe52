"""Sound field of a first-order Ambisonic signal: intensity and energy by band and frame.

Directions and diffuseness are those of the active intensity, in bands one ERB wide and frames of
about 46 ms that overlap by half, summed over three frames [1]_.

References
----------
.. [1] J. Merimaa and V. Pulkki, "Spatial impulse response rendering I", JAES 53(12), 2005.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics import active_intensity, energy_density
from spatialkit.stft import moving_sum, stft

__all__ = ["Field", "field_of"]

W, Y = 0, 1
# Length of a frame, rounded to the nearest power of two in samples, and the frames in a sum.
FRAME_SECONDS = 0.0465
SUMMED_FRAMES = 3


@dataclass(frozen=True, eq=False)
class Field:
    """Intensity and energy of a scene by band and frame.

    Parameters
    ----------
    intensity : ndarray, shape (3, bands, frames)
        Active intensity along x, y and z.
    energy, omni, side : ndarray, shape (bands, frames)
        Energy density, power of W and power of Y.
    """

    intensity: NDArray[np.float64]
    energy: NDArray[np.float64]
    omni: NDArray[np.float64]
    side: NDArray[np.float64]

    @property
    def diffuseness(self) -> NDArray[np.float64]:
        """One minus the ratio of the length of the intensity to the energy; 0 for silence."""
        directional = np.ones_like(self.energy)
        np.divide(
            np.linalg.norm(self.intensity, axis=0),
            self.energy,
            out=directional,
            where=self.energy > 0.0,
        )
        return np.maximum(1.0 - directional, 0.0)


def field_of(foa: NDArray[Any], sample_rate: int) -> Field:
    """Analyse first-order Ambisonics.

    Parameters
    ----------
    foa : ndarray, shape (4, samples)
        AmbiX: W, Y, Z, X.
    sample_rate : int
        Sample rate in Hz.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(8000)
    >>> field = field_of(np.stack([noise, 0.6 * noise, 0.0 * noise, 0.8 * noise]), 8000)
    >>> float(field.diffuseness.max().round(9))
    0.0
    """
    n_fft = 2 ** round(np.log2(FRAME_SECONDS * sample_rate))
    spectrum = stft(foa, n_fft=n_fft, hop=n_fft // 2)
    powers = np.abs(spectrum[[W, Y]]).astype(np.float64) ** 2
    frequency = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    # ERB numbers by Glasberg and Moore (1990); low bands may contain no bin.
    bands = np.floor(21.4 * np.log10(1.0 + 4.37e-3 * frequency))
    starts = np.flatnonzero(np.diff(bands, prepend=-1.0))
    values = np.concatenate([active_intensity(spectrum), energy_density(spectrum)[None], powers])
    sums = moving_sum(np.add.reduceat(values, starts, axis=-2), frames=SUMMED_FRAMES)
    return Field(sums[:3], sums[3], sums[4], sums[5])
