"""Head-related transfer functions: responses of both ears by direction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.binaural import responses
from spatialkit.binaural.tessellation import Tessellation
from spatialkit.errors import ShapeError, SignalError
from spatialkit.geometry import to_cartesian
from spatialkit.validation import (
    MAX_SAMPLE_RATE,
    as_choice,
    as_directions,
    as_numbers,
    as_sample_rate,
    require_finite,
)

__all__ = ["HRTF", "Equalization"]

Equalization: TypeAlias = Literal["diffuse-field"]
"""Response that `HRTF.equalized` makes flat."""

# Directions closer than this (in chords of the unit sphere) are the same: 0.006 degrees.
COINCIDENT = 1e-4
MIN_RATE = 8000
# Largest gain of an equalization, in dB: loudspeakers radiate little at the lowest frequencies.
MAX_BOOST_DB = 20.0
# Power of both ears together in a diffuse field, relative to that of the sources. At 0 dB, the
# upmix of six songs to 7.1.4 is 0.3 LU louder on headphones than the songs, and -0.2 to 1.0 LU.
LEVEL_DB = -0.5
# Directions that are interpolated at a time.
BLOCK_SIZE = 512


@dataclass(frozen=True, eq=False, repr=False)
class HRTF:
    """Head-related impulse responses (HRIRs) of one head, as `read_hrtf` returns them.

    Parameters
    ----------
    ir : array_like, shape (directions, 2, taps)
        Responses of the left and the right ear, with their delays.
    azimuth, elevation : array_like, shape (directions,)
        Directions of the sources in degrees, azimuth positive to the left; no two are the same.
    sample_rate : int
        Hz, at least 8000.
    delays : array_like, shape (directions, 2), optional
        Arrival times in samples from the start of each response, which `at` interpolates; by
        default they are estimated from the responses.
    name, licence : str
        Name of the set, and the licence of its data.

    Attributes
    ----------
    ir, azimuth, elevation, delays : ndarray of float64
        As given. Read-only.

    Raises
    ------
    ShapeError
        If the shapes do not match.
    DirectionError
        If an angle is not finite, or an elevation is outside -90 to 90 degrees.
    SignalError
        If a response is not finite or all are silent.
    OptionError
        If the sample rate is not accepted.

    Examples
    --------
    >>> from spatialkit.binaural import read_hrtf
    >>> hrtf = read_hrtf("ku100")
    >>> hrtf
    HRTF('ku100': 1982 directions, 128 taps at 48000 Hz)
    >>> left, right = hrtf.at(90.0)
    >>> round(10 * np.log10(np.sum(left**2) / np.sum(right**2)))
    16
    """

    ir: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    elevation: NDArray[np.float64]
    sample_rate: int
    delays: NDArray[np.float64] = None  # type: ignore[assignment]
    name: str = "custom"
    licence: str = "unknown"

    def __post_init__(self) -> None:
        rate = as_sample_rate(self.sample_rate, minimum=MIN_RATE, maximum=MAX_SAMPLE_RATE)
        object.__setattr__(self, "sample_rate", rate)
        ir = as_numbers(self.ir, "ir", SignalError).copy()
        azimuth, elevation = as_directions(self.azimuth, self.elevation)
        if ir.ndim != 3 or ir.shape[1] != 2 or 0 in ir.shape:
            raise ShapeError(f"ir must have shape (directions, 2, taps), got {ir.shape}")
        if azimuth.shape != (len(ir),):
            raise ShapeError(
                f"ir has {len(ir)} directions, but azimuth and elevation have shape {azimuth.shape}"
            )
        require_finite(ir, "ir")
        if not ir.any():
            raise SignalError("ir is silent in all directions")
        if self.delays is None:
            delays = responses.estimate_delays(ir, rate)
        else:
            delays = as_numbers(self.delays, "delays", SignalError).copy()
        if delays.shape != ir.shape[:2]:
            raise ShapeError(f"delays must have shape {ir.shape[:2]}, got {delays.shape}")
        require_finite(delays, "delays")
        fields = {"ir": ir, "azimuth": azimuth, "elevation": elevation, "delays": delays}
        for name, value in fields.items():
            value = value.copy()
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        twice = coincident(self.vectors)
        if twice.size:
            raise ShapeError(
                f"directions must differ, got azimuth {azimuth[twice[0]]:g}, elevation "
                f"{elevation[twice[0]]:g} more than once"
            )

    def __repr__(self) -> str:
        count, _, taps = self.ir.shape
        return f"HRTF({self.name!r}: {count} directions, {taps} taps at {self.sample_rate} Hz)"

    @cached_property
    def vectors(self) -> NDArray[np.float64]:
        """Unit vectors (directions, 3): x ahead, y left, z up."""
        return to_cartesian(self.azimuth, self.elevation)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Solid angles (directions,) of the regions nearest to each direction; their sum is 1.

        All are equal if the directions are in one plane.
        """
        from scipy.spatial import QhullError, SphericalVoronoi

        try:
            areas = SphericalVoronoi(self.vectors, threshold=COINCIDENT / 10).calculate_areas()
        except (QhullError, ValueError):
            areas = np.ones(len(self.ir))
        return areas / areas.sum()

    def at(self, azimuth: ArrayLike, elevation: ArrayLike = 0.0) -> NDArray[np.float64]:
        """Return the responses in any directions, interpolated between the measured ones.

        Parameters
        ----------
        azimuth, elevation : array_like
            Degrees, broadcast against each other.

        Returns
        -------
        ndarray of float64, shape (..., 2, taps)
            In a measured direction, its responses.

        Raises
        ------
        DirectionError
            If an angle is not finite, or an elevation is outside -90 to 90 degrees.

        Notes
        -----
        Delays, magnitudes in dB and the phases of the responses without their delays are
        interpolated separately, between the measured directions that surround the direction: sums
        of responses with different delays would cancel at high frequencies. Below the lowest
        measured elevation, the whole lowest ring contributes.

        Examples
        --------
        >>> from spatialkit.binaural import read_hrtf
        >>> read_hrtf().at([0.0, 1.0, 2.0], 7.0).shape
        (3, 2, 128)
        """
        vectors = to_cartesian(azimuth, elevation)
        flat = vectors.reshape(-1, 3)
        found = np.empty((len(flat), *self.ir.shape[1:]))
        for start in range(0, len(flat), BLOCK_SIZE):
            found[start : start + BLOCK_SIZE] = self._interpolated(flat[start : start + BLOCK_SIZE])
        return found.reshape(*vectors.shape[:-1], *self.ir.shape[1:])

    def _interpolated(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        n_fft = responses.fft_size(self.ir.shape[-1])
        weights = self._tessellation.weights(vectors)
        used = np.flatnonzero(weights.any(axis=0))
        weights, delays = weights[:, used], self.delays[used]
        aligned = np.fft.rfft(self.ir[used], n_fft, axis=-1) * responses.shifts(-delays, n_fft)
        spectra = np.tensordot(weights, aligned, (1, 0))
        magnitudes = np.exp(np.tensordot(weights, responses.log_magnitude(aligned), (1, 0)))
        spectra *= magnitudes / np.maximum(np.abs(spectra), np.finfo(np.float64).tiny)
        spectra *= responses.shifts(np.tensordot(weights, delays, (1, 0)), n_fft)
        return np.fft.irfft(spectra, n_fft, axis=-1)[..., : self.ir.shape[-1]]

    @cached_property
    def _tessellation(self) -> Tessellation:
        return Tessellation(self.vectors)

    def resampled(self, sample_rate: float) -> HRTF:
        """Return the set at another sample rate, with the same frequency responses.

        Parameters
        ----------
        sample_rate : float
            Hz, at least 8000.

        Raises
        ------
        OptionError
            If the sample rate is not accepted.

        Examples
        --------
        >>> from spatialkit.binaural import read_hrtf
        >>> read_hrtf().resampled(44100)
        HRTF('ku100': 1982 directions, 118 taps at 44100 Hz)
        """
        rate = as_sample_rate(sample_rate, minimum=MIN_RATE, maximum=MAX_SAMPLE_RATE)
        if rate == self.sample_rate:
            return self
        ratio = rate / self.sample_rate
        return replace(
            self,
            ir=responses.resample(self.ir, self.sample_rate, rate),
            sample_rate=rate,
            delays=self.delays * ratio,
        )

    def equalized(self, target: Equalization = "diffuse-field") -> HRTF:
        """Return the set with a flat response to sound from all directions.

        One minimum-phase filter is applied to all responses of both ears. It removes the
        colouration that all directions share, also that of microphones and loudspeakers, and sets
        the level: with sound from all directions, the power of both ears together is 0.5 dB below
        that of the sources. Music is then as loud as its source within 1 LU, because its channels
        are correlated.

        Parameters
        ----------
        target : {"diffuse-field"}
            The mean power over all directions and both ears.

        Notes
        -----
        The filter has at most 20 dB more gain than for the mean of all frequencies.

        Examples
        --------
        >>> from spatialkit.binaural import read_hrtf
        >>> read_hrtf().equalized("diffuse-field")
        HRTF('ku100': 1982 directions, 256 taps at 48000 Hz)
        """
        target = as_choice(target, "target", ("diffuse-field",))
        taps = 2 * self.ir.shape[-1]
        n_fft = responses.fft_size(taps)
        response = np.sqrt(2.0) * 10.0 ** (-LEVEL_DB / 20.0) * self.diffuse_field(n_fft)
        limit = np.sqrt(np.mean(response**2)) * 10.0 ** (-MAX_BOOST_DB / 20.0)
        inverse = responses.minimum_phase(-np.log(np.maximum(response, limit)))
        spectra = np.fft.rfft(self.ir, n_fft, axis=-1) * inverse
        return replace(self, ir=np.fft.irfft(spectra, n_fft, axis=-1)[..., :taps])

    def diffuse_field(self, n_fft: int) -> NDArray[np.float64]:
        """Return the response to sound from all directions, which `equalized` makes flat.

        Parameters
        ----------
        n_fft : int
            Length of the transform, even.

        Returns
        -------
        ndarray of float64, shape (n_fft // 2 + 1,)
            Magnitudes of the mean power over all directions and both ears.
        """
        power = np.zeros(n_fft // 2 + 1)
        for weight, pair in zip(self.weights, self.ir, strict=True):
            power += weight * np.mean(np.abs(np.fft.rfft(pair, n_fft, axis=-1)) ** 2, axis=0)
        return np.sqrt(power)

    def mirrored(self) -> HRTF:
        """Return the set with left and right exchanged: of directions and of ears.

        Examples
        --------
        >>> from spatialkit.binaural import read_hrtf
        >>> hrtf = read_hrtf()
        >>> bool(np.allclose(hrtf.mirrored().at(30.0), hrtf.at(-30.0)[::-1], atol=1e-12))
        True
        """
        return replace(
            self, ir=self.ir[:, ::-1], azimuth=-self.azimuth, delays=self.delays[:, ::-1]
        )


def coincident(vectors: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the indices of vectors (n, 3) that an earlier one equals."""
    # Along a direction that no grid has, only neighbours in order can be equal.
    along = vectors @ np.array([0.55, 0.83, 0.09])
    order = np.argsort(along, kind="stable")
    found: list[NDArray[np.intp]] = []
    for step in range(1, len(order)):
        near = np.flatnonzero(along[order[step:]] - along[order[:-step]] <= COINCIDENT)
        if not near.size:
            break
        pairs = np.sort([order[near], order[near + step]], axis=0)
        apart = np.linalg.norm(vectors[pairs[0]] - vectors[pairs[1]], axis=1)
        found.append(pairs[1, apart <= COINCIDENT])
    return np.unique(np.concatenate([*found, np.zeros(0, np.intp)]))
