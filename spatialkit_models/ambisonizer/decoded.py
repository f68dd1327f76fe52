"""Directions of stems on loudspeakers, after decoding an upmix to first-order Ambisonics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import decode_foa
from spatialkit.layouts import Layout
from spatialkit.metrics import angle_error
from spatialkit.results import Metric

__all__ = ["DECODED", "decoded_scores"]

GROUP = "Direction of the stems on loudspeakers"
DECODERS: tuple[Literal["allrad", "dirac"], ...] = ("allrad", "dirac")

DECODED = (
    Metric("stems_allrad", "allrad", "degrees", "lower", "", GROUP),
    Metric("stems_dirac", "dirac", "degrees", "lower", "With a layout: mean angle between each "
           "stem and the energy vector of its least-squares gains in the loudspeaker signals, by "
           "decoder. A stem is where its mean intensity in the scene points.", GROUP),
)  # fmt: skip


def decoded_scores(
    stems: NDArray[Any],
    stage: Sequence[float],
    estimate: NDArray[Any],
    layout: Layout,
    sample_rate: int,
) -> dict[str, float]:
    """Return the mean direction error of the stems by decoder, in degrees.

    Parameters
    ----------
    stems : ndarray, shape (4, 3, samples)
        W, Y and X of the stems in front.
    stage : sequence of float
        Front-rear position of each stem, from -1 (rear) to 1 (front).
    estimate : ndarray, shape (4, samples)
        AmbiX.
    layout : Layout
        Loudspeakers that ``estimate`` is decoded to.
    sample_rate : int
        Sample rate in Hz.

    Examples
    --------
    >>> from spatialkit.layouts import get_layout
    >>> w = np.random.default_rng(0).standard_normal((4, 16000))
    >>> stems = np.stack([w, 0.0 * w, w], 1)
    >>> estimate = np.stack([w.sum(0), 0.0 * w[0], 0.0 * w[0], w.sum(0)])
    >>> found = decoded_scores(stems, (1.0,) * 4, estimate, get_layout("7.1.4"), 16000)
    >>> {name: round(error) for name, error in found.items()}
    {'stems_allrad': 15, 'stems_dirac': 0}
    """
    w, y, x = np.moveaxis(np.asarray(stems, np.float64), 1, 0)
    lateral, frontal = np.sum(w * y, axis=1), np.asarray(stage) * np.sum(w * x, axis=1)
    azimuth = np.degrees(np.arctan2(lateral, frontal))
    found = {}
    for decoder in DECODERS:
        feeds = decode_foa(estimate, layout, decoder=decoder, sample_rate=sample_rate)
        errors = angle_error(w, feeds.astype(np.float64), azimuth, layout, weighting="energy")
        active = errors[~np.isnan(errors)]
        found[f"stems_{decoder}"] = float(active.mean()) if active.size else np.nan
    return found
