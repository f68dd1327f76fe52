"""Anchors of MUSHRA tests: low-pass filtered references and a reference without width."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from spatialkit.audio import Audio
from spatialkit.downmix import downmix
from spatialkit.errors import LayoutError, OptionError
from spatialkit.layouts import AmbisonicFormat, get_format
from spatialkit.rendering import render
from spatialkit.validation import as_choice

__all__ = ["ANCHORS", "low_pass_anchor", "spatial_anchor"]

ANCHORS = ("anchor 3.5 kHz", "anchor 7 kHz", "anchor width 0")
"""Names of the anchors: the two of ITU-R BS.1534-3, and one in which every sound is in front."""

# ITU-R BS.1534-3, Annex 1: the low-pass filter of 3.5 kHz has a ripple of at most 0.1 dB, 25 dB at
# 4 kHz and 50 dB at 4.5 kHz. The other one has the same ratios of frequencies.
STOP_RATIO = 4.0 / 3.5
STOP_DB = 60.0


def low_pass_anchor(audio: Audio[Any], cutoff: float) -> Audio[Any]:
    """Return audio through the low-pass filter of an anchor, without delay.

    Parameters
    ----------
    audio : Audio
    cutoff : float
        End of the pass band in Hz, 3500 or 7000. The response is within 0.1 dB up to there and
        below -50 dB from 8/7 of it on.

    Raises
    ------
    OptionError
        If the sample rate is too low for the filter.

    References
    ----------
    ITU-R BS.1534-3, "Method for the subjective assessment of intermediate quality level of audio
    systems", Annex 1.
    """
    from scipy.signal import fftconvolve, firwin, kaiserord

    nyquist = audio.sample_rate / 2.0
    stop = cutoff * STOP_RATIO
    if stop >= nyquist:
        raise OptionError(
            f"an anchor of {cutoff:g} Hz needs a sample rate of more than {2.0 * stop:.0f} Hz, got "
            f"{audio.sample_rate}"
        )
    taps, beta = kaiserord(STOP_DB, (stop - cutoff) / nyquist)
    taps |= 1  # odd: the delay is a whole number of samples
    response = firwin(taps, (cutoff + stop) / 2.0, window=("kaiser", beta), fs=audio.sample_rate)
    filtered = fftconvolve(audio.samples, response[None, :], mode="full", axes=-1)
    start = taps // 2
    samples = filtered[:, start : start + audio.samples.shape[1]].astype(audio.samples.dtype)
    return replace(audio, samples=samples)


def spatial_anchor(audio: Audio[Any]) -> Audio[Any]:
    """Return audio with its mono downmix in front, in the same format: a scene of width 0.

    Parameters
    ----------
    audio : Audio
        With a format.
    """
    if audio.format is None:
        raise LayoutError("audio must have a format for the anchor of width 0")
    form = get_format(audio.format)
    if isinstance(form, AmbisonicFormat):
        mono = downmix(audio.samples, form, "mono")
    else:
        mono = render(audio.samples, form, "mono")
    return replace(audio, samples=np.asarray(render(mono, "mono", form)))


def make_anchor(audio: Audio[Any], name: str) -> Audio[Any]:
    """Return an anchor of a reference by its name in `ANCHORS`."""
    name = as_choice(name, "anchor", ANCHORS)
    if name == "anchor width 0":
        return spatial_anchor(audio)
    return low_pass_anchor(audio, 3500.0 if name == "anchor 3.5 kHz" else 7000.0)
