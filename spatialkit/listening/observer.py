"""Binaural observer: a model that answers listening tests about directions of instruments.

It is a surrogate where no listeners are available, and must be reported as a model. It evaluates
directions in the horizontal plane only: not timbre, reverberation, distance or preference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit import auditory
from spatialkit.binaural import HRTF, read_hrtf
from spatialkit.errors import OptionError, ShapeError
from spatialkit.layouts import Layout, channels_of, get_layout
from spatialkit.stft import stft
from spatialkit.typing import StrPath
from spatialkit.validation import as_audio, as_sample_rate, require_finite

__all__ = ["BinauralObserver"]

N_FFT = 4096
# Azimuths of the directions that cues are compared with, in degrees, and orientations of the head,
# which distinguish front and rear; both are multiples of the same step.
STEP = 3.0
YAWS = (-15.0, 0.0, 15.0)
# Just noticeable differences of hearing (Blauert, "Spatial Hearing", 1997, section 2.4).
JND_ITD = 20e-6
JND_ILD = 1.0
# Bands of a stem this far below its loudest band, and stems this far below the loudest one in a
# signal, are inaudible.
FLOOR_DB = -40.0
# Relative to the power of the stems in a bin: keeps the regression of silent bins finite.
REGULARIZATION = 1e-6


class BinauralObserver:
    r"""Model of a listener who compares the directions of instruments with a reference.

    The stems of the music are known. The transfer function from each stem to each channel of a
    signal is estimated by least squares,

    .. math:: W(f) = S_{xs}(f) \, S_{ss}(f)^{-1}

    with the cross-spectra of channels and stems, averaged over time. The head-related transfer
    functions of the loudspeakers convert it to one from each stem to both ears. Its interaural
    time difference below 1.5 kHz and level differences in bands of one ERB, for three orientations
    of the head, are compared with those of a single source in each direction of the horizontal
    plane. The estimated direction has the least squared difference in units of just noticeable
    differences (20 us, 1 dB).

    Parameters
    ----------
    stems : array_like of float, shape (stems, samples)
        Mono signals of the instruments.
    sample_rate : float
        Hz, at least 8000.
    layout : str or Layout
        Loudspeakers of all signals.
    hrtf : str, path or HRTF
        As in `spatialkit.binaural.read_hrtf`.

    Raises
    ------
    ShapeError, SignalError, OptionError, LayoutError
        If an argument is not accepted.

    Notes
    -----
    Sound that does not depend linearly on the stems, such as ambience that is decorrelated in time,
    is ignored.

    Examples
    --------
    >>> import numpy as np
    >>> from spatialkit import vbap_pan
    >>> stems = np.random.default_rng(0).standard_normal((2, 48000))
    >>> observer = BinauralObserver(stems, 48000)
    >>> observer.directions(vbap_pan(stems, [30.0, -110.0])).round()
    array([  30., -110.])
    """

    def __init__(
        self,
        stems: ArrayLike,
        sample_rate: float,
        *,
        layout: str | Layout = "5.0",
        hrtf: StrPath | HRTF = "ku100",
    ) -> None:
        self._rate = as_sample_rate(sample_rate, minimum=8000)
        self.layout = get_layout(layout)
        signals = as_audio(stems, "stems")
        if signals.ndim != 2:
            raise ShapeError(f"stems must have shape (stems, samples), got {signals.shape}")
        require_finite(signals, "stems")
        self._samples = signals.shape[1]
        self._spectra = _spectra(signals)
        self._products = np.einsum("ift,jft->fij", self._spectra, self._spectra.conj())
        self._power = np.einsum("fii->if", self._products).real
        own = (hrtf if isinstance(hrtf, HRTF) else read_hrtf(hrtf)).resampled(self._rate)
        speakers = self.layout.loudspeakers
        azimuth, elevation = self.layout.azimuth[speakers], self.layout.elevation[speakers]
        # A head that turns to the left rotates the scene to the right.
        turned = azimuth - np.array(YAWS)[:, None]
        self._ears = _responses(own, turned, elevation)  # (yaws, loudspeakers, 2, bins)
        grid = np.arange(-180.0, 180.0, STEP)
        self._templates = self._cues(_responses(own, grid, 0.0)[:, None])

    def directions(self, audio: ArrayLike) -> NDArray[np.float64]:
        """Estimate the azimuth at which each instrument is heard.

        Parameters
        ----------
        audio : array_like of float, shape (channels, samples)
            Channels of the layout, of the length of the stems.

        Returns
        -------
        ndarray of float64, shape (stems,)
            Degrees, -180 to 180; NaN for stems that are silent or not audible in the signal.
        """
        weights = self._transfer(audio)
        ears = np.einsum("sfc,ycef->ysef", weights, self._ears)
        power = np.einsum("ysef,sf->s", np.abs(ears) ** 2, self._power)
        times, levels = self._cues(ears)
        distance = self._distances(times, levels)
        found = np.array([_minimum(each) for each in distance])
        audible = power > 10.0 ** (FLOOR_DB / 10.0) * power.max(initial=0.0)
        return np.where(audible, found, np.nan)

    def errors(self, reference: ArrayLike, estimate: ArrayLike) -> NDArray[np.float64]:
        """Return the angle between the directions of each stem in two signals.

        Parameters
        ----------
        reference, estimate : array_like of float, shape (channels, samples)

        Returns
        -------
        ndarray of float64, shape (stems,)
            Degrees, 0 to 180. NaN for stems that are not audible in the reference; 180 for those
            that are audible there only.
        """
        first, second = self.directions(reference), self.directions(estimate)
        angles = np.abs((second - first + 180.0) % 360.0 - 180.0)
        return np.where(np.isnan(second) & ~np.isnan(first), 180.0, angles)

    def choose(
        self, reference: ArrayLike, first: ArrayLike, second: ArrayLike
    ) -> NDArray[np.float64]:
        """Answer the listening test of the style transfer paper.

        Parameters
        ----------
        reference, first, second : array_like of float, shape (channels, samples)

        Returns
        -------
        ndarray of float64, shape (stems + 1,)
            For each stem and, last, overall (the mean of the errors): 1 if the direction in
            ``first`` is closer to the reference, 0 if that in ``second`` is, 0.5 if both are
            equally close, NaN if the stem is not audible.
        """
        errors = np.array([self.errors(reference, each) for each in (first, second)])
        known = ~np.isnan(errors[0])
        overall = errors[:, known].mean(axis=1) if known.any() else np.full(2, np.nan)
        difference = np.append(errors[1] - errors[0], overall[1] - overall[0])
        return 0.5 + 0.5 * np.sign(difference)

    def _transfer(self, audio: ArrayLike) -> NDArray[np.complex128]:
        """Return the transfer functions (stems, bins, loudspeakers) from the stems."""
        signals = channels_of(audio, self.layout)
        if signals.ndim != 2 or signals.shape[1] != self._samples:
            raise OptionError(
                f"audio must have shape ({self.layout.n_channels}, {self._samples}), as long as "
                f"the stems, got {signals.shape}"
            )
        require_finite(signals, "audio")
        spectra = _spectra(signals[self.layout.loudspeakers])
        cross = np.einsum("jft,cft->fjc", self._spectra.conj(), spectra)
        total = np.einsum("fii->f", self._products).real
        floor = REGULARIZATION * np.maximum(total, 1e-12 * total.max(initial=1e-300))
        count = self._products.shape[-1]
        matrix = self._products.conj() + np.maximum(floor, 1e-300)[:, None, None] * np.eye(count)
        return np.linalg.solve(matrix, cross).transpose(1, 0, 2)

    def _cues(
        self, ears: NDArray[np.complex128]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return ITD (..., stems) in s and ILD (..., stems, bands) in dB, NaN where inaudible.

        ``ears`` are responses of both ears, (..., stems or 1, 2, bins).
        """
        starts, _ = auditory.erb_bands(self._rate, N_FFT)
        received = np.abs(ears) ** 2 * self._power[:, None]
        bands = auditory.sum_bands(received, starts)
        stem_bands = auditory.sum_bands(self._power, starts)
        loudest = stem_bands.max(axis=-1, keepdims=True)
        audible = (stem_bands > 10.0 ** (FLOOR_DB / 10.0) * loudest) & (stem_bands > 0.0)
        audible = audible & (bands > 0.0).all(axis=-2)
        levels = np.full(audible.shape, np.nan)
        ratio = np.ones(audible.shape)
        np.divide(bands[..., 0, :], bands[..., 1, :], out=ratio, where=audible)
        levels[audible] = 10.0 * np.log10(ratio[audible])
        # All audible bands count equally for the time difference.
        scale = np.zeros(audible.shape)
        np.divide(1.0, np.sqrt(bands.prod(axis=-2)), out=scale, where=audible)
        cross = np.zeros((*audible.shape[:-1], ears.shape[-1]), np.complex128)
        inside = slice(starts[0], starts[-1])
        product = (ears[..., 0, :] * ears[..., 1, :].conj()) * self._power
        cross[..., inside] = product[..., inside] * np.repeat(scale, np.diff(starts), axis=-1)
        cross *= auditory.low_frequency_weights(self._rate, N_FFT)
        return auditory.interaural_delay(cross, self._rate), levels

    def _distances(
        self, times: NDArray[np.float64], levels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return squared differences to each direction (stems, directions), summed over yaws."""
        total = np.zeros((times.shape[-1], len(self._templates[0])))
        for yaw, itd, ild in zip(YAWS, times, levels, strict=True):
            # The template of azimuth a for a turned head is that of azimuth a - yaw.
            shift = round(yaw / STEP)
            known_itd = np.roll(self._templates[0], shift, axis=0)
            known_ild = np.roll(self._templates[1], shift, axis=0)
            squares = ((known_ild - ild) / JND_ILD) ** 2
            count = np.count_nonzero(~np.isnan(squares), axis=-1)
            mean = np.nansum(squares, axis=-1) / np.maximum(count, 1)
            time = ((known_itd - itd) / JND_ITD) ** 2
            total += (np.nan_to_num(time) + mean).T
        return total


def _spectra(signals: NDArray[Any]) -> NDArray[np.complex128]:
    return stft(signals.astype(np.float64), n_fft=N_FFT, hop=N_FFT // 4)


def _responses(hrtf: HRTF, azimuth: Any, elevation: Any) -> NDArray[np.complex128]:
    return np.fft.rfft(hrtf.at(azimuth, elevation), N_FFT, axis=-1)


def _minimum(distances: NDArray[np.float64]) -> float:
    """Return the azimuth of the smallest distance, refined by a parabola."""
    best = int(np.argmin(distances))
    left, middle, right = distances[[best - 1, best, (best + 1) % len(distances)]]
    curvature = left - 2.0 * middle + right
    offset = 0.5 * (left - right) / curvature if curvature > 0.0 else 0.0
    azimuth = -180.0 + STEP * (best + offset)
    return float((azimuth + 180.0) % 360.0 - 180.0)
