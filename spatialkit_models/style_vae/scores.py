"""Metrics of style transfer, and the preference over the baseline that they imply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks import Row
from spatialkit.listening import BinauralObserver
from spatialkit.metrics import angle_error, sd_sdr, snr
from spatialkit.results import Metric
from spatialkit_models.data.songs import SILENCE
from spatialkit_models.evaluation import wild_scores
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.baselines import BASELINE, LAYOUT

__all__ = ["METRICS", "OBSERVER_METRICS", "observe", "score", "with_preference"]

PREFERRED = f"Preferred over {BASELINE}"
METRICS = (
    Metric("snr", "SNR", "dB", "higher", "Target relative to its difference to the upmix, over "
           "all channels."),
    Metric("sd_sdr", "SD-SDR", "dB", "higher", "Scale-dependent SDR (Le Roux et al., 2019): SNR "
           "with an additional penalty for a wrong level."),
    Metric("angle_error", "angle error", "degrees", "lower", "Angle between the directions of a "
           "stem in upmix and target, mean over stems above -50 dBFS."),
    Metric("wild", "WILD", "dB", "lower", "Wasserstein distance of interchannel level differences, "
           "sum over ten pairs of channels; magnitudes limited to 60 dB below the loudest bin of "
           "the target, differences to 60 dB."),
    Metric("wild_90", "WILD at -90 dB", "dB", "lower", "The same with magnitudes limited to 90 dB "
           "below the loudest bin, as in the paper: near-silent leakage counts."),
    Metric("level", "level", "dB", "near 0", "Energy of the upmix relative to that of the target."),
    *(
        Metric(f"angle_error_{stem}", stem, "degrees", "lower", "", "Angle error by stem")
        for stem in STEMS
    ),
    Metric("preferred", "all stems", "%", "higher", "Fraction of the examples whose angle error, "
           "mean over stems or of one stem, is smaller than that of the baseline; equal errors "
           "count half. A surrogate for the ABX test of the paper.", PREFERRED),
    *(Metric(f"preferred_{stem}", stem, "%", "higher", "", PREFERRED) for stem in STEMS),
)  # fmt: skip
OBSERVER = f"Closer to the target than {BASELINE} for a binaural observer, a model of a listener"
OBSERVER_METRICS = (
    Metric("observer_preferred", "overall", "%", "higher", "Fraction of the examples whose "
           "directions, estimated from both ears with a model (spatialkit.listening."
           "BinauralObserver), are closer to those of the target than the baseline's; equal errors "
           "count half. No listener was asked.", OBSERVER),
    *(Metric(f"observer_preferred_{stem}", stem, "%", "higher", "", OBSERVER) for stem in STEMS),
    Metric("observer_error", "direction error", "degrees", "lower", "Angle between the directions "
           "that the model estimates in upmix and target, mean over stems.", OBSERVER),
    *(
        Metric(f"observer_error_{stem}", stem, "degrees", "lower", "",
               "Direction error by stem, estimated by the binaural observer")
        for stem in STEMS
    ),
)  # fmt: skip
# Errors, and the preference for a smaller one.
ERRORS = {"angle_error": "preferred", "observer_error": "observer_preferred"}


def score(
    stems: NDArray[Any], azimuth: Sequence[float], target: NDArray[Any], upmix: NDArray[Any]
) -> dict[str, float]:
    """Return the value of each of `METRICS`.

    Parameters
    ----------
    stems : ndarray, shape (4, samples)
    azimuth : sequence of float
        Azimuths of the stems in the target, in degrees.
    target, upmix : ndarray, shape (5, samples)

    Examples
    --------
    >>> stems = np.random.default_rng(0).standard_normal((4, 9000))
    >>> target = np.stack([stems[0], stems[1], stems[2], stems[3], 0 * stems[0]])
    >>> found = score(stems, [30, -30, 0, 110], target, 0.5 * target)
    >>> [round(found[name], 1) + 0.0 for name in ("snr", "sd_sdr", "angle_error", "level")]
    [6.0, 0.0, 0.0, -6.0]
    """
    errors = angle_error(stems, upmix, azimuth, LAYOUT)
    errors = np.where(np.mean(np.square(stems), axis=1) > SILENCE, errors, np.nan)
    defined = errors[~np.isnan(errors)]
    with np.errstate(divide="ignore"):  # a silent upmix
        level = 10.0 * np.log10(_energy(upmix) / _energy(target))
    found = {
        "snr": snr(target, upmix),
        "sd_sdr": sd_sdr(target, upmix),
        "angle_error": defined.mean() if defined.size else np.nan,
        **wild_scores(target, upmix),
        "level": level,
        **{f"angle_error_{stem}": error for stem, error in zip(STEMS, errors, strict=True)},
    }
    return {name: float(value) for name, value in found.items()}


def observe(
    observer: BinauralObserver, target: NDArray[Any], upmix: NDArray[Any]
) -> dict[str, float]:
    """Return the direction errors that an observer estimates, of each stem and their mean."""
    errors = observer.errors(target, upmix)
    defined = errors[~np.isnan(errors)]
    found = {f"observer_error_{stem}": error for stem, error in zip(STEMS, errors, strict=True)}
    found["observer_error"] = defined.mean() if defined.size else np.nan
    return {name: float(value) for name, value in found.items()}


def with_preference(rows: Sequence[Row]) -> Iterator[Row]:
    """Add the preferences of `ERRORS` to the rows of all systems except the baseline.

    In percent per example: 100 where the angle error is smaller than that of the baseline in the
    same protocol, 50 where it is equal, NaN where one is undefined.
    """
    baselines = {row.setting["protocol"]: row.values for row in rows if row.system == BASELINE}
    for row in rows:
        baseline = baselines.get(row.setting["protocol"])
        if row.system == BASELINE or not baseline or not row.values:
            yield row
            continue
        values = dict(row.values)
        for error, preference in ERRORS.items():
            for name in (error, *(f"{error}_{stem}" for stem in STEMS)):
                if name not in values:
                    continue
                difference = np.subtract(baseline[name], row.values[name])
                preferred = 50.0 + 50.0 * np.sign(difference)
                values[name.replace(error, preference)] = tuple(preferred.tolist())
        yield replace(row, values=values)


def _energy(audio: NDArray[Any]) -> float:
    return float(np.sum(np.square(audio, dtype=np.float64)))
