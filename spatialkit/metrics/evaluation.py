"""Evaluation of pairs of signals by all applicable metrics."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import Audio, AudioLike
from spatialkit.errors import LayoutError, OptionError
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.metrics.binaural import MIN_RATE
from spatialkit.metrics.definitions import GROUPS, METRICS, ON_REQUEST, select_metrics
from spatialkit.metrics.inputs import as_pair, as_rate, as_signal, unpack_pair
from spatialkit.metrics.measures import MEASURES, Measure, Pair
from spatialkit.typing import StrPath
from spatialkit.validation import match_name

__all__ = ["evaluate"]


def evaluate(
    reference: AudioLike[Any] | StrPath,
    estimate: AudioLike[Any] | StrPath,
    *,
    layout: str | Layout | AmbisonicFormat | None = None,
    sample_rate: float | None = None,
    stems: AudioLike[Any] | StrPath | None = None,
    azimuth: ArrayLike | None = None,
    elevation: ArrayLike = 0.0,
    binaural: bool = False,
    metrics: str | Iterable[str] | None = None,
) -> dict[str, Any]:
    """Evaluate an estimate by all applicable metrics with their default parameters.

    Parameters
    ----------
    reference, estimate : array_like of float, Audio, or path, shape (..., channels, samples)
        Signals of equal shape. An `Audio` or a file also specifies ``layout`` and ``sample_rate``,
        which must be equal for both signals.
    layout : str, Layout or AmbisonicFormat, optional
        Format of both signals. Without it, metrics that need a format are omitted.
    sample_rate : float, optional
        Sample rate of both signals in Hz. Without it, metrics that need a rate are omitted.
    stems : array_like of float, Audio, or path, shape (..., stems, samples), optional
        Sources of the reference, one channel each, for "angle_error".
    azimuth, elevation : array_like, shape (..., stems), optional
        True directions of the stems in degrees, see `angle_error`.
    binaural : bool
        Whether both signals are also compared as heard through headphones, rendered with the
        bundled HRTF; needs ``layout`` and ``sample_rate``.
    metrics : str or iterable of str, optional
        Names of metrics (`METRICS`) and groups (`GROUPS`), such as ``["snr", "levels"]``: those
        metrics, and those metrics of the groups that apply. By default all that apply, except those
        of the groups in `ON_REQUEST`: "binaural" (see ``binaural``), "resolutions" and "silence".

    Returns
    -------
    dict of str to float or ndarray of float64, shape (...)
        Value by name of the metric, a float for one item and an array for a batch; the units are in
        `UNITS`. NaN where a metric is not defined for the reference (most often because it is
        silent).

        "snr", "sd_sdr", "si_sdr"
            dB; see `snr`, `sd_sdr` and `si_sdr`. Always present.
        "wild", "ild_error"
            dB; see `wild` and `ild_error`. For two channels or more, except Ambisonics.
        "correlation_error"
            See `correlation_error`. As "wild", with ``sample_rate``.
        "ssr", "srr"
            dB; see `spatial_distortion`. For two channels or more, with ``sample_rate``.
        "log_spectral_distance"
            dB; see `log_spectral_distance`. Always present.
        "multi_resolution_stft"
            See `multi_resolution_stft`. On request, for more than 1024 samples.
        "downmix_snr"
            dB; SNR between the stereo downmixes ("itu") of both signals. For loudspeaker layouts
            with more than two channels and labels for which `spatialkit.downmix` has rules.
        "energy_vector_angle", "energy_vector_difference"
            Angle between the energy vectors of both signals in degrees, and length of their
            difference, without unit; see `energy_vector`. For loudspeaker layouts.
        "front_rear_difference", "left_right_difference"
            dB; `front_rear_balance` and `left_right_balance` of the estimate minus those of the
            reference, each limited to +-60 dB. For loudspeaker layouts with both halves.
        "intensity_angle", "diffuseness_difference"
            Angle between the active intensities in degrees, and diffuseness of the estimate minus
            that of the reference, without unit, both over all bins and frames; see
            `active_intensity` and `diffuseness`. For Ambisonics.
        "angle_error"
            Degrees; mean over the stems, see `angle_error`. For loudspeaker layouts, with ``stems``
            and ``azimuth``.
        "loudness_reference", "loudness_estimate", "loudness_difference"
            LUFS, and estimate minus reference in LU; see `loudness`. With ``sample_rate``, for
            loudspeaker layouts, for Ambisonics (W), and for one or two channels without layout.
        "max_momentary_difference", "max_short_term_difference", "loudness_range_difference"
            LU; estimate minus reference, see `momentary_loudness`, `short_term_loudness` and
            `loudness_range`. As "loudness_difference", from 0.4 or 3 s of signal on.
        "true_peak_reference", "true_peak_estimate"
            dBTP; see `true_peak`. With ``sample_rate``.
        "binaural_itd_error", "binaural_ild_error", "binaural_loudness_error"
            Mean absolute errors of the interaural time difference in microseconds, of the
            interaural level difference, and of the composite loudness (the power of both ears
            together) in dB, over frames of 85 ms and, for the latter two, bands of one ERB; those
            40 dB below the loudest of the reference are left out. With ``binaural``.
        "binaural_coherence_error"
            Mean absolute error of the interaural coherence over bands of one ERB, without unit; see
            `interaural_coherence`. With ``binaural``.

    Raises
    ------
    ShapeError
        If the shapes differ, are not (..., channels, samples), or do not fit ``layout``.
    SignalError, LayoutError, OptionError
        If a sample is NaN or infinite, a metric that ``metrics`` names does not apply, or another
        argument is not accepted.
    AudioFileError
        If a file cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = np.random.default_rng(0).standard_normal((2, 48000))
    >>> scores = evaluate(stereo, 0.5 * stereo, layout="stereo", sample_rate=48000)
    >>> round(scores["loudness_difference"], 2), scores["energy_vector_angle"]
    (-6.02, 0.0)
    """
    named = None if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    chosen = select_metrics(named)
    if binaural and chosen is not None:
        chosen = (*chosen, *GROUPS["binaural"])
    required = select_metrics([name for name in named or () if match_name(name, METRICS)] or None)
    samples, others, where, sample_rate = unpack_pair(
        _as_audio(reference, layout),
        _as_audio(estimate, layout),
        layout=layout,
        sample_rate=sample_rate,
    )
    first, second = as_pair(samples, others, layout=where)
    if binaural and where is None:
        raise LayoutError(
            "metrics for headphones need the format of both signals",
            python="; pass layout",
            command_line=": add --from",
        )
    if binaural:
        sample_rate = as_rate(sample_rate, MIN_RATE)
    sources = _as_stems(stems, azimuth)
    pair = Pair(first, second, where, sample_rate, sources, azimuth, elevation)
    applied: list[tuple[Measure, tuple[str, ...]]] = []
    reasons: list[str] = []
    for measure in MEASURES:
        group = METRICS[measure.names[0]].table
        if chosen is not None:
            wanted = tuple(name for name in measure.names if name in chosen)
        elif group not in ON_REQUEST or (binaural and group == "binaural"):
            wanted = measure.names
        else:
            wanted = ()
        missing = measure.lacks(pair) if wanted else ""
        if wanted and not missing:
            applied.append((measure, wanted))
        elif required and (names := [name for name in wanted if name in required]):
            raise OptionError(f"metric {names[0]!r} needs {missing}; omit it from metrics")
        elif wanted:
            reasons.append(f"metric {wanted[0]!r} needs {missing}")
    if chosen is not None and not applied:
        raise OptionError(f"none of the metrics apply: {'; '.join(reasons)}")
    pair = replace(pair, wanted=tuple(name for _, wanted in applied for name in wanted))
    scores: dict[str, Any] = {}
    for measure, wanted in applied:
        found = measure.function(pair)
        scores |= {name: found[name] for name in wanted}
    if first.ndim == 2:
        return {name: float(score) for name, score in scores.items()}
    return {name: np.asarray(score, np.float64) for name, score in scores.items()}


def _as_audio(signal: AudioLike[Any] | StrPath, layout: Any) -> AudioLike[Any]:
    """Return a signal; read it if it is a path."""
    if not isinstance(signal, (str, os.PathLike)):
        return signal
    from spatialkit.metrics.file_signal import read_signal

    audio = read_signal(signal)
    # A format of the file that agrees with the argument is replaced by it; another is an error.
    return (
        audio
        if audio.format is not None or layout is None
        else Audio(audio.samples, audio.sample_rate, layout)
    )


def _as_stems(
    stems: AudioLike[Any] | StrPath | None, azimuth: ArrayLike | None
) -> NDArray[Any] | None:
    if (stems is None) != (azimuth is None):
        missing = "stems" if stems is None else "azimuth"
        raise OptionError(f"stems and azimuth belong together; {missing} is missing")
    if stems is None:
        return None
    audio = _as_audio(stems, None)
    return as_signal(audio.samples if isinstance(audio, Audio) else audio, "stems")
