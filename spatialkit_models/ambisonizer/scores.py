"""Metrics of first-order Ambisonics against a reference scene."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import virtual_microphones
from spatialkit.geometry import angle_between
from spatialkit.metrics import si_sdr, snr
from spatialkit.results import Metric
from spatialkit.stft import stft
from spatialkit_models.ambisonizer.cues import CUES, CuePool, cue_distances, cues_of
from spatialkit_models.ambisonizer.decoded import DECODED
from spatialkit_models.ambisonizer.field import Field, field_of
from spatialkit_models.data.songs import SILENCE
from spatialkit_models.evaluation import estimate_images
from spatialkit_models.stem_names import STEMS
from spatialkit_models.stft_resolutions import MIN_POWER, RESOLUTIONS

__all__ = ["METRICS", "MONO", "Reference", "side_scores"]

W, Y, X = 0, 1, 3
# Value in dB that stands for equal signals.
MAX_SNR = 200.0
# Azimuths in degrees of the two cardioids that decode a scene to stereo.
MICROPHONES = (45.0, -45.0)
# Error in degrees where the estimate has no direction: the mean error of a random direction.
NO_DIRECTION = 90.0
# Position on the stage from which a stem is in front or in the rear.
MIN_STAGE = 0.5

SIDES = "Energy on the specified side by stem"
_MORE, _Y = "Spectra, downmix, stereo of two cardioids", "Y"
MONO = "Mono input"
_LOSS = "of the STFTs at the three resolutions of the published network's loss"

METRICS = (
    Metric("x_snr", "SNR of X", "dB", "higher", "X against its error without scaling: an X of too "
           "low a level scores better than a wrong one."),
    Metric("x_si_sdr", "SI-SDR of X", "dB", "higher", "SNR of X with the reference scaled to fit; "
           "level and polarity do not count."),
    Metric("direction_error", "direction error", "degrees", "lower", "Angle between the active "
           "intensities in each band and frame, weighted by that of the reference; no direction "
           "counts as 90 degrees."),
    Metric("front_rear_accuracy", "front/rear accuracy", "%", "higher", "Fraction of the reference "
           "intensity along x whose sign, front or rear, is correct; no sign counts half."),
    Metric("diffuseness_error", "diffuseness error", "%", "lower", "Mean absolute error of "
           "1 - |intensity| / energy, weighted by the reference energy."),
    Metric("x_level", "level of X", "dB", "near 0", "Energy of X relative to that of the "
           "reference."),
    *(
        Metric(f"side_{stem}", stem, "%", "higher", "", SIDES) for stem in STEMS
    ),
    Metric("side_explained", "explained", "%", "higher", "Energy of the front and rear cardioids "
           "that the regression on the stems explains. By stem: energy of its image in the "
           "cardioid of its side, front or rear, relative to that in both; stems in the middle "
           "(stage between -0.5 and 0.5) or below -50 dBFS are left out.", SIDES),
    *DECODED,
    Metric("diffuseness_bias", "diffuseness bias", "%", "near 0", "Mean signed error of the "
           "diffuseness.", _MORE),
    Metric("x_convergence", "spectral convergence of X", "%", "lower", "Norm of the error of the "
           f"magnitudes {_LOSS}, relative to the norm of the reference.", _MORE),
    Metric("x_log_error", "log spectral error of X", "dB", "lower", "Mean absolute difference of "
           f"the levels {_LOSS}.", _MORE),
    Metric("downmix_snr", "downmix SNR", "dB", "higher", "W against (L + R) / 2; 200 dB stand for "
           "equal signals.", _MORE),
    Metric("width", "width", "dB", "near 0", "Level of the difference relative to the sum of "
           "cardioids at 45 and -45 degrees, minus that of the reference.", _MORE),
    Metric("correlation", "correlation", "%", "near 0", "Correlation of these cardioids, minus "
           "that of the reference.", _MORE),
    Metric("y_snr", "SNR of Y", "dB", "higher", "Passing Y through in float32 gives about 140 dB; "
           "200 dB stand for equal signals.", _Y),
    Metric("y_si_sdr", "SI-SDR of Y", "dB", "higher", "", _Y),
    Metric("y_convergence", "spectral convergence of Y", "%", "lower", "", _Y),
    Metric("y_log_error", "log spectral error of Y", "dB", "lower", "", _Y),
    Metric("mono_diffuseness", "diffuseness", "%", "lower", "Wasserstein distance between the "
           "energy-weighted distributions of the diffuseness of estimate and reference.", MONO),
    Metric("mono_azimuth", "azimuth", "degrees", "lower", "The same for the azimuth of the "
           "intensity, on the circle.", MONO),
    Metric("mono_coherence", "coherence", "%", "lower", "The same for the real part of the "
           "coherence of W + Y and W - Y.", MONO),
    Metric("mono_level_difference", "level difference", "dB", "lower", "The same for the level of "
           "W + Y relative to that of W - Y, limited to 60 dB.", MONO),
    Metric("mono_y_level", "level of Y", "dB", "near 0", "Energy of Y relative to that of the "
           "reference.", MONO),
    Metric("mono_diversity", "diversity", "degrees", "higher", "Mean angle between the intensities "
           "of estimates with different seeds, weighted by the energy of the input.", MONO),
    Metric("mono_downmix_snr", "downmix SNR", "dB", "higher", "W against the input; 200 dB stand "
           "for equal signals.", MONO),
)  # fmt: skip


class Reference:
    """A reference scene that estimates are evaluated against.

    Parameters
    ----------
    foa : ndarray, shape (4, samples)
        AmbiX: W, Y, Z, X.
    sample_rate : int
        Sample rate in Hz.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(8000)
    >>> w, y, z, x = np.stack([noise, 0.6 * noise, 0.0 * noise, 0.8 * noise])
    >>> rear = Reference(np.stack([w, y, z, x]), 8000).scores(
    ...     np.stack([w, y, z, -x]), np.stack([w + y, w - y])
    ... )
    >>> round(rear["direction_error"], 3), rear["front_rear_accuracy"], round(rear["x_level"], 3)
    (106.26, 0.0, 0.0)
    """

    def __init__(self, foa: NDArray[Any], sample_rate: int) -> None:
        self.foa, self.sample_rate = foa, sample_rate
        self.field = field_of(foa, sample_rate)
        self._magnitudes: dict[int, list[NDArray[Any]]] = {}

    def scores(self, estimate: NDArray[Any], stereo: NDArray[Any]) -> dict[str, float]:
        """Return the value of each of `METRICS` for an upmix of stereo.

        Parameters
        ----------
        estimate : ndarray, shape (4, samples)
            AmbiX.
        stereo : ndarray, shape (2, samples)
            Input of the upmix.
        """
        field, reference = field_of(estimate, self.sample_rate), self.field
        weight = np.linalg.norm(reference.intensity, axis=0)
        excess = field.diffuseness - reference.diffuseness
        same_sign = 0.5 + 0.5 * np.sign(field.intensity[0]) * np.sign(reference.intensity[0])
        found = {
            "direction_error": _weighted(_angles(reference, field), weight),
            "front_rear_accuracy": 100.0 * _weighted(same_sign, np.abs(reference.intensity[0])),
            "diffuseness_error": 100.0 * _weighted(np.abs(excess), reference.energy),
            "diffuseness_bias": 100.0 * _weighted(excess, reference.energy),
            "x_level": _level(estimate[X], self.foa[X]),
            "downmix_snr": _capped_snr(stereo.mean(0), estimate[W]),
            **self._decoded_errors(estimate),
        }
        for name, row in (("x", X), ("y", Y)):
            found[f"{name}_snr"] = _capped_snr(self.foa[row], estimate[row])
            found[f"{name}_si_sdr"] = min(float(si_sdr(self.foa[row], estimate[row])), MAX_SNR)
            errors = self._spectral_errors(estimate, row)
            found[f"{name}_convergence"], found[f"{name}_log_error"] = errors
        return found

    def mono_scores(
        self, estimates: Sequence[NDArray[Any]], mono: NDArray[Any], pool: CuePool | None = None
    ) -> dict[str, float]:
        """Return the value of each of `METRICS` for upmixes of mono, averaged over the estimates.

        Parameters
        ----------
        estimates : sequence of ndarray, shape (4, samples)
            AmbiX, one per seed.
        mono : ndarray, shape (1, samples)
            Input of the upmix.
        pool : CuePool, optional
            Pool that the distributions are added to.
        """
        fields = [field_of(one, self.sample_rate) for one in estimates]
        reference, cues = cues_of(self.field), [cues_of(field) for field in fields]
        if pool:
            pool.add(reference, cues)
        distances = [cue_distances(reference, one) for one in cues]
        found = {f"mono_{name}": float(np.mean([one[name] for one in distances])) for name in CUES}
        angles = [_weighted(_angles(a, b), self.field.omni) for a, b in combinations(fields, 2)]
        found["mono_diversity"] = float(np.mean(angles)) if angles else 0.0
        found["mono_y_level"] = float(np.mean([_level(one[Y], self.foa[Y]) for one in estimates]))
        found["mono_downmix_snr"] = min(_capped_snr(mono[0], one[W]) for one in estimates)
        return found

    def _decoded_errors(self, estimate: NDArray[Any]) -> dict[str, float]:
        """Return the errors of width and correlation of two virtual microphones."""
        pairs = (virtual_microphones(foa, MICROPHONES) for foa in (estimate, self.foa))
        (width, correlation), (reference_width, reference_correlation) = map(_stereo_image, pairs)
        return {
            "width": width - reference_width,
            "correlation": 100.0 * (correlation - reference_correlation),
        }

    def _spectral_errors(self, estimate: NDArray[Any], row: int) -> tuple[float, float]:
        """Return the spectral convergence in % and the mean difference of levels in dB."""
        if row not in self._magnitudes:
            self._magnitudes[row] = _magnitudes(self.foa[row])
        convergence, difference = [], []
        for reference, found in zip(self._magnitudes[row], _magnitudes(estimate[row]), strict=True):
            convergence.append(np.linalg.norm(reference - found) / np.linalg.norm(reference))
            difference.append(np.mean(np.abs(np.log10(found / reference))))
        return 100.0 * float(np.mean(convergence)), 20.0 * float(np.mean(difference))


def _angles(first: Field, second: Field) -> NDArray[np.float64]:
    """Return the angles in degrees between intensities by band and frame."""
    angles = angle_between(
        np.moveaxis(first.intensity, 0, -1), np.moveaxis(second.intensity, 0, -1)
    )
    return np.where(np.isnan(angles), NO_DIRECTION, angles)


def _weighted(values: NDArray[Any], weights: NDArray[Any]) -> float:
    """Return the weighted mean, NaN if all weights are zero."""
    total = weights.sum()
    return float((values * weights).sum() / total) if total > 0.0 else np.nan


def _level(estimate: NDArray[Any], reference: NDArray[Any]) -> float:
    """Return the energy relative to that of the reference in dB; NaN if that is silent."""
    energy, expected = (
        float(np.sum(np.square(one, dtype=np.float64))) for one in (estimate, reference)
    )
    if not expected:
        return np.nan
    return 10.0 * float(np.log10(energy / expected)) if energy else -np.inf


def _capped_snr(reference: NDArray[Any], estimate: NDArray[Any]) -> float:
    return min(float(snr(reference, estimate)), MAX_SNR)


def _stereo_image(pair: NDArray[Any]) -> tuple[float, float]:
    """Return the level of the difference relative to the sum in dB, and the correlation."""
    left, right = pair.astype(np.float64)
    correlated = float(left @ right)
    energy, product = float(left @ left + right @ right), float((left @ left) * (right @ right))
    with np.errstate(divide="ignore", invalid="ignore"):  # silence, or a silent sum
        width = 10.0 * np.log10(np.float64(energy - 2.0 * correlated) / (energy + 2.0 * correlated))
        return float(width), float(correlated / np.sqrt(product))


def _magnitudes(signal: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the magnitudes (bins, frames) at each resolution of the loss."""
    found = []
    for n_fft, hop, length in RESOLUTIONS:
        window = np.zeros(n_fft)
        start = (n_fft - length) // 2
        window[start : start + length] = 0.5 - 0.5 * np.cos(
            2.0 * np.pi * np.arange(length) / length
        )
        spectrum = stft(signal, n_fft=n_fft, hop=hop, window=window)
        found.append(np.maximum(np.abs(spectrum), MIN_POWER**0.5))
    return found


def side_scores(
    stems: NDArray[Any], stage: Sequence[float], estimate: NDArray[Any], sample_rate: int
) -> dict[str, float]:
    """Return the energy of each stem on the side that the stage specifies, in %.

    Parameters
    ----------
    stems : ndarray, shape (4, 2, samples)
        Stereo stems of the input.
    stage : sequence of float
        Front-rear position of each stem, from -1 (rear) to 1 (front).
    estimate : ndarray, shape (4, samples)
        AmbiX.
    sample_rate : int
        Sample rate in Hz.

    Examples
    --------
    >>> stems = np.random.default_rng(0).standard_normal((4, 2, 8000))
    >>> w, y = stems.sum(0).mean(0), 0.5 * (stems[:, 0] - stems[:, 1]).sum(0)
    >>> x = stems.mean(1)[:3].sum(0)
    >>> found = side_scores(stems, (1.0, 1.0, 1.0, -1.0), np.stack([w, y, 0.0 * w, x]), 8000)
    >>> [round(found[f"side_{stem}"]) for stem in STEMS]
    [100, 100, 100, 50]
    """
    w, x = estimate[W], estimate[X]
    images = estimate_images(stems, 0.5 * np.stack([w + x, w - x]), sample_rate)
    front, rear = images.energy().sum(0).T
    energies = np.where(np.asarray(stage) > 0.0, front, rear)
    defined = (np.abs(stage) >= MIN_STAGE) & (np.mean(np.square(stems), axis=(1, 2)) > SILENCE)
    with np.errstate(divide="ignore", invalid="ignore"):  # silent stems
        sides = np.where(defined, 100.0 * energies / (front + rear), np.nan)
    return {
        "side_explained": 100.0 * images.explained(),
        **{f"side_{stem}": float(side) for stem, side in zip(STEMS, sides, strict=True)},
    }
