"""Definitions of the metrics that `evaluate` returns: units, better values, groups."""

from __future__ import annotations

from collections.abc import Iterable

from spatialkit.errors import OptionError
from spatialkit.results import Metric
from spatialkit.validation import match_name, unknown_name

__all__ = ["GROUPS", "METRICS", "ON_REQUEST", "UNITS", "select_metrics"]

# "" as direction of better values: a property of one signal, which no comparison orders.
_PROPERTY = ""

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("snr", "SNR", "dB", "higher", "signal-to-noise ratio", "distortion"),
        Metric("sd_sdr", "SD-SDR", "dB", "higher", "scale-dependent SDR", "distortion"),
        Metric("si_sdr", "SI-SDR", "dB", "higher", "scale-invariant SDR", "distortion"),
        Metric(
            *("wild", "WILD", "dB", "lower"),
            "Wasserstein distance of the interchannel level differences, summed over pairs",
            "levels",
        ),
        Metric(
            *("ild_error", "ILD error", "dB", "lower"),
            "mean absolute error of the interchannel level differences",
            "levels",
            decimals=2,
        ),
        Metric(
            *("leakage", "leakage", "dB", "lower"),
            "level of the estimate in channels that are silent in the reference",
            "silence",
        ),
        Metric(
            *("correlation_error", "correlation error", "", "lower"),
            "mean absolute error of the interchannel cross-correlation per ERB",
            "levels",
            decimals=3,
        ),
        Metric(
            *("ssr", "SSR", "dB", "higher"),
            "signal to spatial distortion ratio",
            "spatial",
        ),
        Metric(
            *("srr", "SRR", "dB", "higher"),
            "signal to residual distortion ratio",
            "spatial",
        ),
        Metric(
            *("log_spectral_distance", "LSD", "dB", "lower"),
            "log-spectral distance",
            "spectral",
            decimals=2,
        ),
        Metric(
            *("multi_resolution_stft", "multi-resolution STFT", "", "lower"),
            "spectral convergence plus log-magnitude distance at three resolutions",
            "resolutions",
            decimals=3,
        ),
        Metric(
            *("downmix_snr", "downmix SNR", "dB", "higher"),
            "SNR between the stereo downmixes",
            "downmix",
        ),
        Metric(
            *("energy_vector_angle", "energy vector angle", "degrees", "lower"),
            "angle between the energy vectors",
            "direction",
        ),
        Metric(
            *("energy_vector_difference", "energy vector difference", "", "lower"),
            "length of the difference of the energy vectors",
            "direction",
            decimals=3,
        ),
        Metric(
            *("front_rear_difference", "front/rear difference", "dB", "near 0"),
            "level of the front relative to the rear, estimate minus reference",
            "direction",
        ),
        Metric(
            *("left_right_difference", "left/right difference", "dB", "near 0"),
            "level of the left relative to the right, estimate minus reference",
            "direction",
        ),
        Metric(
            *("intensity_angle", "intensity angle", "degrees", "lower"),
            "angle between the active intensities",
            "direction",
        ),
        Metric(
            *("diffuseness_difference", "diffuseness difference", "", "near 0"),
            "diffuseness of the estimate minus that of the reference",
            "direction",
            decimals=3,
        ),
        Metric(
            *("angle_error", "angle error", "degrees", "lower"),
            "angle between the true directions of the stems and those in the estimate, mean over "
            "stems",
            "direction",
        ),
        Metric(
            *("loudness_reference", "loudness, reference", "LUFS", _PROPERTY),
            "integrated loudness of the reference",
            "loudness",
        ),
        Metric(
            *("loudness_estimate", "loudness, estimate", "LUFS", _PROPERTY),
            "integrated loudness of the estimate",
            "loudness",
        ),
        Metric(
            *("loudness_difference", "loudness difference", "LU", "near 0"),
            "integrated loudness of the estimate minus that of the reference",
            "loudness",
            decimals=2,
        ),
        Metric(
            *("max_momentary_difference", "maximum momentary loudness difference", "LU", "near 0"),
            "maximum momentary loudness of the estimate minus that of the reference",
            "loudness",
            decimals=2,
        ),
        Metric(
            *("max_short_term_difference", "maximum short-term loudness difference", "LU"),
            "near 0",
            "maximum short-term loudness of the estimate minus that of the reference",
            "loudness",
            decimals=2,
        ),
        Metric(
            *("loudness_range_difference", "loudness range difference", "LU", "near 0"),
            "loudness range of the estimate minus that of the reference",
            "loudness",
            decimals=2,
        ),
        Metric(
            *("true_peak_reference", "true peak, reference", "dBTP", _PROPERTY),
            "true peak of the reference",
            "peak",
        ),
        Metric(
            *("true_peak_estimate", "true peak, estimate", "dBTP", _PROPERTY),
            "true peak of the estimate",
            "peak",
        ),
        Metric(
            *("binaural_itd_error", "ITD error", "us", "lower"),
            "mean absolute error of the interaural time difference",
            "binaural",
        ),
        Metric(
            *("binaural_ild_error", "binaural ILD error", "dB", "lower"),
            "mean absolute error of the interaural level difference per ERB",
            "binaural",
            decimals=2,
        ),
        Metric(
            *("binaural_coherence_error", "interaural coherence error", "", "lower"),
            "mean absolute error of the interaural coherence per ERB",
            "binaural",
            decimals=3,
        ),
        Metric(
            *("binaural_loudness_error", "binaural loudness error", "dB", "lower"),
            "mean absolute error of the power of both ears per ERB",
            "binaural",
            decimals=2,
        ),
    )
}
"""Metrics of `evaluate` by name: title, unit, direction of better values, definition, group."""

ON_REQUEST = ("resolutions", "binaural", "silence")
"""Groups of metrics that `evaluate` computes only if they are named: they take long, or need a
reference with silent channels."""

UNITS = {name: metric.unit for name, metric in METRICS.items()}
"""Units of the metrics that `evaluate` returns; "" for metrics without unit."""

GROUPS = {
    group: tuple(name for name, metric in METRICS.items() if metric.table == group)
    for group in dict.fromkeys(metric.table for metric in METRICS.values())
}
"""Names of metrics by group, which `evaluate` accepts in place of names."""


def select_metrics(names: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the names of metrics from names and groups, in the order of `METRICS`.

    Parameters
    ----------
    names : str, iterable of str or None
        Names of metrics, as in `METRICS`, and of groups, as in `GROUPS`. None selects nothing and
        returns None.

    Raises
    ------
    OptionError
        If a name is unknown, or there are none.

    Examples
    --------
    >>> select_metrics(["levels", "snr"])
    ('snr', 'wild', 'ild_error', 'correlation_error')
    """
    if names is None:
        return None
    known = (*METRICS, *GROUPS)
    found: set[str] = set()
    for name in [names] if isinstance(names, str) else list(names):
        exact = match_name(name, known) if isinstance(name, str) else None
        if exact is None:
            raise OptionError(unknown_name("metric", name, known))
        found.update(GROUPS.get(exact, (exact,)))
    if not found:
        raise OptionError("metrics is empty; omit it for all metrics that apply")
    return tuple(name for name in METRICS if name in found)
