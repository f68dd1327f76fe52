"""Measures of the upmix of one scene."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks.songs import STEMS
from spatialkit.benchmarks.upmix import measures
from spatialkit.benchmarks.upmix.components import (
    cross_spectra,
    octave_correlation,
    separate_components,
)
from spatialkit.benchmarks.upmix.pooling import pool
from spatialkit.benchmarks.upmix.report import KNOWN
from spatialkit.benchmarks.upmix.scenes import MARGIN, Scene
from spatialkit.downmix import correction_size
from spatialkit.errors import LayoutError
from spatialkit.layouts import Layout
from spatialkit.metrics import angle_error, downmix_error, loudness

__all__ = ["aligned", "measured", "score"]


def score(upmix: NDArray[Any], scene: Scene, layout: Layout) -> dict[str, float]:
    """Calculate all measures that apply to a scene; ``upmix`` does not contain the margins."""
    stereo = measured(scene.stereo)
    scores: dict[str, float] = {}
    try:
        scores["downmix_error"] = float(downmix_error(upmix, stereo, layout))
        scores["correction"] = float(correction_size(upmix, stereo, layout))
    except LayoutError:  # no downmix is defined for this layout
        pass
    feeds = upmix[layout.loudspeakers]
    if scene.kind == "noise":
        scores["musical_noise"] = measures.log_kurtosis_ratio(feeds, stereo)
        return scores | {"level_error": measures.level_error(feeds, stereo, scene.sample_rate)}
    rate = scene.sample_rate
    with np.errstate(invalid="ignore"):  # -inf minus -inf for silence
        change = loudness(upmix, layout, rate) - loudness(stereo, "stereo", rate)
    scores["level_change"] = float(change)
    scores["level_pumping"] = measures.level_pumping(feeds, stereo, rate)
    if scene.kind == "song":
        scores["gating_depth"] = measures.gating_depth(feeds, stereo, rate)
    front, surround, height = measures.region_energies(upmix, layout)
    if scene.kind == "near-mono":
        scores["near_mono_surround_level"] = measures.ratio_db(surround, front)
    if scene.kind in KNOWN:
        scores |= _score_components(upmix, scene, layout)
    if scene.kind == "room":
        scores["surround_level"] = measures.ratio_db(surround, front)
        scores["height_level"] = measures.ratio_db(height, front)
    return scores


def _score_components(upmix: NDArray[Any], scene: Scene, layout: Layout) -> dict[str, float]:
    """Calculate the measures of "dry" and "room" scenes that need the stems and the ambience."""
    stems, ambience = measured(scene.stems), measured(scene.ambience)
    errors = angle_error(stems, upmix, scene.azimuth, layout)
    scores = {"direction_error": pool(errors.tolist(), "mean")}
    scores |= {f"direction_error_{stem}": float(x) for stem, x in zip(STEMS, errors, strict=True)}
    signals = np.concatenate([stems, ambience, upmix])
    spectra = cross_spectra(signals, scene.sample_rate)
    components = separate_components(spectra, len(stems), len(ambience))
    front, surround = measures.regions(layout)
    direct, moved = components.direct[surround].sum(), components.ambience[surround].sum()
    if surround.size:
        scores["leakage"] = measures.ratio_db(direct, components.direct[front].sum())
    if surround.size and len(ambience):
        total = direct + moved + components.residual[surround].sum()
        scores["ambience_share"] = float(100.0 * moved / total) if total else np.nan
        scores["ambience_moved"] = measures.ratio_db(moved, components.reference_ambience)
        offset = len(stems) + len(ambience)
        scores["surround_correlation"] = octave_correlation(spectra, surround + offset)
    return scores


def measured(signal: NDArray[Any]) -> NDArray[Any]:
    return signal[:, MARGIN:-MARGIN]


def aligned(upmix: NDArray[Any], lag: int, scene: Scene) -> NDArray[Any]:
    """Return an upmix without margins, after compensation of a delay of ``lag`` samples."""
    return upmix[:, MARGIN + lag : scene.stereo.shape[1] - MARGIN + lag]
