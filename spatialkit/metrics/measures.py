"""Measures that `evaluate` applies to a pair: what each needs, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.downmix import downmix
from spatialkit.errors import LayoutError
from spatialkit.geometry import angle_between
from spatialkit.layouts import AmbisonicFormat, Format, Layout
from spatialkit.metrics.balance import BORDER, energy_balance
from spatialkit.metrics.direction import angle_error, energy_vector_of_energies
from spatialkit.metrics.distortion import decibels, sd_sdr_of_sums, si_sdr_of_sums, snr_of_sums
from spatialkit.metrics.ild_distance import LevelDifferences
from spatialkit.metrics.inputs import as_rate, in_blocks, mean_of_known, products
from spatialkit.metrics.intensity import intensity_and_energy
from spatialkit.metrics.interaural import binaural_errors
from spatialkit.metrics.interchannel_errors import MIN_RATE, CorrelationError, correlation_size
from spatialkit.metrics.leakage import Leakage
from spatialkit.metrics.loudness import measured
from spatialkit.metrics.paired_spectra import PairedSpectra, SpectralMetric
from spatialkit.metrics.peaks import true_peak
from spatialkit.metrics.spatial_distortion import spatial_distortion
from spatialkit.metrics.spectral import LogSpectralDistance, multi_resolution_stft

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
    """Metrics whose values are needed."""

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.reference.shape[-2]

    @property
    def both(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Reference and estimate."""
        return self.reference, self.estimate

    @cached_property
    def products(self) -> NDArray[np.float64]:
        """Sums (4, ..., channels) of `products`, from which energies and their ratios follow."""
        return products(*self.both, np.ones(self.reference.shape[:-1]))

    @property
    def energies(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Energies (..., channels) of the reference and of the estimate."""
        return self.products[0], self.products[2]

    @cached_property
    def spectral(self) -> Values:
        """Wanted metrics that are computed from the same spectra, which are transformed once."""
        names = [name for name in self.wanted if name in SPECTRAL_NAMES]
        return self.by_item(
            names, lambda first, second: _spectral_values(first, second, self.sample_rate, names)
        )

    def by_item(self, names: Iterable[str], function: Callable[..., Mapping[str, float]]) -> Values:
        """Return the values (...) that a function of both signals of an item returns by name."""
        lead = self.reference.shape[:-2]
        items = [function(*(each[item] for each in self.both)) for item in np.ndindex(lead)]
        return {name: np.array([item[name] for item in items]).reshape(lead) for name in names}


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


def _energy_ratios(pair: Pair) -> Values:
    sums = pair.products.sum(axis=-1)
    return {
        "snr": snr_of_sums(sums),
        "sd_sdr": sd_sdr_of_sums(sums),
        "si_sdr": si_sdr_of_sums(*pair.both, sums),
    }


def _downmix_snr(pair: Pair) -> Values:
    assert pair.format is not None
    sums = np.zeros((4, *pair.reference.shape[:-2], 2))
    for blocks in in_blocks(*pair.both):
        first, second = (np.asarray(downmix(each, pair.format, "stereo")) for each in blocks)
        sums = sums + products(first, second, np.ones(sums.shape[1:]))
    signal, _, _, noise = sums.sum(axis=-1)
    return {"downmix_snr": decibels(signal, noise, signal)}


def _leakage(pair: Pair) -> Values:
    return {"leakage": np.maximum(pair.spectral["leakage"], MIN_LEAKAGE)}


def _energy_vectors(pair: Pair) -> Values:
    assert isinstance(pair.format, Layout)
    first, second = (energy_vector_of_energies(each, pair.format) for each in pair.energies)
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


def _balance_measure(name: str, axis: int, halves: str) -> Measure:
    """Return the measure of the difference of a balance between two halves of a layout."""

    def lacks(pair: Pair) -> str:
        if not isinstance(pair.format, Layout):
            return "a loudspeaker layout"
        places = pair.format.directions[pair.format.loudspeakers][:, axis]
        both = places.max(initial=0.0) > BORDER and places.min(initial=0.0) < -BORDER
        return "" if both else f"loudspeakers {halves}"

    def function(pair: Pair) -> Values:
        assert isinstance(pair.format, Layout)
        levels = (energy_balance(each, pair.format, axis) for each in pair.energies)
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
    form = pair.format
    return pair.by_item(
        BINAURAL_NAMES,
        lambda first, second: binaural_errors(first, second, form, pair.sample_rate),
    )


def _spectral_values(
    reference: NDArray[Any],
    estimate: NDArray[Any],
    sample_rate: float | None,
    names: Collection[str],
) -> dict[str, float]:
    """Return the values of one item by name; metrics of equal transforms share the spectra."""
    created: dict[tuple[int, int], tuple[PairedSpectra, list[SpectralMetric]]] = {}

    def add(sizes: tuple[int, int], metric: Callable[[PairedSpectra], SpectralMetric]) -> None:
        if sizes not in created:
            created[sizes] = PairedSpectra(reference, estimate, *sizes), []
        spectra, metrics = created[sizes]
        metrics.append(metric(spectra))

    if levels := [name for name in ("wild", "ild_error") if name in names]:
        add(LEVEL_TRANSFORM, lambda spectra: LevelDifferences(spectra, levels))
    if "leakage" in names:
        add(LEVEL_TRANSFORM, Leakage)
    if "correlation_error" in names:
        rate = as_rate(sample_rate, MIN_RATE)
        n_fft = correlation_size(rate)  # as for levels from 36 to 72 kHz
        add((n_fft, n_fft // 4), lambda spectra: CorrelationError(spectra, rate))
    if "log_spectral_distance" in names:
        add(LOG_TRANSFORM, LogSpectralDistance)
    values: dict[str, float] = {}
    for spectra, metrics in created.values():
        values |= spectra.measure(*metrics)
    return values


# Sizes and hops of the transforms that metrics use by default.
LEVEL_TRANSFORM, LOG_TRANSFORM = (1024, 256), (2048, 512)
SPECTRAL_NAMES = ("wild", "ild_error", "leakage", "correlation_error", "log_spectral_distance")
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
    Measure(("snr", "sd_sdr", "si_sdr"), _energy_ratios, _always),
    Measure(("wild", "ild_error"), lambda pair: pair.spectral, _channel_pairs),
    Measure(("leakage",), _leakage, _channel_pairs),
    Measure(("correlation_error",), lambda pair: pair.spectral, _rated_pairs),
    Measure(("ssr", "srr"), _spatial, _several),
    Measure(("log_spectral_distance",), lambda pair: pair.spectral, _always),
    Measure(
        ("multi_resolution_stft",),
        lambda pair: {"multi_resolution_stft": multi_resolution_stft(*pair.both)},
        _long,
    ),
    Measure(("downmix_snr",), _downmix_snr, _downmixed),
    Measure(("energy_vector_angle", "energy_vector_difference"), _energy_vectors, _loudspeakers),
    _balance_measure("front_rear_difference", 0, "in the front and in the rear"),
    _balance_measure("left_right_difference", 1, "at the left and at the right"),
    Measure(("intensity_angle", "diffuseness_difference"), _intensities, _scene),
    Measure(("angle_error",), _angles, _stems),
    Measure(LOUDNESS_NAMES, _loudness, _weighted),
    Measure(("true_peak_reference", "true_peak_estimate"), _peaks, _rate),
    Measure(BINAURAL_NAMES, _binaural, _rendered),
)
