"""Images of true stems in the channels of an upmix, estimated by linear regression.

The output of an upmixer is a black box. If the true stems of its input are known, the least-squares
coefficients of each output channel on the channels of all stems, in each frequency band and window
of about 10 s, estimate where each stem is. The regression is that of the decomposition of BSS Eval
into image, spatial distortion, interference and artifacts [1]_, with complex coefficients that are
constant within a band instead of filters.

References
----------
.. [1] E. Vincent et al., "First stereo audio source separation evaluation campaign: data,
   algorithms and results", ICA 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.stft import stft

__all__ = ["StemImages", "estimate_images"]

WINDOW_SECONDS = 10.0
# Length of an STFT frame, rounded to the nearest power of two in samples.
FRAME_SECONDS = 0.093
# Ridge relative to the mean power of the stems in a band: without it, stems that are nearly silent
# in a band, or equal to another one, would get arbitrary coefficients.
RIDGE = 1e-4
# Power relative to the loudest band below which a band is silence.
SILENT = 1e-12


@dataclass(frozen=True, eq=False)
class StemImages:
    """Images of stems by window and frequency band.

    Parameters
    ----------
    coefficients : ndarray of complex, shape (windows, bands, channels, stems, 2)
        Least-squares coefficients of each output channel on left and right of each stem.
    covariance : ndarray of complex, shape (windows, bands, stems, 2, 2)
        Products of left and right of each stem, summed over bins and frames.
    residual : ndarray, shape (windows, bands)
        Energy of the output that is no linear function of the stems, sum over channels.
    output : ndarray, shape (windows, bands)
        Energy of the output, sum over channels.
    """

    coefficients: NDArray[np.complex128]
    covariance: NDArray[np.complex128]
    residual: NDArray[np.float64]
    output: NDArray[np.float64]

    def energy(self) -> NDArray[np.float64]:
        """Return the energy of each stem's image by channel, (windows, stems, channels)."""
        return self._energy(self.coefficients)

    def stem_energy(self) -> NDArray[np.float64]:
        """Return the energy of the true stems, (windows, stems)."""
        return self._powers().sum(1)

    def target_energy(self, matrices: NDArray[Any]) -> NDArray[np.float64]:
        """Return the energy of the stems mixed by matrices, (windows, stems, channels).

        Parameters
        ----------
        matrices : ndarray, shape (stems, channels, 2)
            Gains from left and right of each stem to the channels.
        """
        return self._energy(_as_coefficients(matrices))

    def error(self, matrices: NDArray[Any]) -> NDArray[np.float64]:
        """Return the energy of the error of each stem's image, (windows, stems).

        The error is the difference to the image that ``matrices`` (see `target_energy`) mix, and
        a part of the residual: that of a band is attributed to the stems in proportion to their
        power in the band.
        """
        error = self._energy(self.coefficients - _as_coefficients(matrices)).sum(2)
        powers = self._powers()
        total = powers.sum(2, keepdims=True)
        ratios = np.divide(powers, total, out=np.zeros_like(powers), where=total > 0.0)
        return error + np.einsum("wb,wbs->ws", self.residual, ratios)

    def explained(self) -> float:
        """Return the ratio of the output's energy that is a linear function of the stems."""
        total = self.output.sum()
        return float(1.0 - self.residual.sum() / total) if total else np.nan

    def _powers(self) -> NDArray[np.float64]:
        return np.einsum("wbscc->wbs", self.covariance).real

    def _energy(self, coefficients: NDArray[Any]) -> NDArray[np.float64]:
        """Return the energy after mixing by coefficients (windows, bands, channels, stems, 2)."""
        products = np.einsum(
            "wbcsi,wbsij,wbcsj->wsc",
            coefficients, self.covariance, coefficients.conj(), optimize=True,
        )  # fmt: skip
        return products.real


def estimate_images(stems: NDArray[Any], output: NDArray[Any], sample_rate: int) -> StemImages:
    """Estimate the image of each true stem in the channels of an upmix.

    Delays far below the length of a frame (93 ms) are part of the coefficients. Decorrelated or
    otherwise changed copies of a stem, and time-varying gains except for their mean, are part of
    the residual.

    Parameters
    ----------
    stems : ndarray, shape (stems, 2, samples)
        True stems of the upmixer's input.
    output : ndarray, shape (channels, samples)
    sample_rate : int
        Sample rate in Hz.

    Examples
    --------
    >>> stems = np.random.default_rng(0).standard_normal((2, 2, 16000))
    >>> output = np.stack([stems[0, 0] + 0.1 * stems[1, 0], stems[1, 0]])
    >>> energy = estimate_images(stems, output, 8000).energy()[0]
    >>> (100.0 * energy / energy.sum(1, keepdims=True)).round(1) + 0.0
    array([[100.,   0.],
           [  1.,  99.]])
    """
    n_fft = 2 ** round(np.log2(FRAME_SECONDS * sample_rate))
    inputs = stems.reshape(-1, stems.shape[-1])
    spectra = stft(np.concatenate([inputs, output]), n_fft=n_fft, hop=n_fft // 2)
    count = max(1, round(stems.shape[-1] / sample_rate / WINDOW_SECONDS))
    starts = _bands(n_fft, sample_rate)
    windows = [_covariance(part, starts) for part in np.array_split(spectra, count, axis=-1)]
    covariance, n = np.stack(windows), len(inputs)
    gram, cross = covariance[..., :n, :n], covariance[..., n:, :n]
    powers = np.einsum("wbii->wb", gram).real / n
    floor = RIDGE * powers + SILENT * max(float(powers.max()), np.finfo(float).tiny)
    ridge = floor[..., None, None] * np.eye(n)
    # The transpose of the Hermitian system: coefficients times gram are the cross products.
    found = np.linalg.solve((gram + ridge).swapaxes(-1, -2), cross.swapaxes(-1, -2))
    coefficients = found.swapaxes(-1, -2)
    total = np.einsum("wbcc->wb", covariance[..., n:, n:]).real
    fitted = 2.0 * np.einsum("wbci,wbci->wb", coefficients, cross.conj()).real
    predicted = np.einsum(
        "wbci,wbij,wbcj->wb", coefficients, gram, coefficients.conj(), optimize=True
    ).real
    residual = np.maximum(total - fitted + predicted, 0.0)
    pairs = np.arange(n).reshape(len(stems), 2)
    own = gram[..., pairs[:, :, None], pairs[:, None, :]]
    shape = (*coefficients.shape[:-1], len(stems), 2)
    return StemImages(coefficients.reshape(shape), own, residual, total)


def _covariance(spectra: NDArray[Any], starts: NDArray[Any]) -> NDArray[np.complex128]:
    """Return the products of all pairs of channels, (bands, channels, channels)."""
    rows = spectra.swapaxes(0, 1)
    products = (rows @ rows.conj().swapaxes(-1, -2)).astype(np.complex128)
    return np.add.reduceat(products, starts, axis=0)


def _bands(n_fft: int, sample_rate: int) -> NDArray[np.intp]:
    """Return the first bin of each band, one ERB wide (Glasberg and Moore, 1990)."""
    frequency = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    numbers = np.floor(21.4 * np.log10(1.0 + 4.37e-3 * frequency))
    return np.flatnonzero(np.diff(numbers, prepend=-1.0))


def _as_coefficients(matrices: NDArray[Any]) -> NDArray[Any]:
    """Return matrices (stems, channels, 2) as coefficients of every window and band."""
    return matrices.swapaxes(0, 1)[None, None]
