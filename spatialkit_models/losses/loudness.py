"""Loudness, integrated and over time: counterparts of `spatialkit.metrics` in torch."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from spatialkit.errors import ShapeError
from spatialkit.layouts import Format, get_format
from spatialkit.metrics import KWeighting, channel_weights
from spatialkit.validation import as_sample_rate
from spatialkit_models.losses.precision import in_full_precision

__all__ = ["loudness", "momentary_loudness", "short_term_loudness"]

# As in the core: BS.1770.
OFFSET_LU = -0.691
ABSOLUTE_GATE = 10.0 ** ((-70.0 - OFFSET_LU) / 10.0)
RELATIVE_GATE = 10.0**-1.0
STEPS_PER_SECOND, BLOCK_STEPS, SHORT_TERM_STEPS, HOP_STEPS = 100, 40, 300, 10
# Seconds after which the impulse response of K-weighting is below -200 dB.
RESPONSE_SECONDS = 0.5


@in_full_precision
def loudness(audio: Tensor, layout: str | Format | None, sample_rate: float) -> Tensor:
    """Calculate the integrated loudness of BS.1770-5, as `spatialkit.metrics.loudness` does.

    In float64 for every input type. The choice of blocks above the gates is constant for the
    gradient.

    Parameters
    ----------
    audio : Tensor of float, shape (..., channels, samples)
    layout : str, Layout, AmbisonicFormat or None
        Format that determines the weights of the channels; None weights all equally.
    sample_rate : float
        Sample rate in Hz, at least 8000.

    Returns
    -------
    Tensor, shape (...)
        LUFS; -inf for silence and below -70 LUFS, NaN for signals shorter than 400 ms.

    Examples
    --------
    >>> tone = torch.sin(2 * torch.pi * 997 / 48000 * torch.arange(48000))
    >>> round(loudness(tone[None], "mono", 48000).item(), 2)
    -3.01
    """
    power = _powers(audio, layout, sample_rate, BLOCK_STEPS, HOP_STEPS)
    gate = power > ABSOLUTE_GATE
    gate = gate & (power > RELATIVE_GATE * _mean(power, gate)[..., None])
    silent = -torch.inf if power.shape[-1] else torch.nan
    return _level(_mean(power, gate), silent).to(audio.dtype)


@in_full_precision
def momentary_loudness(audio: Tensor, layout: str | Format | None, sample_rate: float) -> Tensor:
    """Calculate the momentary loudness, as `spatialkit.metrics.momentary_loudness` does.

    Parameters
    ----------
    audio, layout, sample_rate
        As for `loudness`.

    Returns
    -------
    Tensor, shape (..., windows)
        LUFS of windows of 400 ms every 10 ms; -inf for silence. None in a shorter signal.

    Examples
    --------
    >>> tone = torch.sin(2 * torch.pi * 997 / 48000 * torch.arange(48000))
    >>> round(momentary_loudness(tone[None], "mono", 48000).max().item(), 2)
    -3.01
    """
    return _level(_powers(audio, layout, sample_rate, BLOCK_STEPS, 1)).to(audio.dtype)


@in_full_precision
def short_term_loudness(audio: Tensor, layout: str | Format | None, sample_rate: float) -> Tensor:
    """Calculate the short-term loudness, as `spatialkit.metrics.short_term_loudness` does.

    Parameters
    ----------
    audio, layout, sample_rate
        As for `loudness`.

    Returns
    -------
    Tensor, shape (..., windows)
        LUFS of windows of 3 s every 100 ms; -inf for silence. None in a shorter signal.

    Examples
    --------
    >>> tone = torch.sin(2 * torch.pi * 997 / 8000 * torch.arange(4 * 8000))
    >>> short_term_loudness(tone[None], "mono", 8000).shape
    torch.Size([11])
    """
    return _level(_powers(audio, layout, sample_rate, SHORT_TERM_STEPS, HOP_STEPS)).to(audio.dtype)


def _powers(
    audio: Tensor, layout: str | Format | None, sample_rate: float, steps: int, hop: int
) -> Tensor:
    """Return the weighted mean powers (..., windows) of windows of some steps of 10 ms."""
    rate = as_sample_rate(sample_rate)
    where = None if layout is None else get_format(layout)
    if audio.ndim < 2 or (where is not None and audio.shape[-2] != where.n_channels):
        channels = "channels" if where is None else f"{where.n_channels}"
        raise ShapeError(
            f"audio must have shape (..., {channels}, samples), got {tuple(audio.shape)}"
        )
    samples = audio.shape[-1]
    weights = torch.as_tensor(channel_weights(where, audio.shape[-2]), device=audio.device)
    # Long enough that the end of the response does not wrap around.
    size = 1 << (samples + math.ceil(RESPONSE_SECONDS * rate)).bit_length()
    response = torch.as_tensor(_response(rate, size), device=audio.device)
    weighted = torch.fft.irfft(torch.fft.rfft(audio.double(), size) * response, size)[..., :samples]
    energy = torch.nn.functional.pad(
        (weights[:, None] * weighted.square()).sum(dim=-2).cumsum(dim=-1), (1, 0)
    )
    places = np.arange(int((samples + 1) * STEPS_PER_SECOND / rate) + 1)
    edges = torch.as_tensor(np.rint(places * rate / STEPS_PER_SECOND).astype(np.int64))
    edges = edges[edges <= samples].to(audio.device)
    starts, ends = edges[:-steps:hop], edges[steps::hop]
    return ((energy[..., ends] - energy[..., starts]) / (ends - starts)).clamp(min=0.0)


def _level(power: Tensor, silent: float = -torch.inf) -> Tensor:
    """Return LUFS, and ``silent`` where the power is 0."""
    active = power > 0.0
    level = OFFSET_LU + 10.0 * torch.log10(torch.where(active, power, 1.0))
    return torch.where(active, level, silent)


def _mean(power: Tensor, gate: Tensor) -> Tensor:
    """Return the mean of the gated blocks, 0 if there are none."""
    return torch.where(gate, power, 0.0).sum(dim=-1) / gate.sum(dim=-1).clamp(min=1)


@lru_cache(maxsize=4)
def _response(rate: int, size: int) -> np.ndarray:
    """Return the frequency response of K-weighting in the bins of a transform of ``size``."""
    filters = KWeighting(rate)
    spectra = np.fft.rfft(filters.sections.reshape(-1, 2, 3), size)  # numerators, denominators
    response = np.prod(spectra[:, 0] / spectra[:, 1], axis=0)
    if filters.correction is not None:
        response *= np.fft.rfft(filters.correction, size)
    return response
