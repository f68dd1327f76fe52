"""Distances of spectra in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from spatialkit.errors import ShapeError
from spatialkit_models.losses.precision import in_full_precision, require_same
from spatialkit_models.stft_resolutions import LEAST_POWER, RESOLUTIONS

__all__ = ["multi_resolution_stft"]


@in_full_precision
def multi_resolution_stft(reference: Tensor, estimate: Tensor) -> Tensor:
    """Distance of magnitudes in three resolutions [1]_, to be minimised.

    In each the spectral convergence ``||E| - |S|| / ||S||``, of norms over all signals together,
    plus the mean of ``|ln |E| - ln |S||``; then the mean over resolutions. Powers are at least
    1e-8, so that it is finite whatever the signals. Windows are Hann's; signals are mirrored at
    their ends.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., samples)
        Of one shape, with more than 1024 samples.

    Returns
    -------
    Tensor, shape ()
        0 for equal magnitudes.

    Raises
    ------
    ShapeError
        If the shapes differ, or the signals are too short.

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
    least = max(n_fft for n_fft, _, _ in RESOLUTIONS) // 2
    if reference.shape[-1] <= least:
        raise ShapeError(
            f"multi_resolution_stft needs more than {least} samples, got {reference.shape[-1]}"
        )
    distances = []
    for resolution in RESOLUTIONS:
        wanted, made = (_magnitudes(audio, *resolution) for audio in (reference, estimate))
        convergence = torch.linalg.norm(made - wanted) / torch.linalg.norm(wanted)
        distances.append(convergence + (made.log() - wanted.log()).abs().mean())
    return torch.stack(distances).mean()


def _magnitudes(audio: Tensor, n_fft: int, hop: int, width: int) -> Tensor:
    """Magnitudes (signals * bins * frames,), none below the root of `LEAST_POWER`."""
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
    return power.clamp(min=LEAST_POWER).sqrt().flatten()
