"""Spectral losses in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from spatialkit.errors import ShapeError
from spatialkit_models.losses.precision import in_full_precision, require_same
from spatialkit_models.stft_resolutions import MIN_POWER, RESOLUTIONS

__all__ = ["multi_resolution_stft"]


@in_full_precision
def multi_resolution_stft(reference: Tensor, estimate: Tensor) -> Tensor:
    """Calculate the multi-resolution STFT loss [1]_.

    The mean over three resolutions of the spectral convergence ``||E| - |S|| / ||S||``, with norms
    over all signals together, plus the mean of ``|ln |E| - ln |S||``. Powers below 1e-8 count as
    1e-8, so that the loss is finite for all signals. Windows are Hann windows; signals are padded
    by reflection.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., samples)
        Signals of the same shape, with more than 1024 samples.

    Returns
    -------
    Tensor, shape ()
        0 for equal magnitudes.

    Raises
    ------
    ShapeError
        If the shapes differ or the signals are too short.

    References
    ----------
    .. [1] R. Yamamoto, E. Song and J.-M. Kim, "Parallel WaveGAN", ICASSP 2020; resolutions and
       floor as in auraloss 0.4.0.

    Examples
    --------
    >>> noise = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    >>> round(multi_resolution_stft(noise, 0.5 * noise).item(), 3)
    1.193
    """
    require_same(reference.shape, estimate.shape)
    minimum = max(n_fft for n_fft, _, _ in RESOLUTIONS) // 2
    if reference.shape[-1] <= minimum:
        raise ShapeError(
            f"multi_resolution_stft needs more than {minimum} samples, got {reference.shape[-1]}"
        )
    distances = []
    for resolution in RESOLUTIONS:
        target, output = (_magnitudes(audio, *resolution) for audio in (reference, estimate))
        convergence = torch.linalg.norm(output - target) / torch.linalg.norm(target)
        distances.append(convergence + (output.log() - target.log()).abs().mean())
    return torch.stack(distances).mean()


def _magnitudes(audio: Tensor, n_fft: int, hop: int, width: int) -> Tensor:
    """Calculate magnitudes (signals * bins * frames,) with powers of at least `MIN_POWER`."""
    window = torch.hann_window(width, dtype=audio.dtype, device=audio.device)
    spectrum = torch.stft(
        audio.reshape(-1, audio.shape[-1]),
        n_fft,
        hop,
        width,
        window,
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    power = spectrum.real.square() + spectrum.imag.square()
    return power.clamp(min=MIN_POWER).sqrt().flatten()
