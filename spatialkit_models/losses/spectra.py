"""Spectra of the losses: transform, neighbourhoods and bands."""

from __future__ import annotations

import torch
from torch import Tensor

from spatialkit.validation import as_count
from spatialkit_models.losses.precision import in_full_precision

__all__ = ["stft"]


@in_full_precision
def stft(audio: Tensor, *, n_fft: int = 1024, hop: int = 256) -> Tensor:
    """Calculate the short-time Fourier transform with a Hann window, as `spatialkit.stft` does.

    Parameters
    ----------
    audio : Tensor of float, shape (..., samples)
        Of any length, including 0.
    n_fft, hop : int
        Length of a frame, at least 2, and distance between frames, 1 to ``n_fft``; samples.

    Returns
    -------
    Tensor of complex, shape (..., bins, frames)
        ``n_fft // 2 + 1`` bins, ``1 + samples // hop`` frames.

    Examples
    --------
    >>> stft(torch.zeros(2, 1000), n_fft=512, hop=128).shape
    torch.Size([2, 257, 8])
    """
    n_fft = as_count(n_fft, "n_fft", minimum=2)
    hop = as_count(hop, "hop", maximum=n_fft)
    samples, centre = audio.shape[-1], n_fft // 2
    # To the end of the last frame; with a long hop, that is before the end of the signal.
    behind = samples // hop * hop + n_fft - centre - samples
    padded = torch.nn.functional.pad(audio, (centre, behind))
    window = torch.hann_window(n_fft, dtype=audio.dtype, device=audio.device)
    return torch.fft.rfft(padded.unfold(-1, n_fft, hop) * window).transpose(-1, -2)


def moving_sum(values: Tensor, *, frames: int | None = 1, bins: int | None = 1) -> Tensor:
    """Sum values (..., bins, frames) over neighbourhoods, as `spatialkit.stft.moving_sum` does."""
    for count, name, axis in ((bins, "bins", -2), (frames, "frames", -1)):
        if count is None:
            values = values.sum(dim=axis, keepdim=True)
        elif (count := min(as_count(count, name), 2 * values.shape[axis])) > 1:
            around = ((count - 1) // 2, count // 2)
            padding = around if axis == -1 else (0, 0, *around)
            padded = torch.nn.functional.pad(values, padding)
            values = padded.unfold(axis, count, 1).sum(dim=-1)
    return values


def loudest_bin(magnitude: Tensor) -> Tensor:
    """Return the maximum of each item, 0 if it has no frame, with its axes kept."""
    if not magnitude.shape[-1]:
        return magnitude.new_zeros(*magnitude.shape[:-3], 1, 1, 1)
    return magnitude.amax(dim=(-3, -2, -1), keepdim=True)


def power_of(spectrum: Tensor) -> Tensor:
    """Return |spectrum|^2, with the derivative 0 at 0."""
    return spectrum.real.square() + spectrum.imag.square()
