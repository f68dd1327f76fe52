"""Measures that `evaluate` applies to a pair: what each needs, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.downmix import downmix
from spatialkit.errors import LayoutError
from spatialkit.geometry import angle_between
from spatialkit.layouts import AmbisonicFormat, Format, Layout
from spatialkit.metrics.balance import BORDER, front_rear_balance, left_right_balance
from spatialkit.metrics.direction import angle_error, energy_vector
from spatialkit.metrics.distortion import decibels, sd_sdr, si_sdr, snr
from spatialkit.metrics.ild_distance import level_differences
from spatialkit.metrics.inputs import in_blocks, mean_of_known, products
from spatialkit.metrics.intensity import intensity_and_energy
from spatialkit.metrics.interaural import binaural_errors
from spatialkit.metrics.interchannel_errors import correlation_error
from spatialkit.metrics.leakage import leakage
from spatialkit.metrics.loudness import measured
from spatialkit.metrics.peaks import true_peak
from spatialkit.metrics.spatial_distortion import spatial_distortion
from spatialkit.metrics.spectral import log_spectral_distance, multi_resolution_stft

Values = Mapping[str, Any]

# Largest magnitude of a balance in dB: one half of the layout is silent then.
MAX_BALANCE = 60.0
# Smallest leakage in dB, of silence among others: it has no mean otherwise.
MIN_LEAKAGE = -120.0


@dataclass(frozen=True)
class Pair:
    """Pair of signals (..., channels, samples) with what is known about them."""

    reference: NDArray[Any]
    estimate: NDArray[Any]
    format: Format | None = None
    sample_rate: float | None = None
    stems: NDArray[Any] | None = None
    azimuth: ArrayLike | None = None
    elevation: ArrayLike = 0.0
    wanted: tuple[str, ...] = ()
    """Metrics whose values are needed, of those that a measure returns."""

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.reference.shape[-2]

    @property
    def both(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Reference and estimate."""
        return self.reference, self.estimate


@dataclass(frozen=True)
class Measure:
    """Function of a pair that returns the values of some metrics.

    ``lacks`` returns what the metrics need that the pair does not have, "" if it has everything.
    """

    names: tuple[str, ...]
    function: Callable[[Pair], Values]
    lacks: Callable[[Pair], str]


def _always(pair: Pair) -> str:
    return ""


def _channel_pairs(pair: Pair) -> str:
    if isinstance(pair.format, AmbisonicFormat):
        return "channels of a loudspeaker layout, not Ambisonics"
    return "" if pair.channels > 1 else "two channels or more"


def _loudspeakers(pair: Pair) -> str:
    return "" if isinstance(pair.format, Layout) else "a loudspeaker layout"


def _downmixed(pair: Pair) -> str:
    if not isinstance(pair.format, Layout) or pair.format.n_channels <= 2:
        return "a loudspeaker layout with more than two channels"
    try:
        downmix(pair.reference[..., :0], pair.format, "stereo")
    except LayoutError as error:  # a label without a rule
        return f"a layout with a downmix rule: {error}"
    return ""


def _scene(pair: Pair) -> str:
    return "" if isinstance(pair.format, AmbisonicFormat) else "an Ambisonic format"


def _rate(pair: Pair) -> str:
    return "" if pair.sample_rate is not None else "a sample rate"


def _weighted(pair: Pair) -> str:
    return _rate(pair) if pair.format is not None or pair.channels <= 2 else "a format"


def _rated_pairs(pair: Pair) -> str:
    return _channel_pairs(pair) or _rate(pair)


def _several(pair: Pair) -> str:
    return _rate(pair) if pair.channels > 1 else "two channels or more"


def _long(pair: Pair) -> str:
    return "" if pair.reference.shape[-1] > 1024 else "more than 1024 samples"


def _stems(pair: Pair) -> str:
    if pair.stems is None:
        return "stems and their azimuth"
    return _loudspeakers(pair)


def _rendered(pair: Pair) -> str:
    return _rate(pair) if pair.format is not None else "a format"


def _downmix_snr(pair: Pair) -> Values:
    assert pair.format is not None
    sums = np.zeros((4, *pair.reference.shape[:-2], 2))
    for blocks in in_blocks(*pair.both):
        first, second = (np.asarray(downmix(each, pair.format, "stereo")) for each in blocks)
        sums = sums + products(first, second, np.ones(sums.shape[1:]))
    signal, _, _, noise = sums.sum(axis=-1)
    return {"downmix_snr": decibels(signal, noise, signal)}


def _leakage(pair: Pair) -> Values:
    return {"leakage": np.maximum(leakage(*pair.both), MIN_LEAKAGE)}


def _energy_vectors(pair: Pair) -> Values:
    assert isinstance(pair.format, Layout)
    first, second = (energy_vector(each, pair.format) for each in pair.both)
    return {
        "energy_vector_angle": angle_between(first, second),
        "energy_vector_difference": np.linalg.norm(second - first, axis=-1),
    }


def _intensities(pair: Pair) -> Values:
    assert isinstance(pair.format, AmbisonicFormat)
    (first, diffuse), (second, other) = (_intensity(each, pair.format) for each in pair.both)
    return {
        "intensity_angle": angle_between(first, second),
        "diffuseness_difference": other - diffuse,
    }


def _intensity(
    audio: NDArray[Any], where: AmbisonicFormat
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the active intensity (..., 3) summed over all samples, and the diffuseness (...)."""
    lead = audio.shape[:-2]
    total, energy = np.zeros((*lead, 3)), np.zeros(lead)
    for (block,) in in_blocks(audio):
        # Samples are treated as a spectrum with one bin: over the whole band the sums over time and
        # frequency are equal (Parseval).
        intensities, energies = intensity_and_energy(block[..., None, :] + 0j, where)
        total += intensities.sum(axis=(-2, -1))
        energy += energies.sum(axis=(-3, -2, -1))
    diffuse = np.full(lead, np.nan)
    np.divide(np.linalg.norm(total, axis=-1), energy, out=diffuse, where=energy > 0.0)
    return total, 1.0 - diffuse


def _angles(pair: Pair) -> Values:
    assert isinstance(pair.format, Layout)
    assert pair.stems is not None
    assert pair.azimuth is not None
    errors = angle_error(
        pair.stems, pair.estimate, pair.azimuth, pair.format, elevation=pair.elevation
    )
    return {"angle_error": mean_of_known(errors)}


def _spatial(pair: Pair) -> Values:
    found = spatial_distortion(*pair.both, pair.sample_rate)
    return {"ssr": found.ssr, "srr": found.srr}


def _balance_measure(name: str, balance: Callable[..., Any], axis: int, halves: str) -> Measure:
    """Return the measure of the difference of a balance between two halves of a layout."""

    def lacks(pair: Pair) -> str:
        if not isinstance(pair.format, Layout):
            return "a loudspeaker layout"
        places = pair.format.directions[pair.format.loudspeakers][:, axis]
        both = places.max(initial=0.0) > BORDER and places.min(initial=0.0) < -BORDER
        return "" if both else f"loudspeakers {halves}"

    def function(pair: Pair) -> Values:
        levels = (balance(each, pair.format) for each in pair.both)
        return {name: difference(*(np.clip(each, -MAX_BALANCE, MAX_BALANCE) for each in levels))}

    return Measure((name,), function, lacks)


def _loudness(pair: Pair) -> Values:
    meters = [measured(each, pair.format, pair.sample_rate) for each in pair.both]
    first, second = (meter.finish() for meter in meters)
    ranges = [meter.loudness_range() for meter in meters]
    return {
        "loudness_reference": first,
        "loudness_estimate": second,
        "loudness_difference": difference(first, second),
        "max_momentary_difference": difference(*(_largest(each.momentary()) for each in meters)),
        "max_short_term_difference": difference(*(_largest(each.short_term()) for each in meters)),
        "loudness_range_difference": difference(*ranges),
    }


def _largest(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the maxima (...) of levels (..., windows), NaN if there are none."""
    return levels.max(axis=-1) if levels.shape[-1] else np.full(levels.shape[:-1], np.nan)


def difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the second value minus the first, NaN where both are infinite alike."""
    with np.errstate(invalid="ignore"):
        return second - first


def _peaks(pair: Pair) -> Values:
    first, second = (true_peak(each, pair.sample_rate) for each in pair.both)
    return {"true_peak_reference": first, "true_peak_estimate": second}


def _binaural(pair: Pair) -> Values:
    assert pair.format is not None
    lead = pair.reference.shape[:-2]
    items = [
        binaural_errors(pair.reference[item], pair.estimate[item], pair.format, pair.sample_rate)
        for item in np.ndindex(lead)
    ]
    return {name: np.array([item[name] for item in items]).reshape(lead) for name in BINAURAL_NAMES}


LOUDNESS_NAMES = (
    "loudness_reference",
    "loudness_estimate",
    "loudness_difference",
    "max_momentary_difference",
    "max_short_term_difference",
    "loudness_range_difference",
)
BINAURAL_NAMES = (
    "binaural_itd_error",
    "binaural_ild_error",
    "binaural_coherence_error",
    "binaural_loudness_error",
)

# In the order of the results.
MEASURES = (
    Measure(("snr",), lambda pair: {"snr": snr(*pair.both)}, _always),
    Measure(("sd_sdr",), lambda pair: {"sd_sdr": sd_sdr(*pair.both)}, _always),
    Measure(("si_sdr",), lambda pair: {"si_sdr": si_sdr(*pair.both)}, _always),
    Measure(
        ("wild", "ild_error"),
        lambda pair: level_differences(*pair.both, pair.wanted),
        _channel_pairs,
    ),
    Measure(("leakage",), _leakage, _channel_pairs),
    Measure(
        ("correlation_error",),
        lambda pair: {"correlation_error": correlation_error(*pair.both, pair.sample_rate)},
        _rated_pairs,
    ),
    Measure(("ssr", "srr"), _spatial, _several),
    Measure(
        ("log_spectral_distance",),
        lambda pair: {"log_spectral_distance": log_spectral_distance(*pair.both)},
        _always,
    ),
    Measure(
        ("multi_resolution_stft",),
        lambda pair: {"multi_resolution_stft": multi_resolution_stft(*pair.both)},
        _long,
    ),
    Measure(("downmix_snr",), _downmix_snr, _downmixed),
    Measure(("energy_vector_angle", "energy_vector_difference"), _energy_vectors, _loudspeakers),
    _balance_measure(
        "front_rear_difference", front_rear_balance, 0, "in the front and in the rear"
    ),
    _balance_measure(
        "left_right_difference", left_right_balance, 1, "at the left and at the right"
    ),
    Measure(("intensity_angle", "diffuseness_difference"), _intensities, _scene),
    Measure(("angle_error",), _angles, _stems),
    Measure(LOUDNESS_NAMES, _loudness, _weighted),
    Measure(("true_peak_reference", "true_peak_estimate"), _peaks, _rate),
    Measure(BINAURAL_NAMES, _binaural, _rendered),
)
