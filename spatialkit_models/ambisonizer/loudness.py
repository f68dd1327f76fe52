"""Loudness of Ambisonics on loudspeakers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.metrics import loudness

__all__ = ["match_loudness"]

# RMS at which loudness is measured, so that its absolute gate does not depend on the level.
LEVEL = 0.1
# Gain in dB of a signal that is too short or too soft for a measurement: W is the mean of left and
# right, which makes a mix 3 dB (in the centre) to 6 dB (on one side) softer.
USUAL_GAIN = 4.5


def match_loudness(
    feeds: NDArray[Any], song: NDArray[Any], format: Layout | AmbisonicFormat, sample_rate: int
) -> NDArray[Any]:
    """Scale loudspeaker feeds to the loudness of the song; Ambisonics is returned as it is.

    Parameters
    ----------
    feeds : ndarray, shape (channels, samples)
        Loudspeaker feeds of a window, or Ambisonics.
    song : ndarray, shape (1 or 2, samples)
        The same window of the song.
    format : Layout or AmbisonicFormat
        Format of ``feeds``.
    sample_rate : int
        Sample rate in Hz.
    """
    rms = float(np.sqrt(np.mean(np.square(song)))) if song.size else 0.0
    if isinstance(format, AmbisonicFormat) or not rms:
        return feeds
    scale = LEVEL / rms
    before = loudness(scale * song, "stereo" if len(song) == 2 else "mono", sample_rate)
    difference = float(before - loudness(scale * feeds, format, sample_rate))
    return feeds * 10.0 ** ((difference if np.isfinite(difference) else USUAL_GAIN) / 20.0)
