"""How far first-order Ambisonics is from a scene that is known.

Directions and diffuseness are those of the active intensity, in bands one ERB wide, of frames of
about 46 ms that overlap by half, over three of them [1]_.

References
----------
.. [1] J. Merimaa and V. Pulkki, "Spatial impulse response rendering I", JAES 53(12), 2005.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import virtual_microphones
from spatialkit.geometry import angle_between
from spatialkit.metrics import active_intensity, energy_density, si_sdr, snr
from spatialkit.stft import moving_sum, stft
from spatialkit_models.ambisonizer.cues import CUES, CuePool, cue_distances, cues_of
from spatialkit_models.evaluation import Metric
from spatialkit_models.stft_resolutions import LEAST_POWER, RESOLUTIONS

__all__ = ["METRICS", "MONO", "Field", "Reference", "field_of"]

W, Y, X = 0, 1, 3
# Of a frame, which is the nearest power of two samples; and so many are taken together.
FRAME_SECONDS = 0.0465
FRAMES = 3
# dB that stand for equal signals.
MOST_SNR = 200.0
# Degrees of two cardioids, as a scene is decoded to stereo.
MICROPHONES = (45.0, -45.0)
# Degrees of error where there is no direction: the mean of a guess.
NOWHERE = 90.0

_MORE, _Y = "Spectra, fold-down, stereo of two cardioids", "Y"
MONO = "Mono input"
_LOSS = "of the STFTs at the three resolutions of the published network's loss"

METRICS = (
    Metric("x_snr", "SNR of X", "dB", "higher", "X against its error, as it is: rewards an X that "
           "is too small."),
    Metric("x_si_sdr", "SI-SDR of X", "dB", "higher", "The same of X scaled to fit; deaf to level "
           "and polarity."),
    Metric("direction_error", "direction error", "degrees", "lower", "Angle between the active "
           "intensities in each band and frame, weighted with the true one; no direction counts "
           "as 90."),
    Metric("right_side", "right side", "%", "higher", "Share of the true intensity's part along x "
           "whose sign, front or back, is right; no sign counts half."),
    Metric("diffuseness_error", "diffuseness error", "%", "lower", "Mean absolute error of "
           "1 - |intensity| / energy, weighted with the true energy."),
    Metric("x_level", "level of X", "dB", "near 0", "Energy of X against the true one's."),
    Metric("diffuseness_bias", "diffuseness bias", "%", "near 0", "As the diffuseness error, with "
           "its sign.", _MORE),
    Metric("x_convergence", "spectral convergence of X", "%", "lower", "Norm of the error of the "
           f"magnitudes {_LOSS} against the norm of the true ones.", _MORE),
    Metric("x_log_error", "log spectral error of X", "dB", "lower", "Mean absolute difference of "
           f"the levels {_LOSS}.", _MORE),
    Metric("fold_down", "fold-down", "dB", "higher", "W against (L + R) / 2; 200 dB stand for "
           "equal signals.", _MORE),
    Metric("width", "width", "dB", "near 0", "Level of the difference against the sum of cardioids "
           "at 45 and -45 degrees, less that of the true scene.", _MORE),
    Metric("correlation", "correlation", "%", "near 0", "Of these two, less that of the true "
           "scene's.", _MORE),
    Metric("y_snr", "SNR of Y", "dB", "higher", "Some 140 dB are Y passed through and rounded to "
           "float32, 200 dB equal signals.", _Y),
    Metric("y_si_sdr", "SI-SDR of Y", "dB", "higher", "", _Y),
    Metric("y_convergence", "spectral convergence of Y", "%", "lower", "", _Y),
    Metric("y_log_error", "log spectral error of Y", "dB", "lower", "", _Y),
    Metric("mono_diffuseness", "diffuseness", "%", "lower", "Wasserstein distance between the "
           "distributions of diffuseness, weighted with energy, in what was made and in the true "
           "scene.", MONO),
    Metric("mono_azimuth", "azimuth", "degrees", "lower", "The same of the intensity's azimuth, "
           "around the circle.", MONO),
    Metric("mono_coherence", "coherence", "%", "lower", "The same of the real part of the "
           "coherence of W + Y and W - Y.", MONO),
    Metric("mono_level_difference", "level difference", "dB", "lower", "The same of the level of "
           "W + Y against that of W - Y, limited to 60 dB.", MONO),
    Metric("mono_y_level", "level of Y", "dB", "near 0", "Energy of Y against the true one's.",
           MONO),
    Metric("mono_diversity", "diversity", "degrees", "higher", "Mean angle between the intensities "
           "that different seeds make of the same input, weighted with its energy.", MONO),
    Metric("mono_fold_down", "W", "dB", "higher", "W against the input; 200 dB stand for equal "
           "signals.", MONO),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Field:
    """What is felt of a scene, by bands and frames.

    Parameters
    ----------
    flow : ndarray, shape (3, bands, frames)
        Active intensity.
    energy, omni, side : ndarray, shape (bands, frames)
        Energy density; power of W, and of Y.
    """

    flow: NDArray[np.float64]
    energy: NDArray[np.float64]
    omni: NDArray[np.float64]
    side: NDArray[np.float64]

    @property
    def diffuseness(self) -> NDArray[np.float64]:
        """1 less the flowing share of the energy; 0 of silence."""
        flowing = np.ones_like(self.energy)
        np.divide(
            np.linalg.norm(self.flow, axis=0), self.energy, out=flowing, where=self.energy > 0.0
        )
        return np.maximum(1.0 - flowing, 0.0)


def field_of(foa: NDArray[Any], sample_rate: int) -> Field:
    """Analyse AmbiX (4, samples).

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
    # Numbers of ERBs by Glasberg and Moore (1990); low bands may hold no bin.
    bands = np.floor(21.4 * np.log10(1.0 + 4.37e-3 * frequency))
    starts = np.flatnonzero(np.diff(bands, prepend=-1.0))
    values = np.concatenate([active_intensity(spectrum), energy_density(spectrum)[None], powers])
    felt = moving_sum(np.add.reduceat(values, starts, axis=-2), frames=FRAMES)
    return Field(felt[:3], felt[3], felt[4], felt[5])


class Reference:
    """A scene that is known.

    Parameters
    ----------
    foa : ndarray, shape (4, samples)
        AmbiX: W, Y, Z, X.
    sample_rate : int
        Hz.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(8000)
    >>> w, y, z, x = np.stack([noise, 0.6 * noise, 0.0 * noise, 0.8 * noise])
    >>> behind = Reference(np.stack([w, y, z, x]), 8000).scores(
    ...     np.stack([w, y, z, -x]), np.stack([w + y, w - y])
    ... )
    >>> round(behind["direction_error"], 3), behind["right_side"], round(behind["x_level"], 3)
    (106.26, 0.0, 0.0)
    """

    def __init__(self, foa: NDArray[Any], sample_rate: int) -> None:
        self.foa, self.sample_rate = foa, sample_rate
        self.field = field_of(foa, sample_rate)
        self._magnitudes: dict[int, list[NDArray[Any]]] = {}

    def scores(self, made: NDArray[Any], stereo: NDArray[Any]) -> dict[str, float]:
        """Value of each of `METRICS` that is not of mono.

        Parameters
        ----------
        made : ndarray, shape (4, samples)
            AmbiX.
        stereo : ndarray, shape (2, samples)
            What it was made of.
        """
        field, known = field_of(made, self.sample_rate), self.field
        weight = np.linalg.norm(known.flow, axis=0)
        more_diffuse = field.diffuseness - known.diffuseness
        same_side = 0.5 + 0.5 * np.sign(field.flow[0]) * np.sign(known.flow[0])
        found = {
            "direction_error": _weighted(_angles(known, field), weight),
            "right_side": 100.0 * _weighted(same_side, np.abs(known.flow[0])),
            "diffuseness_error": 100.0 * _weighted(np.abs(more_diffuse), known.energy),
            "diffuseness_bias": 100.0 * _weighted(more_diffuse, known.energy),
            "x_level": _level(made[X], self.foa[X]),
            "fold_down": _capped_snr(stereo.mean(0), made[W]),
            **self._decoded_errors(made),
        }
        for name, row in (("x", X), ("y", Y)):
            found[f"{name}_snr"] = _capped_snr(self.foa[row], made[row])
            found[f"{name}_si_sdr"] = min(float(si_sdr(self.foa[row], made[row])), MOST_SNR)
            errors = self._spectral_errors(made, row)
            found[f"{name}_convergence"], found[f"{name}_log_error"] = errors
        return found

    def mono_scores(
        self, made: Sequence[NDArray[Any]], mono: NDArray[Any], pool: CuePool | None = None
    ) -> dict[str, float]:
        """Value of each of `METRICS` of mono; distances are means over what was made.

        Parameters
        ----------
        made : sequence of ndarray, shape (4, samples)
            AmbiX, of one seed each.
        mono : ndarray, shape (1, samples)
            What it was made of.
        pool : CuePool, optional
            Is given the distributions.
        """
        fields = [field_of(one, self.sample_rate) for one in made]
        known, cues = cues_of(self.field), [cues_of(field) for field in fields]
        if pool:
            pool.add(known, cues)
        apart = [cue_distances(known, one) for one in cues]
        found = {f"mono_{name}": float(np.mean([one[name] for one in apart])) for name in CUES}
        angles = [_weighted(_angles(a, b), self.field.omni) for a, b in combinations(fields, 2)]
        found["mono_diversity"] = float(np.mean(angles)) if angles else 0.0
        found["mono_y_level"] = float(np.mean([_level(one[Y], self.foa[Y]) for one in made]))
        found["mono_fold_down"] = min(_capped_snr(mono[0], one[W]) for one in made)
        return found

    def _decoded_errors(self, made: NDArray[Any]) -> dict[str, float]:
        """Width and correlation of two microphones less those of the true scene."""
        pairs = (virtual_microphones(foa, MICROPHONES) for foa in (made, self.foa))
        (width, correlation), (true_width, true_correlation) = map(_stereo_image, pairs)
        return {
            "width": width - true_width,
            "correlation": 100.0 * (correlation - true_correlation),
        }

    def _spectral_errors(self, made: NDArray[Any], row: int) -> tuple[float, float]:
        """Spectral convergence in %, and mean difference of levels in dB."""
        if row not in self._magnitudes:
            self._magnitudes[row] = _magnitudes(self.foa[row])
        convergence, difference = [], []
        for true, found in zip(self._magnitudes[row], _magnitudes(made[row]), strict=True):
            convergence.append(np.linalg.norm(true - found) / np.linalg.norm(true))
            difference.append(np.mean(np.abs(np.log10(found / true))))
        return 100.0 * float(np.mean(convergence)), 20.0 * float(np.mean(difference))


def _angles(first: Field, second: Field) -> NDArray[np.float64]:
    """Degrees between intensities, by bands and frames."""
    angles = angle_between(np.moveaxis(first.flow, 0, -1), np.moveaxis(second.flow, 0, -1))
    return np.where(np.isnan(angles), NOWHERE, angles)


def _weighted(values: NDArray[Any], weights: NDArray[Any]) -> float:
    """Weighted mean, NaN where nothing has weight."""
    total = weights.sum()
    return float((values * weights).sum() / total) if total > 0.0 else np.nan


def _level(made: NDArray[Any], true: NDArray[Any]) -> float:
    """Energy against that of the truth, dB; NaN of silence."""
    energy, reference = (float(np.sum(np.square(one, dtype=np.float64))) for one in (made, true))
    if not reference:
        return np.nan
    return 10.0 * float(np.log10(energy / reference)) if energy else -np.inf


def _capped_snr(true: NDArray[Any], made: NDArray[Any]) -> float:
    return min(float(snr(true, made)), MOST_SNR)


def _stereo_image(pair: NDArray[Any]) -> tuple[float, float]:
    """Level of the side against the middle, dB, and correlation."""
    left, right = pair.astype(np.float64)
    correlated = float(left @ right)
    energy, product = float(left @ left + right @ right), float((left @ left) * (right @ right))
    with np.errstate(divide="ignore", invalid="ignore"):  # silence, or none in the middle
        width = 10.0 * np.log10(np.float64(energy - 2.0 * correlated) / (energy + 2.0 * correlated))
        return float(width), float(correlated / np.sqrt(product))


def _magnitudes(signal: NDArray[Any]) -> list[NDArray[Any]]:
    """Magnitudes (bins, frames) at each of the resolutions."""
    found = []
    for n_fft, hop, length in RESOLUTIONS:
        window = np.zeros(n_fft)
        start = (n_fft - length) // 2
        window[start : start + length] = 0.5 - 0.5 * np.cos(
            2.0 * np.pi * np.arange(length) / length
        )
        spectrum = stft(signal, n_fft=n_fft, hop=hop, window=window)
        found.append(np.maximum(np.abs(spectrum), LEAST_POWER**0.5))
    return found
