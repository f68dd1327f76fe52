"""Errors of the interaural time difference, level difference and coherence."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spatialkit import auditory
from spatialkit.audio import AudioLike
from spatialkit.layouts import Format, get_layout
from spatialkit.metrics.binaural import (
    FLOOR_DB,
    MIN_RATE,
    balanced,
    band_coherence,
    frame_spectra,
    spectral_sums,
    squared_magnitudes,
)
from spatialkit.metrics.inputs import as_pair, as_rate, mean_of_known, unpack_pair

__all__ = ["InterauralErrors", "interaural_errors"]

# Highest centre in Hz of the bands whose phase determines a time difference.
MAX_ITD_FREQUENCY = 1500.0
# Lags of a band per millisecond, on either side; a parabola gives the fraction.
LAGS = 24


class InterauralErrors(NamedTuple):
    """Errors of `interaural_errors` per band of one ERB, each an ndarray of float64."""

    frequencies: NDArray[np.float64]
    """Centres of the bands in Hz, shape (bands,)."""
    itd: NDArray[np.float64]
    """Mean absolute error of the interaural time difference in us, shape (..., bands)."""
    ild: NDArray[np.float64]
    """Mean absolute error of the interaural level difference in dB, shape (..., bands)."""
    coherence: NDArray[np.float64]
    """Absolute error of the interaural coherence, shape (..., bands)."""
    loudness: NDArray[np.float64]
    """Mean absolute error of the power of both ears together in dB, shape (..., bands)."""


def interaural_errors(
    reference: AudioLike[Any], estimate: AudioLike[Any], sample_rate: float | None = None
) -> InterauralErrors:
    """Calculate the errors of the interaural cues of two binaural signals per band of one ERB.

    The time difference of a band is the lag within 1 ms at which the ears correlate best in a frame
    of 85 ms, the level difference the ratio of the powers of the ears, and the coherence the
    largest normalized cross-correlation of the whole signal. Frames in which a band is 40 dB below
    the loudest of the reference are left out.

    Parameters
    ----------
    reference, estimate : array_like of float or Audio, shape (..., 2, samples)
        Left and right ear. An `Audio` also specifies ``sample_rate``.
    sample_rate : float, optional
        Sample rate in Hz, at least 8000; required for arrays.

    Returns
    -------
    InterauralErrors
        Frequencies of the bands, and errors by band: 0 for equal signals, NaN where no frame of the
        reference is above the floor. The time difference is NaN above 1.5 kHz, where phase
        determines no direction; the coherence where an ear of either signal is 40 dB below its
        loudest band.

    Raises
    ------
    ShapeError, SignalError
        If the shapes differ or do not have two channels, or a sample is NaN or infinite.
    OptionError
        If ``sample_rate`` is not accepted.

    References
    ----------
    B. R. Glasberg and B. C. J. Moore, "Derivation of auditory filter shapes from notched-noise
    data", Hearing Research 47, 1990. Lord Rayleigh, "On our perception of sound direction",
    Philosophical Magazine 13, 1907.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(48000)
    >>> ahead, left = np.stack([noise, noise]), np.stack([noise, 0.5 * np.roll(noise, 24)])
    >>> found = interaural_errors(ahead, left, 48000)
    >>> float(np.nanmedian(found.itd).round(-1)), float(found.ild.mean().round(1))
    (500.0, 6.0)
    """
    samples, others, _, rate = unpack_pair(reference, estimate, sample_rate=sample_rate)
    hertz = as_rate(rate, MIN_RATE)
    first, second = as_pair(samples, others, layout=get_layout("stereo"))
    lead = first.shape[:-2]
    items = [_item_errors(first[item], second[item], hertz) for item in np.ndindex(lead)]
    frequencies = _bands(hertz)[1]
    shape = (*lead, len(frequencies))
    parts = [np.array([item[part] for item in items]).reshape(shape) for part in range(4)]
    return InterauralErrors(frequencies, *parts)


def _item_errors(
    reference: NDArray[Any], estimate: NDArray[Any], rate: int
) -> tuple[NDArray[np.float64], ...]:
    """Return the errors (bands,) of ITD, ILD, coherence and loudness of one item."""
    (truth, times), (found, others) = (_band_cues(each, rate) for each in (reference, estimate))
    floor = _floor(truth)
    audible = truth.sum(axis=0) > floor
    levels = [level(each, floor) for each in (truth, found)]
    totals = [level(each.sum(axis=0), floor) for each in (truth, found)]
    errors = (
        1e6 * np.abs(times - others),
        np.abs((levels[0][0] - levels[0][1]) - (levels[1][0] - levels[1][1])),
        np.abs(totals[0] - totals[1]),
    )
    itd, ild, loudness = (mean_of_known(np.where(audible, each, np.nan).T) for each in errors)
    coherence = [band_coherence(*spectral_sums(each, rate), rate) for each in (reference, estimate)]
    return itd, ild, np.abs(coherence[0] - coherence[1]), loudness


def _bands(rate: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    (spectra,) = frame_spectra(np.zeros((2, 1)), rate)
    return auditory.erb_bands(rate, 2 * (spectra.shape[-1] - 1))


def _band_cues(signal: NDArray[Any], rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return band powers (2, frames, bands) and time differences (frames, bands) in seconds."""
    starts, frequencies = _bands(rate)
    low = np.flatnonzero(frequencies <= MAX_ITD_FREQUENCY)
    lags = np.arange(-LAGS - 1, LAGS + 2) / LAGS * auditory.MAX_ITD
    powers, delays = [], []
    for spectra in frame_spectra(signal, rate):
        n_fft = 2 * (spectra.shape[-1] - 1)
        powers.append(auditory.sum_bands(squared_magnitudes(spectra), starts))
        cross = spectra[0] * spectra[1].conj()
        found = np.full((len(cross), len(frequencies)), np.nan)
        for band in low:
            bins = np.arange(starts[band], starts[band + 1])
            waves = np.exp(2j * np.pi * rate / n_fft * np.outer(bins, lags))
            correlation = (cross[:, bins] @ waves).real
            # The cross-spectrum has the phase of the delay of the right ear.
            found[:, band] = (auditory.peak_position(correlation) - LAGS - 1) * (lags[1] - lags[0])
            found[~correlation.any(axis=-1), band] = np.nan
        delays.append(found)
    return np.concatenate(powers, axis=1), np.concatenate(delays)


def binaural_errors(
    reference: NDArray[Any], estimate: NDArray[Any], form: Format, sample_rate: float | None
) -> dict[str, float]:
    """Return the errors of the cues of two signals that are rendered for headphones.

    Parameters
    ----------
    reference, estimate : ndarray of float, shape (channels, samples)
    form : Layout or AmbisonicFormat
    sample_rate : float

    Returns
    -------
    dict of str to float
        "binaural_itd_error" in microseconds, "binaural_ild_error" and "binaural_loudness_error" in
        dB, means of absolute errors over frames, and for the latter two also over bands;
        "binaural_coherence_error", mean over bands. NaN if a signal is silent.
    """
    from spatialkit.binaural import render_binaural

    rate = as_rate(sample_rate, MIN_RATE)
    ears = [
        render_binaural(np.asarray(each), form, sample_rate=rate) for each in (reference, estimate)
    ]
    (truth, times, coherence), (found, other_times, other_coherence) = (
        _cues(each, rate) for each in ears
    )
    floor = _floor(truth)
    audible = truth.sum(axis=0) > floor
    levels = [level(each, floor) for each in (truth, found)]
    totals = [level(each.sum(axis=0), floor) for each in (truth, found)]
    ild = np.abs((levels[0][0] - levels[0][1]) - (levels[1][0] - levels[1][1]))
    frames = audible.any(axis=-1)
    return {
        "binaural_itd_error": float(mean_of_known(1e6 * np.abs(times - other_times)[frames])),
        "binaural_ild_error": float(mean_of_known(ild[audible])),
        "binaural_coherence_error": float(mean_of_known(np.abs(coherence - other_coherence))),
        "binaural_loudness_error": float(mean_of_known(np.abs(totals[0] - totals[1])[audible])),
    }


def _cues(
    signal: NDArray[Any], rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return band powers (2, frames, bands), delays (frames,) in s, and coherence (bands,)."""
    powers, delays = [], []
    total_cross, total_power = 0.0, 0.0
    for spectra in frame_spectra(signal, rate):
        n_fft = 2 * (spectra.shape[-1] - 1)
        starts, _ = auditory.erb_bands(rate, n_fft)
        cross, power = spectra[0] * spectra[1].conj(), squared_magnitudes(spectra)
        powers.append(auditory.sum_bands(power, starts))
        delays.append(auditory.interaural_delay(balanced(cross, power, rate), rate))
        total_cross = total_cross + np.sum(cross, axis=0)
        total_power = total_power + np.sum(power, axis=1)
    coherence = band_coherence(
        np.asarray(total_cross, np.complex128), np.asarray(total_power, np.float64), rate
    )
    return np.concatenate(powers, axis=1), np.concatenate(delays), coherence


def _floor(truth: NDArray[np.float64]) -> float:
    """Return the smallest audible band power."""
    return max(10.0 ** (FLOOR_DB / 10.0) * truth.max(initial=0.0), np.finfo(np.float64).tiny)


def level(power: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """Return powers in dB, limited to 30 dB below the floor of what is audible."""
    return 10.0 * np.log10(np.maximum(power, 1e-3 * floor))
