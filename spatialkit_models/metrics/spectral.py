"""torchmetrics classes of distances between spectra."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from spatialkit_models import losses
from spatialkit_models.metrics.items import PairMetric

__all__ = ["LogSpectralDistance", "MultiResolutionSTFT"]


class LogSpectralDistance(PairMetric):
    """Mean log-spectral distance, dB; see `spatialkit.metrics.log_spectral_distance`.

    Parameters
    ----------
    n_fft, hop : int
        Length and hop of the STFT with a Hann window, samples.
    floor_db : float
        Floor relative to the loudest bin of each target, dB, at most 0.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> import torch
    >>> target = torch.randn(3, 2, 8000, generator=torch.Generator().manual_seed(0))
    >>> metric = LogSpectralDistance()
    >>> metric(0.5 * target, target).round(decimals=1)
    tensor(6.)
    """

    def __init__(
        self, *, n_fft: int = 2048, hop: int = 512, floor_db: float = -60.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {"n_fft": n_fft, "hop": hop, "floor_db": floor_db}

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.log_spectral_distance(target, preds, **self.settings)


class MultiResolutionSTFT(PairMetric):
    """Mean multi-resolution STFT distance; see `spatialkit.metrics.multi_resolution_stft`.

    Parameters
    ----------
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> import torch
    >>> target = torch.randn(3, 2, 4000, generator=torch.Generator().manual_seed(0))
    >>> metric = MultiResolutionSTFT()
    >>> metric(0.5 * target, target).round(decimals=1)
    tensor(1.2000)
    """

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.multi_resolution_stft(target, preds)
