"""Separation of an error into a spatial part (gains and delays between channels) and a residual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spatialkit._fourier import irfft, rfft
from spatialkit.audio import AudioLike
from spatialkit.metrics.inputs import (
    as_pair,
    as_rate,
    mean_of_known,
    require_channel_pairs,
    unpack_pair,
)
from spatialkit.metrics.spatial_kernels import (
    add_cross_spectra,
    delayed_products,
    projection_energies,
)
from spatialkit.validation import as_number

__all__ = ["SpatialDistortion", "spatial_distortion"]

MIN_RATE = 1000
# Largest delay in seconds, and length of a frame.
MAX_DELAY = 0.02
FRAME = 2.0
# Largest magnitude of the ratios of a frame in dB, as in the program of the authors.
LIMIT_DB = 80.0
# Eigenvalues of the correlation of the delayed channels below this, relative to the largest, are 0:
# silent channels and copies.
MIN_RELATIVE_EIGENVALUE = 1e-10
# A relative residual energy below which rounding errors of the gains count: they are solved twice.
REFINED = 1e-8
BLOCK_SIZE = 2048


class SpatialDistortion(NamedTuple):
    """Ratios of `spatial_distortion`, each an ndarray of float64, shape (...), in dB."""

    ssr: NDArray[np.float64]
    """Signal to spatial distortion ratio."""
    srr: NDArray[np.float64]
    """Signal to residual distortion ratio."""


def spatial_distortion(
    reference: AudioLike[Any],
    estimate: AudioLike[Any],
    sample_rate: float | None = None,
    *,
    frame: float = FRAME,
    max_delay: float = MAX_DELAY,
    limit_db: float | None = LIMIT_DB,
) -> SpatialDistortion:
    r"""Calculate the signal to spatial distortion and to residual distortion ratios (SSR, SRR).

    .. math::

        \tilde s_c[n] = \sum_d A_{cd} \, s_d[n - \tau_{cd}], \quad
        \mathrm{SSR} = 10 \log_{10} \frac{|s|^2}{|\tilde s - s|^2}, \quad
        \mathrm{SRR} = 10 \log_{10} \frac{|\tilde s|^2}{|e - \tilde s|^2}

    with the channels :math:`s_d` of the reference and :math:`e_c` of the estimate. In each frame,
    the delay :math:`\tau_{cd}` is that with the largest magnitude of the cross-correlation, and the
    gains :math:`A_{cd}` minimize :math:`|e - \tilde s|^2`. The projection :math:`\tilde s` differs
    from the reference by changes of gain, leakage and delay between channels: the spatial error.
    What it does not explain, such as noise, coding artefacts and reverberation, is the residual.
    The result is the mean of the ratios of all frames in dB.

    Parameters
    ----------
    reference, estimate : array_like of float or Audio, shape (..., channels, samples)
        Signals of equal shape with at least two channels. An `Audio` also specifies
        ``sample_rate``.
    sample_rate : float, optional
        Sample rate in Hz; required for arrays.
    frame : float
        Length of a frame in seconds; frames overlap by half. A shorter signal is one frame.
    max_delay : float
        Largest delay in seconds that is searched. The program of the authors searches 1 s, within
        which music repeats.
    limit_db : float, optional
        Largest magnitude of the ratios of a frame in dB, as in the program of the authors: without
        limit (None) rounding errors of explained frames prevail in the mean.

    Returns
    -------
    SpatialDistortion
        ``ssr`` and ``srr``, each an ndarray of float64, shape (...), in dB. Frames in which the
        reference is silent are left out; NaN if all are. ``limit_db`` or +inf for equal signals; 0
        (SSR) and NaN (SRR) for a silent estimate.

    Raises
    ------
    ShapeError
        If the shapes differ, or there are fewer than two channels.
    SignalError, OptionError
        If a sample is NaN or infinite, or another argument is not accepted.

    References
    ----------
    K. N. Watcharasupat and A. Lerch, "Quantifying spatial audio quality impairment", ICASSP 2024,
    arXiv:2306.08053.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = np.random.default_rng(0).standard_normal((2, 96000))
    >>> leak = stereo + 0.1 * stereo[::-1]  # 10 % of each channel in the other one
    >>> found = spatial_distortion(stereo, leak, 48000)
    >>> float(found.ssr.round(1)), float(found.srr)
    (20.0, 80.0)
    """
    samples, others, _, rate = unpack_pair(reference, estimate, sample_rate=sample_rate)
    hertz = as_rate(rate, MIN_RATE)
    first, second = as_pair(samples, others)
    require_channel_pairs(first)
    reach = round(as_number(max_delay, "max_delay", minimum=0.0, maximum=10.0, unit="s") * hertz)
    limit = np.inf if limit_db is None else as_number(limit_db, "limit_db", minimum=0.0, unit="dB")
    half = max(1, round(as_number(frame, "frame", minimum=1e-3, unit="s") * hertz / 2.0))
    result = np.full((2, *first.shape[:-2]), np.nan)
    for item in np.ndindex(first.shape[:-2]):
        ratios = list(_frame_ratios(first[item], second[item], half, reach))
        if ratios:
            with np.errstate(invalid="ignore"):  # inf - inf
                result[(slice(None), *item)] = mean_of_known(
                    np.clip(np.array(ratios), -limit, limit).T
                )
    return SpatialDistortion(result[0][()], result[1][()])


def _frame_ratios(
    reference: NDArray[Any], estimate: NDArray[Any], half: int, reach: int
) -> Iterator[tuple[float, float]]:
    """Yield both ratios of each frame in which the reference is not silent."""
    samples = reference.shape[-1]
    starts = range(0, max(samples - half, 1), half) if samples > 2 * half else range(1)
    correlations = _half_frame_correlations(reference, estimate, half, reach)
    previous = next(correlations, None)
    for start in starts:
        following = next(correlations, None)
        parts = [each for each in (previous, following) if each is not None]
        previous = following
        stop = min(start + 2 * half, samples)
        s, e = reference[:, start:stop], np.ascontiguousarray(estimate[:, start:stop])
        if not np.any(s):
            continue
        if np.array_equal(s, e):
            yield np.inf, np.inf
            continue
        delays = np.abs(np.sum(parts, axis=0)).argmax(axis=-1) - reach
        around = _section(reference, start - reach, stop + reach)
        truth, found, spatial, residual = _projection_energies(around, e, delays, reach)
        yield _decibels(truth, spatial), _decibels(found, residual)


def _half_frame_correlations(
    reference: NDArray[Any], estimate: NDArray[Any], half: int, reach: int
) -> Iterator[NDArray[np.float64]]:
    """Yield cross-correlations (channels of estimate, of reference, lags) of each half frame.

    The lags are from ``-reach`` to ``reach``; a positive one is a delay of the estimate. They are
    sums over blocks of the estimate, which correlate with the reference around them.
    """
    samples = reference.shape[-1]
    size = 1 << max(13, (6 * reach).bit_length())
    step = size - 2 * reach
    for start in range(0, samples, half):
        stop = min(start + half, samples)
        cross = np.zeros((len(estimate), len(reference), size // 2 + 1), np.complex128)
        for first in range(start, stop, step):
            last = min(first + step, stop)
            block = rfft(estimate[:, first:last].astype(np.float64), size)
            around = _section(reference, first - reach, last + reach).astype(np.float64)
            add_cross_spectra(block, rfft(around, size), cross)
        found = irfft(cross, size)
        # Sample n of the section is sample n - reach of the block: lag -reach is at 0 samples.
        yield found[..., np.arange(-2 * reach, 1) % size]


def _projection_energies(
    reference: NDArray[Any], estimate: NDArray[Any], delays: NDArray[np.intp], reach: int
) -> NDArray[np.float64]:
    """Return energies: reference, projection, its differences from reference and estimate.

    The projection is the sum of delayed channels of the reference that is closest to each channel
    of the estimate. The reference (channels, samples) has ``reach`` samples more on either side.
    """
    channels = len(reference)
    gram, cross, scratch = np.empty((channels, channels)), np.empty(channels), np.empty(BLOCK_SIZE)
    energies, total = np.empty(4), np.zeros(4)
    for channel, signal in enumerate(estimate):
        starts = reach - delays[channel].astype(np.int64)
        delayed_products(reference, signal, starts, gram, cross)
        # Channels of equal energy, so that a quiet one is no copy of a loud one.
        norms = np.sqrt(np.diagonal(gram))
        unit = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0.0)
        inverse = np.linalg.pinv(
            gram * unit[:, None] * unit, MIN_RELATIVE_EIGENVALUE, hermitian=True
        )
        inverse *= unit[:, None] * unit
        own = reference[channel, reach : reach + len(signal)]
        gains = inverse @ cross
        arguments = (reference, own, signal, starts, gains, scratch, energies, cross)
        projection_energies(*arguments)
        if energies[3] < REFINED * float(np.sum(np.square(signal, dtype=np.float64))):
            gains += inverse @ cross
            projection_energies(*arguments)
        total += energies
    return total


def _section(audio: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    """Return samples from ``start`` to ``stop``, zeros outside the signal."""
    section = np.zeros((audio.shape[0], stop - start), audio.dtype)
    first, last = max(start, 0), min(stop, audio.shape[-1])
    if last > first:
        section[:, first - start : last - start] = audio[:, first:last]
    return section


def _decibels(signal: float, error: float) -> float:
    if not signal:
        return np.nan
    return float(10.0 * np.log10(signal / error)) if error else np.inf
