"""Distances between magnitude spectra: log-spectral and multi-resolution STFT distance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit._fourier import rfft_frames
from spatialkit.audio import AudioLike
from spatialkit.errors import ShapeError
from spatialkit.metrics.inputs import as_pair, channel_energies, unpack_pair
from spatialkit.metrics.kernels import add_magnitudes, compare_powers
from spatialkit.metrics.paired_spectra import PairedSpectra
from spatialkit.validation import as_count, as_number

__all__ = [
    "STFT_MIN_POWER",
    "STFT_RESOLUTIONS",
    "log_spectral_distance",
    "multi_resolution_stft",
]

STFT_RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""FFT length, hop and window length of each STFT of `multi_resolution_stft`, in samples."""

STFT_MIN_POWER = 1e-8
"""Powers below count as this power in `multi_resolution_stft`."""

FRAMES_PER_BLOCK = 64
# Smallest power of a floor that float32 holds with all its digits.
MIN_FLOAT32_POWER = 1e-37


def log_spectral_distance(
    reference: AudioLike[Any],
    estimate: AudioLike[Any],
    *,
    n_fft: int = 2048,
    hop: int = 512,
    floor_db: float = -60.0,
    per_channel: bool = False,
) -> NDArray[np.float64]:
    r"""Calculate the log-spectral distance (LSD).

    .. math:: \mathrm{mean}_k \sqrt{\mathrm{mean}_b
        \left( 20 \log_{10} \frac{\max(|S_{bk}|, f)}{\max(|E_{bk}|, f)} \right)^2}

    with the spectra of the reference, :math:`S`, and of the estimate, :math:`E`, and the floor
    :math:`f` (``floor_db`` relative to the loudest bin of the reference item). The means run over
    the bins b of a frame, and over those frames k of all channels in which one of both signals is
    above the floor.

    Parameters
    ----------
    reference, estimate : array_like of float or Audio, shape (..., channels, samples) or (samples,)
        Signals of equal shape.
    n_fft, hop : int
        Size and hop of the Hann-windowed transform in samples, see `spatialkit.stft`.
    floor_db : float
        Floor in dB relative to the loudest bin of the reference item, at most 0.
    per_channel : bool
        Whether to return one value per channel instead of one per item.

    Returns
    -------
    ndarray of float64, shape (...) or (..., channels)
        dB; 0 for equal magnitudes. NaN where the reference item is silent, and for a channel in
        which both signals are below the floor.

    Raises
    ------
    ShapeError
        If the shapes differ.
    SignalError, OptionError
        If a sample is NaN or infinite, or an option is not accepted.

    References
    ----------
    A. H. Gray and J. D. Markel, "Distance measures for speech processing", IEEE Trans. Acoustics,
    Speech and Signal Processing 24(5), 1976.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((2, 8000))
    >>> float(log_spectral_distance(noise, 0.5 * noise).round(1))
    6.0
    """
    samples, others, *_ = unpack_pair(reference, estimate)
    first, second = as_pair(samples, others, allow_mono=True)
    if first.ndim == 1:
        first, second, per_channel = first[None], second[None], False
    floor_db = as_number(floor_db, "floor_db", maximum=0.0)
    sizes = as_count(n_fft, "n_fft"), as_count(hop, "hop")
    values = np.full(first.shape[:-1] if per_channel else first.shape[:-2], np.nan)
    for item in np.ndindex(first.shape[:-2]):
        spectra = PairedSpectra(first[item], second[item], *sizes)
        metric = LogSpectralDistance(spectra, floor_db, per_channel)
        values[item] = spectra.measure(metric)["log_spectral_distance"]
    return values[()]


class LogSpectralDistance:
    """`log_spectral_distance` of one item.

    Parameters
    ----------
    spectra : PairedSpectra
        Spectra of equal length.
    floor_db, per_channel
        As for `log_spectral_distance`.
    """

    def __init__(
        self, spectra: PairedSpectra, floor_db: float = -60.0, per_channel: bool = False
    ) -> None:
        loudest = float(spectra.loudest)
        smallest = np.finfo(np.float64).tiny ** 0.5
        self._silent, self._per_channel = loudest == 0.0, per_channel
        self._minimum = max(10.0 ** (floor_db / 20.0) * loudest, smallest) ** 2
        self.double = self._minimum < MIN_FLOAT32_POWER
        self._totals = np.zeros((2, spectra.channels))

    def add(self, reference: NDArray[Any], estimate: NDArray[Any]) -> None:
        """Add the next blocks (channels, frames, bins)."""
        for channel, (truth, found) in enumerate(zip(reference, estimate, strict=True)):
            ratios, sums = _compared(truth, found, self._minimum)
            distance = 0.5 * np.sqrt(np.mean(np.square(ratios, out=ratios), axis=-1))
            audible = sums[:, 2] > 0.0
            self._totals[0, channel] += np.sum(distance, where=audible, dtype=np.float64)
            self._totals[1, channel] += np.count_nonzero(audible)

    def results(self) -> dict[str, Any]:
        """Return the value in dB, or that of each channel; NaN where nothing is above the floor."""
        totals, counts = self._totals if self._per_channel else self._totals.sum(axis=-1)
        values = np.full(np.shape(totals), np.nan)
        np.divide(totals, counts, out=values, where=(counts > 0.0) & (not self._silent))
        return {"log_spectral_distance": 20.0 / np.log(10.0) * values}


def multi_resolution_stft(
    reference: AudioLike[Any], estimate: AudioLike[Any], *, per_channel: bool = False
) -> NDArray[np.float64]:
    r"""Calculate the multi-resolution STFT distance.

    .. math:: \mathrm{mean}_r \left( \frac{\| |E| - |S| \|}{\| |S| \|}
        + \mathrm{mean} \left| \ln |E| - \ln |S| \right| \right)

    over the `STFT_RESOLUTIONS` r; norms and means are over all channels, bins and frames of an
    item. Powers below `STFT_MIN_POWER` count as that power. Windows are Hann windows; signals are
    padded by reflection.

    Parameters
    ----------
    reference, estimate : array_like of float or Audio, shape (..., channels, samples) or (samples,)
        Signals of equal shape with more than 1024 samples. The value depends on their level,
        because of the minimum: full scale is 1.
    per_channel : bool
        Whether to return one value per channel instead of one per item.

    Returns
    -------
    ndarray of float64, shape (...) or (..., channels)
        Without unit; 0 for equal magnitudes, NaN where the reference is silent.

    Raises
    ------
    ShapeError
        If the shapes differ, or the signals are too short.
    SignalError
        If a sample is NaN or infinite.

    References
    ----------
    R. Yamamoto, E. Song and J.-M. Kim, "Parallel WaveGAN", ICASSP 2020; resolutions and minimum as
    in auraloss 0.4.0 (C. J. Steinmetz and J. D. Reiss, "auraloss: audio-focused loss functions in
    PyTorch", DMRN+15, 2020).

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal(4000)
    >>> float(multi_resolution_stft(noise, 0.5 * noise).round(2))
    1.19
    """
    samples, others, *_ = unpack_pair(reference, estimate)
    first, second = as_pair(samples, others, allow_mono=True)
    minimum = max(n_fft for n_fft, _, _ in STFT_RESOLUTIONS) // 2
    if first.shape[-1] <= minimum:
        raise ShapeError(
            f"reference and estimate must have more than {minimum} samples, got {first.shape[-1]}"
        )
    joint = first.ndim > 1 and not per_channel
    distances = []
    for n_fft, hop, width in STFT_RESOLUTIONS:
        sums = np.zeros((4, *first.shape[:-1]))  # |E - S|^2, |S|^2, |ln E - ln S|, count
        for item in np.ndindex(first.shape[:-2]):
            blocks = (
                _reflected_spectra(audio[item], n_fft, hop, width) for audio in (first, second)
            )
            for n, (s, e) in enumerate(zip(*blocks, strict=True)):
                place = (*item, n % first.shape[-2]) if first.ndim > 1 else item
                ratios, found = _compared(s, e, STFT_MIN_POWER)
                sums[(slice(2), *place)] += found[:, :2].sum(axis=0)
                add_magnitudes(ratios, total := np.zeros(1))
                sums[(2, *place)] += 0.5 * total[0]
                sums[(3, *place)] += ratios.size
        if joint:
            sums = sums.sum(axis=-1)
        distances.append(np.sqrt(sums[0] / sums[1]) + sums[2] / sums[3])
    values = np.mean(distances, axis=0)
    energies = channel_energies(first)
    return np.where((energies.sum(axis=-1) if joint else energies) > 0.0, values, np.nan)[()]


def _compared(
    reference: NDArray[Any], estimate: NDArray[Any], minimum: float
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return logarithms of the ratios of powers (frames, bins), and sums of `compare_powers`."""
    ratios = np.empty(reference.shape, reference.real.dtype)
    sums = np.empty((len(reference), 3))
    compare_powers(reference, estimate, minimum, ratios, sums)
    return np.log(ratios, out=ratios), sums


def _reflected_spectra(
    audio: NDArray[Any], n_fft: int, hop: int, width: int
) -> Iterator[NDArray[Any]]:
    """Yield spectra (frames, bins) of a signal that is reflected at both ends.

    Blocks of frames are in order, and the channels of a block one after the other: the spectra of
    a channel stay in the CPU cache. Each replaces the one before it in memory.
    """
    half, samples = n_fft // 2, audio.shape[-1]
    before = (n_fft - width) // 2  # the window is in the middle of the frame
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(width) / width)
    window = window.astype(audio.dtype)
    count = 1 + samples // hop
    together = min(FRAMES_PER_BLOCK * 2048 // n_fft, count)
    padded = np.zeros((together, n_fft), audio.dtype)
    spectra = np.empty((together, half + 1), np.result_type(audio.dtype, np.complex64))
    for first in range(0, count, together):
        frames = min(together, count - first)
        start = first * hop - half + before
        part = _reflected(audio, start, start + (frames - 1) * hop + width)
        for row in np.atleast_2d(part):
            # A shift of the window within the frame changes the phase only.
            rfft_frames(row[None], hop, window, n_fft, spectra[None, :frames], padded)
            yield spectra[:frames]


def _reflected(audio: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    """Return samples of a signal (..., samples) that is reflected at both ends."""
    samples = audio.shape[-1]
    parts = []
    if start < 0:
        parts.append(audio[..., max(1 - stop, 1) : 1 - start][..., ::-1])
    parts.append(audio[..., max(start, 0) : min(stop, samples)])
    if stop > samples:
        last = 2 * samples - 1 - max(start, samples)
        parts.append(audio[..., 2 * samples - 1 - stop : last][..., ::-1])
    return np.concatenate(parts, axis=-1)
