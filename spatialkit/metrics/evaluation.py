"""Everything that applies to one pair of signals, as a flat dict."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import LayoutError, ShapeError
from spatialkit.geometry import angle_between
from spatialkit.layouts import AmbisonicFormat, Layout, get_format
from spatialkit.metrics.direction import energy_vector, flow_and_energy
from spatialkit.metrics.distortion import sd_sdr, si_sdr, snr
from spatialkit.metrics.inputs import as_pair, in_blocks
from spatialkit.metrics.level import ild_error, wild
from spatialkit.metrics.loudness import loudness, true_peak

__all__ = ["UNITS", "evaluate"]

# Of all that `evaluate` returns; "" where it is a ratio or a length without one.
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
}


def evaluate(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    layout: str | Layout | AmbisonicFormat | None = None,
    sample_rate: float | None = None,
) -> dict[str, float]:
    """All metrics that apply to one pair of signals, with their defaults.

    Parameters
    ----------
    reference, estimate : array_like of float, shape (channels, samples)
        One item, of one shape.
    layout : str, Layout or AmbisonicFormat, optional
        Of both.
    sample_rate : float, optional
        Hz, of both.

    Returns
    -------
    dict of str to float
        NaN where the reference leaves a metric undefined (silence, above all).

        "snr", "sd_sdr", "si_sdr"
            dB, always; see `snr`.
        "wild", "ild_error"
            dB, of two channels or more that are not Ambisonics; see `wild` and `ild_error`.
        "downmix_snr"
            dB, of the stereo fold-downs ("itu") of both; of a loudspeaker layout with more than
            two channels, whose labels `spatialkit.downmix` knows.
        "energy_vector_angle", "energy_vector_difference"
            Degrees between the energy vectors of both, and the length of their difference; of a
            loudspeaker layout.
        "intensity_angle", "diffuseness_difference"
            Degrees between the active intensities, and estimate's less reference's diffuseness,
            both over all bins and frames; of Ambisonics.
        "loudness_reference", "loudness_estimate", "loudness_difference"
            LUFS, and estimate less reference in LU; with ``sample_rate``, of a loudspeaker
            layout, or of one or two channels without any.
        "true_peak_reference", "true_peak_estimate"
            dBTP of the reference and of the estimate; with ``sample_rate``.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = np.random.default_rng(0).standard_normal((2, 48000))
    >>> scores = evaluate(stereo, 0.5 * stereo, layout="stereo", sample_rate=48000)
    >>> round(scores["loudness_difference"], 2), scores["energy_vector_angle"]
    (-6.02, 0.0)
    """
    where = None if layout is None else get_format(layout)
    first, second = as_pair(reference, estimate, layout=where)
    if first.ndim != 2:
        raise ShapeError(f"evaluate takes one item, (channels, samples), got {first.shape}")
    scores: dict[str, Any] = {
        "snr": snr(first, second),
        "sd_sdr": sd_sdr(first, second),
        "si_sdr": si_sdr(first, second),
    }
    if isinstance(where, AmbisonicFormat):
        flows, diffuse = zip(*(_flow(signal, where) for signal in (first, second)), strict=True)
        scores["intensity_angle"] = angle_between(*flows)
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
    return {name: float(score) for name, score in scores.items()}


def _downmix_scores(
    reference: NDArray[Any], estimate: NDArray[Any], where: Layout
) -> dict[str, NDArray[np.float64]]:
    from spatialkit.downmix import downmix

    try:
        folds = [downmix(signal, where, "stereo") for signal in (reference, estimate)]
    except LayoutError:
        return {}
    return {"downmix_snr": snr(*folds)}


def _flow(audio: NDArray[Any], where: AmbisonicFormat) -> tuple[NDArray[np.float64], float]:
    """Active intensity of all samples, and their diffuseness."""
    flow, energy = np.zeros(3), 0.0
    for (block,) in in_blocks(audio):
        # As if it were a spectrum of one bin: over the whole band both are the same (Parseval).
        flows, energies = flow_and_energy(block[:, None, :] + 0j, where)
        flow, energy = flow + flows.sum(axis=(-2, -1)), energy + energies.sum()
    return flow, float(1.0 - np.linalg.norm(flow) / energy) if energy else np.nan
