"""Evaluation of one pair of signals by all applicable metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike
from spatialkit.downmix import downmix
from spatialkit.errors import LayoutError, ShapeError
from spatialkit.geometry import angle_between
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.metrics.binaural import binaural_errors
from spatialkit.metrics.direction import energy_vector
from spatialkit.metrics.distortion import sd_sdr, si_sdr, snr
from spatialkit.metrics.ild_distance import ild_error, wild
from spatialkit.metrics.inputs import as_pair, in_blocks, unpack_pair
from spatialkit.metrics.intensity import intensity_and_energy
from spatialkit.metrics.loudness import loudness, true_peak

__all__ = ["UNITS", "evaluate"]

# Units of the metrics that `evaluate` returns; "" for metrics without unit.
UNITS = {
    "snr": "dB",
    "sd_sdr": "dB",
    "si_sdr": "dB",
    "wild": "dB",
    "ild_error": "dB",
    "downmix_snr": "dB",
    "energy_vector_angle": "degrees",
    "energy_vector_difference": "",
    "intensity_angle": "degrees",
    "diffuseness_difference": "",
    "loudness_reference": "LUFS",
    "loudness_estimate": "LUFS",
    "loudness_difference": "LU",
    "true_peak_reference": "dBTP",
    "true_peak_estimate": "dBTP",
    "binaural_itd_error": "us",
    "binaural_ild_error": "dB",
    "binaural_coherence_error": "",
    "binaural_loudness_error": "dB",
}


def evaluate(
    reference: AudioLike[Any],
    estimate: AudioLike[Any],
    *,
    layout: str | Layout | AmbisonicFormat | None = None,
    sample_rate: float | None = None,
    binaural: bool = False,
) -> dict[str, float]:
    """Evaluate one pair of signals by all applicable metrics with their default parameters.

    Parameters
    ----------
    reference, estimate : array_like of float or Audio, shape (channels, samples)
        One item; both signals have the same shape. An `Audio` also specifies ``layout`` and
        ``sample_rate``, which must be equal for both signals.
    layout : str, Layout or AmbisonicFormat, optional
        Format of both signals. Without it, metrics that need a format are omitted.
    sample_rate : float, optional
        Sample rate of both signals in Hz. Without it, metrics that need a rate are omitted.
    binaural : bool
        Whether both signals are also compared as heard through headphones, rendered with the
        bundled HRTF; needs ``layout`` and ``sample_rate``.

    Returns
    -------
    dict of str to float
        Value by name of the metric; the units are in `UNITS`. NaN where a metric is not defined for
        the reference (most often because it is silent).

        "snr", "sd_sdr", "si_sdr"
            dB; see `snr`, `sd_sdr` and `si_sdr`. Always present.
        "wild", "ild_error"
            dB; see `wild` and `ild_error`. For two channels or more, except Ambisonics.
        "downmix_snr"
            dB; SNR between the stereo downmixes ("itu") of both signals. For loudspeaker layouts
            with more than two channels and labels for which `spatialkit.downmix` has rules.
        "energy_vector_angle", "energy_vector_difference"
            Angle between the energy vectors of both signals in degrees, and length of their
            difference, without unit; see `energy_vector`. For loudspeaker layouts.
        "intensity_angle", "diffuseness_difference"
            Angle between the active intensities in degrees, and diffuseness of the estimate minus
            that of the reference, without unit, both over all bins and frames; see
            `active_intensity` and `diffuseness`. For Ambisonics.
        "loudness_reference", "loudness_estimate", "loudness_difference"
            LUFS, and estimate minus reference in LU; see `loudness`. With ``sample_rate``, for
            loudspeaker layouts, and for one or two channels without layout.
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
        If the shapes differ, are not (channels, samples), or do not fit ``layout``.
    SignalError, LayoutError, OptionError
        If a sample is NaN or infinite, or another argument is not accepted.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = np.random.default_rng(0).standard_normal((2, 48000))
    >>> scores = evaluate(stereo, 0.5 * stereo, layout="stereo", sample_rate=48000)
    >>> round(scores["loudness_difference"], 2), scores["energy_vector_angle"]
    (-6.02, 0.0)
    """
    samples, others, where, sample_rate = unpack_pair(
        reference, estimate, layout=layout, sample_rate=sample_rate
    )
    first, second = as_pair(samples, others, layout=where)
    if first.ndim != 2:
        raise ShapeError(
            "reference and estimate must be one item each, (channels, samples), got shape "
            f"{first.shape}; call evaluate once per item"
        )
    scores: dict[str, Any] = {
        "snr": snr(first, second),
        "sd_sdr": sd_sdr(first, second),
        "si_sdr": si_sdr(first, second),
    }
    if isinstance(where, AmbisonicFormat):
        intensities, diffuse = zip(
            *(_overall_intensity(signal, where) for signal in (first, second)), strict=True
        )
        scores["intensity_angle"] = angle_between(*intensities)
        scores["diffuseness_difference"] = diffuse[1] - diffuse[0]
    elif len(first) > 1:
        scores |= {"wild": wild(first, second), "ild_error": ild_error(first, second)}
    if isinstance(where, Layout):
        if where.n_channels > 2:
            scores |= _downmix_scores(first, second, where)
        vectors = [energy_vector(signal, where) for signal in (first, second)]
        scores["energy_vector_angle"] = angle_between(*vectors)
        scores["energy_vector_difference"] = np.linalg.norm(vectors[1] - vectors[0])
    if sample_rate is not None:
        if isinstance(where, Layout) or (where is None and len(first) <= 2):
            levels = [float(loudness(signal, where, sample_rate)) for signal in (first, second)]
            scores["loudness_reference"], scores["loudness_estimate"] = levels
            scores["loudness_difference"] = levels[1] - levels[0]
        scores["true_peak_reference"] = true_peak(first, sample_rate)
        scores["true_peak_estimate"] = true_peak(second, sample_rate)
    if binaural:
        if where is None:
            raise LayoutError(
                "metrics for headphones need the format of both signals",
                python="; pass layout",
                command_line=": add --from",
            )
        scores |= binaural_errors(first, second, where, sample_rate)
    return {name: float(score) for name, score in scores.items()}


def _downmix_scores(
    reference: NDArray[Any], estimate: NDArray[Any], where: Layout
) -> dict[str, NDArray[np.float64]]:
    try:
        mixes = [downmix(signal, where, "stereo") for signal in (reference, estimate)]
    except LayoutError:  # a label without a rule
        return {}
    return {"downmix_snr": snr(*mixes)}


def _overall_intensity(
    audio: NDArray[Any], where: AmbisonicFormat
) -> tuple[NDArray[np.float64], float]:
    """Return the active intensity summed over all samples, and the diffuseness."""
    total, energy = np.zeros(3), 0.0
    for (block,) in in_blocks(audio):
        # Samples are treated as a spectrum with one bin: over the whole band the sums over time and
        # frequency are equal (Parseval).
        intensities, energies = intensity_and_energy(block[:, None, :] + 0j, where)
        total, energy = total + intensities.sum(axis=(-2, -1)), energy + energies.sum()
    return total, float(1.0 - np.linalg.norm(total) / energy) if energy else np.nan
