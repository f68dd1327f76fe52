"""Energy by direction and time, of Ambisonics and of loudspeaker signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import OrderWeights, harmonics_in, order_gains
from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.auditory import erb_bands, sum_bands
from spatialkit.errors import LayoutError, OptionError, ShapeError
from spatialkit.geometry import to_cartesian
from spatialkit.layouts import MAX_ORDER, AmbisonicFormat, Format, channels_of, get_format
from spatialkit.rendering import render_matrix
from spatialkit.stft import StreamingSTFT, moving_sum
from spatialkit.validation import (
    as_choice,
    as_count,
    as_number,
    as_sample_rate,
    require_finite,
)

__all__ = ["Anglegram", "AnglegramMethod", "EnergyMap", "anglegram", "energy_map"]

AnglegramMethod = Literal["intensity", "beams"]
"""Estimation of the energy by azimuth."""

# Order through which loudspeaker signals are examined: its beams are 40 degrees wide.
LAYOUT_ORDER = 5
# Length of the frames of the intensity in seconds, and frames over which it is averaged.
INTENSITY_SECONDS, INTENSITY_FRAMES = 0.046, 3
FRAMES_PER_BLOCK = 64


@dataclass(frozen=True, eq=False)
class EnergyMap:
    """Energy by direction and time, as `energy_map` returns it."""

    power: NDArray[np.float64]
    """Mean square of the beam in each direction, shape (frames, elevations, azimuths)."""
    azimuth: NDArray[np.float64]
    """Azimuths in degrees, ascending from -180, shape (azimuths,)."""
    elevation: NDArray[np.float64]
    """Elevations in degrees, ascending, shape (elevations,)."""
    seconds: NDArray[np.float64]
    """Centres of the frames, shape (frames,)."""


@dataclass(frozen=True, eq=False)
class Anglegram:
    """Energy by azimuth and time, as `anglegram` returns it."""

    power: NDArray[np.float64]
    """Mean square in each cell, shape (azimuths, frames)."""
    azimuth: NDArray[np.float64]
    """Centres of the cells in degrees, ascending, shape (azimuths,)."""
    seconds: NDArray[np.float64]
    """Centres of the frames, shape (frames,)."""


def energy_map(
    audio: AudioLike[Any],
    *,
    sample_rate: float | None = None,
    format: str | Format | None = None,
    azimuths: int = 90,
    elevations: int = 45,
    frame_rate: float = 20.0,
    weights: OrderWeights = "max-re",
    order: int | None = None,
) -> EnergyMap:
    r"""Compute the energy that arrives from each direction over time.

    .. math:: P(\Omega) = y^T(\Omega) R \, y(\Omega)

    with the covariance matrix R of the Ambisonic channels in a frame and the weights y of a beam
    towards the direction. No direction is decoded: the cost hardly depends on their number.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (channels, samples)
    sample_rate : float, optional
        Hz; required for arrays.
    format : str, Layout or AmbisonicFormat, optional
        Format of ``audio``; required for arrays. Loudspeaker signals are encoded as plane waves.
    azimuths, elevations : int
        Number of directions: azimuths from -180 degrees, elevations in the centres of equal
        intervals from -90 to 90 degrees.
    frame_rate : float
        Frames per second.
    weights : {"basic", "max-re", "in-phase"}
        Gains of the orders in a beam: "max-re" has low side lobes, "basic" the narrowest beams with
        a rear lobe, "in-phase" wide ones without side lobes.
    order : int, optional
        Ambisonic order, 1 to 7: at most that of an Ambisonic format, by default its order; by
        default 5 for loudspeakers.

    Returns
    -------
    EnergyMap
        A plane wave of mean square P has the power P in its direction.

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` does not have the channels of ``format``, or a sample is not finite.
    LayoutError, OptionError
        If an argument is not accepted.

    Examples
    --------
    >>> from spatialkit import encode_foa
    >>> wave = encode_foa(np.ones(4800), azimuth=60.0)
    >>> found = energy_map(wave, sample_rate=48000, format="foa", elevations=5)
    >>> found.power.shape
    (2, 5, 90)
    >>> float(found.azimuth[found.power[0, 2].argmax()])
    60.0
    """
    samples, rate, form = _scene(audio, sample_rate, format)
    counts = as_count(azimuths, "azimuths"), as_count(elevations, "elevations")
    frame_rate = as_number(frame_rate, "frame_rate", minimum=0.1, maximum=1000.0)
    weights = as_choice(weights, "weights", get_args(OrderWeights))
    azimuth = np.arange(counts[0]) * 360.0 / counts[0] - 180.0
    elevation = (np.arange(counts[1]) + 0.5) * 180.0 / counts[1] - 90.0
    vectors = to_cartesian(*np.meshgrid(azimuth, elevation)).reshape(-1, 3)
    beams = beam_weights(vectors, form, weights, order)
    covariances, seconds = frame_covariances(samples, rate, frame_rate)
    # Products of symmetric pairs of channels: half of the sum over the whole matrix.
    i, j = np.triu_indices(samples.shape[0])
    products = beams[:, i] * beams[:, j] * np.where(i == j, 1.0, 2.0)
    power = np.maximum(covariances[:, i, j] @ products.T, 0.0)
    return EnergyMap(power.reshape(-1, len(elevation), len(azimuth)), azimuth, elevation, seconds)


def beam_weights(
    vectors: NDArray[np.float64], form: Format, weights: OrderWeights, order: int | None = None
) -> NDArray[np.float64]:
    """Return the weights (directions, channels) of the channels of a format in each beam."""
    limit = form.order if isinstance(form, AmbisonicFormat) else MAX_ORDER
    if order is None:
        order = limit if isinstance(form, AmbisonicFormat) else LAYOUT_ORDER
    order = as_count(order, "order", minimum=1, maximum=limit)
    scene = AmbisonicFormat(order, "N3D")
    degrees = np.repeat(np.arange(order + 1), 2 * np.arange(order + 1) + 1)
    gains = order_gains(weights, order)
    harmonics = harmonics_in(vectors, scene) * gains[degrees]
    harmonics /= np.sum((2 * np.arange(order + 1) + 1) * gains)
    return harmonics @ render_matrix(form, scene)


def frame_covariances(
    samples: NDArray[Any], rate: float, frame_rate: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the covariance matrix of each frame, (frames, channels, channels), and its centre.

    Parameters
    ----------
    samples : ndarray, shape (channels, samples)
    rate : float
        Hz.
    frame_rate : float
        Frames per second; the last frame may be shorter.
    """
    length = samples.shape[-1]
    starts = np.arange(0, max(length, 1), max(rate / frame_rate, 1.0)).round().astype(int)
    stops = np.append(starts[1:], length)
    found = np.empty((len(starts), len(samples), len(samples)))
    for frame, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        block = samples[:, start:stop]
        found[frame] = (block @ block.T) / max(stop - start, 1)
    return found, (starts + stops) / 2.0 / rate


def anglegram(
    audio: AudioLike[Any],
    *,
    sample_rate: float | None = None,
    format: str | Format | None = None,
    method: AnglegramMethod = "intensity",
    azimuths: int = 72,
    frame_rate: float = 8.0,
) -> Anglegram:
    """Compute the energy by azimuth over time.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (channels, samples)
    sample_rate : float, optional
        Hz; required for arrays.
    format : str, Layout or AmbisonicFormat, optional
        Format of ``audio``; required for arrays. Loudspeaker signals are encoded as plane waves.
    method : {"intensity", "beams"}
        "intensity": the energy of each band of one ERB is counted where its active intensity
        points: sharp for sources that differ in time or frequency, at every order. "beams": the
        power of beams on the horizon, by covariance as in `energy_map`: blurred by the beams,
        without estimation.
    azimuths : int
        Number of cells, centred at -180 degrees and so on.
    frame_rate : float
        Frames per second; for "intensity" at most 20.

    Returns
    -------
    Anglegram
        With "intensity", the sum over the azimuths is the mean square of the omnidirectional
        channel, in the bands of one ERB.

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` does not have the channels of ``format``, or a sample is not finite.
    LayoutError, OptionError
        If an argument is not accepted.

    Examples
    --------
    >>> from spatialkit import encode_foa
    >>> noise = np.random.default_rng(0).standard_normal(48000)
    >>> found = anglegram(encode_foa(noise, 90.0), sample_rate=48000, format="foa")
    >>> found.azimuth[found.power.argmax(axis=0)].tolist()
    [90.0, 90.0, 90.0, 90.0, 90.0, 90.0, 90.0, 90.0]
    """
    samples, rate, form = _scene(audio, sample_rate, format)
    method = as_choice(method, "method", get_args(AnglegramMethod))
    count = as_count(azimuths, "azimuths")
    azimuth = np.arange(count) * 360.0 / count - 180.0
    limit = 20.0 if method == "intensity" else 1000.0
    frame_rate = as_number(frame_rate, "frame_rate", minimum=0.1, maximum=limit)
    if method == "beams":
        beams = beam_weights(to_cartesian(azimuth), form, "max-re")
        covariances, seconds = frame_covariances(samples, rate, frame_rate)
        power = np.einsum("ac,fcd,ad->af", beams, covariances, beams, optimize=True)
        return Anglegram(np.maximum(power, 0.0), azimuth, seconds)
    return _intensity_histogram(samples, rate, form, azimuth, frame_rate)


def _intensity_histogram(
    samples: NDArray[Any], rate: float, form: Format, azimuth: NDArray[Any], frame_rate: float
) -> Anglegram:
    n_fft = 1 << round(np.log2(INTENSITY_SECONDS * rate))
    hop = n_fft // 2
    bands, _ = erb_bands(rate, n_fft)
    matrix = render_matrix(form, AmbisonicFormat(1))[[0, 1, 3]].astype(samples.dtype)
    transform = StreamingSTFT(n_fft=n_fft, hop=hop)
    found = []
    step = FRAMES_PER_BLOCK * hop
    for start in range(0, max(samples.shape[1], 1), step):
        scene = matrix @ samples[:, start : start + step]
        found.append(_band_intensity(transform.process(scene), bands))
    found.append(_band_intensity(transform.flush(), bands))
    energy, y, x = np.concatenate(found, axis=1)
    # Of the active intensity, averaged over frames. Sums over bands and over frames commute.
    x, y = (moving_sum(each.T, frames=INTENSITY_FRAMES).T for each in (x, y))
    # Hann windows and Parseval: the sum of the cells is the mean square.
    energy *= 2.0 / (n_fft * np.sum(np.hanning(n_fft + 1)[:-1] ** 2))
    rows = np.rint((np.degrees(np.arctan2(y, x)) + 180.0) * len(azimuth) / 360.0).astype(int)
    columns = (np.arange(len(energy)) * hop / rate * frame_rate).astype(int)
    shape = len(azimuth), int(columns[-1]) + 1
    cells = (rows % len(azimuth)) * shape[1] + columns[:, None]
    sums = np.bincount(cells.ravel(), energy.ravel(), minlength=shape[0] * shape[1])
    power = sums.astype(np.float64).reshape(shape)
    power /= np.bincount(columns, minlength=shape[1])
    seconds = np.arange(shape[1], dtype=np.float64) + 0.5
    return Anglegram(power, azimuth, seconds / np.float64(frame_rate))


def _band_intensity(spectrum: NDArray[Any], bands: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return energy and intensity (3, frames, bands) of W, Y and X (3, bins, frames)."""
    w = spectrum[0].T
    parts = [(w.real * each.T.real + w.imag * each.T.imag) for each in spectrum]
    return np.array([sum_bands(part, bands) for part in parts], np.float64)


def _scene(
    audio: AudioLike[Any], sample_rate: float | None, format: str | Format | None
) -> tuple[NDArray[Any], float, Format]:
    """Return finite samples (channels, samples), their rate and format."""
    samples, rate, form = unpack_audio(audio, sample_rate=sample_rate, format=format)
    if rate is None:
        raise OptionError("sample_rate is missing; specify it in Hz, or pass an Audio")
    if form is None:
        raise LayoutError("format is missing; specify it, or pass an Audio with a format")
    where = get_format(form)
    array = require_finite(channels_of(samples, where))
    if array.ndim != 2:
        raise ShapeError(f"audio must be one item, (channels, samples), got shape {array.shape}")
    return array, as_sample_rate(rate), where
