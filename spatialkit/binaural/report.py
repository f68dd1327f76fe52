"""Errors of binaural filters, relative to the HRTF for which they were designed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit import auditory
from spatialkit.ambisonics import harmonics_in
from spatialkit.binaural import responses
from spatialkit.binaural.convolution import as_filters
from spatialkit.binaural.hrtf import HRTF
from spatialkit.binaural.reading import read_hrtf
from spatialkit.errors import ShapeError
from spatialkit.layouts import MAX_ORDER, AmbisonicFormat, Normalization
from spatialkit.typing import StrPath

__all__ = ["BinauralReport", "binaural_report"]

# Elevation in degrees up to which directions are horizontal.
HORIZONTAL = 1.0
# Frequency in Hz from which level differences determine the direction.
MIN_ILD_FREQUENCY = 1000.0


@dataclass(frozen=True)
class BinauralReport:
    """Errors of binaural filters, as `binaural_report` returns them.

    Arrays have one value per band of one ERB (equivalent rectangular bandwidth), of shape (bands,).
    Means over directions are weighted by solid angle.
    """

    order: int
    """Ambisonic order."""
    frequencies: NDArray[np.float64]
    """Centres of the bands in Hz."""
    magnitude_error_db: NDArray[np.float64]
    """Mean absolute difference of the level at an ear, in dB."""
    ild_error_db: NDArray[np.float64]
    """Mean absolute error of the interaural level difference of horizontal sources, in dB."""
    itd_error_us: float
    """Mean absolute error of the interaural time difference of horizontal sources, in
    microseconds, below 1.5 kHz."""
    coherence: NDArray[np.float64]
    """Interaural coherence in a diffuse field, -1 to 1."""
    coherence_error: NDArray[np.float64]
    """Absolute difference of that coherence from that of the HRTF."""
    loudness_error_db: NDArray[np.float64]
    """Mean absolute error of the composite loudness: the power of both ears together, in dB."""

    def __repr__(self) -> str:
        return f"BinauralReport(order={self.order}, {len(self.frequencies)} bands)"

    def __str__(self) -> str:
        ild = self.ild_error_db[self.frequencies >= MIN_ILD_FREQUENCY]
        return (
            f"order {self.order}: magnitude {self.magnitude_error_db.mean():.2f} dB, "
            f"ILD above 1 kHz {ild.mean():.2f} dB, ITD {self.itd_error_us:.0f} us, diffuse-field "
            f"coherence {self.coherence_error.mean():.3f}, composite loudness "
            f"{self.loudness_error_db.mean():.2f} dB"
        )


def binaural_report(
    filters: ArrayLike,
    hrtf: StrPath | HRTF = "ku100",
    *,
    normalization: Normalization = "SN3D",
) -> BinauralReport:
    """Compare binaural filters of Ambisonics with an HRTF.

    Parameters
    ----------
    filters : array_like, shape (2, harmonics, taps)
        Filters of 4 to 64 harmonics in ACN order, from `binaural_filters` or elsewhere, at the
        sample rate of ``hrtf``.
    hrtf : str, path or HRTF
        As in `read_hrtf`. Sources are in its measured directions. For filters at another rate, pass
        ``read_hrtf(...).resampled(sample_rate)``.
    normalization : {"SN3D", "N3D", "FuMa"}
        Normalization of the Ambisonics for which the filters are.

    Returns
    -------
    BinauralReport

    Raises
    ------
    ShapeError, SignalError, AudioFileError
        If ``filters`` have another shape or are not finite, or as in `read_hrtf`.

    Examples
    --------
    >>> from spatialkit.binaural import binaural_filters
    >>> report = binaural_report(binaural_filters("ku100", order=5), "ku100")
    >>> bool(report.magnitude_error_db.mean() < 1.0), bool(report.coherence_error.mean() < 0.01)
    (True, True)
    """
    array, truth = as_filters(filters), read_hrtf(hrtf)
    order = round(array.shape[1] ** 0.5) - 1
    if array.shape[1] != (order + 1) ** 2 or not 1 <= order <= MAX_ORDER:
        raise ShapeError(
            f"filters must have (order + 1)^2 harmonics, 4 to {(MAX_ORDER + 1) ** 2}, as (2, "
            f"harmonics, taps), got shape {array.shape}"
        )
    rate = truth.sample_rate
    n_fft = 2 * responses.fft_size(max(array.shape[-1], truth.ir.shape[-1]))
    starts, frequencies = auditory.erb_bands(rate, n_fft)
    harmonics = harmonics_in(truth.vectors, AmbisonicFormat(order, normalization))
    found = np.tensordot(harmonics, np.fft.rfft(array, n_fft, axis=-1), (1, 1))
    wanted = np.fft.rfft(truth.ir, n_fft, axis=-1)
    powers = [auditory.sum_bands(np.abs(each) ** 2, starts) for each in (found, wanted)]
    levels = [_decibels(each) for each in powers]
    totals = [_decibels(each.sum(axis=1)) for each in powers]
    low_pass = auditory.low_frequency_weights(rate, n_fft)
    horizontal = np.abs(truth.elevation) < HORIZONTAL
    horizontal = horizontal if horizontal.any() else np.ones_like(horizontal)
    times = [
        auditory.interaural_delay(low_pass * each[:, 0] * each[:, 1].conj(), rate)
        for each in (found[horizontal], wanted[horizontal])
    ]
    ilds = [level[horizontal, 0] - level[horizontal, 1] for level in levels]
    coherences = [_diffuse_coherence(each, truth.weights, starts) for each in (found, wanted)]
    return BinauralReport(
        order=order,
        frequencies=frequencies,
        magnitude_error_db=truth.weights @ np.abs(levels[0] - levels[1]).mean(axis=1),
        ild_error_db=np.abs(ilds[0] - ilds[1]).mean(axis=0),
        itd_error_us=float(1e6 * np.abs(times[0] - times[1]).mean()),
        coherence=coherences[0],
        coherence_error=np.abs(coherences[0] - coherences[1]),
        loudness_error_db=truth.weights @ np.abs(totals[0] - totals[1]),
    )


def _decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return 10.0 * np.log10(np.maximum(power, np.finfo(np.float64).tiny))


def _diffuse_coherence(
    spectra: NDArray[np.complex128], weights: NDArray[np.float64], starts: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the real coherence (bands,) of both ears for independent sources in all directions."""
    cross = auditory.sum_bands((weights @ (spectra[:, 0] * spectra[:, 1].conj())).real, starts)
    powers = auditory.sum_bands(np.tensordot(weights, np.abs(spectra) ** 2, (0, 0)), starts)
    return cross / np.sqrt(np.maximum(powers[0] * powers[1], np.finfo(np.float64).tiny))
