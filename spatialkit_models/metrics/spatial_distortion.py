"""torchmetrics classes of spatial and residual distortion."""

from __future__ import annotations

from torch import Tensor

from spatialkit_models import losses
from spatialkit_models.metrics.items import RatedMetric

__all__ = ["SRR", "SSR"]


class SSR(RatedMetric):
    """Mean signal to spatial distortion ratio, dB; see `spatialkit.metrics.spatial_distortion`.

    Parameters
    ----------
    sample_rate : float
        Sample rate of the signals in Hz.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> import torch
    >>> target = torch.randn(2, 9600, generator=torch.Generator().manual_seed(0))
    >>> metric = SSR(48000)
    >>> metric(target + 0.1 * target.flip(0), target).round(decimals=1)
    tensor(20.)
    """

    higher_is_better = True

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.spatial_distortion(target, preds, self.sample_rate).ssr


class SRR(RatedMetric):
    """Mean signal to residual distortion ratio, dB; see `spatialkit.metrics.spatial_distortion`.

    Parameters
    ----------
    sample_rate, **kwargs
        See `SSR`.

    Examples
    --------
    >>> import torch
    >>> target = torch.randn(2, 9600, generator=torch.Generator().manual_seed(0))
    >>> metric = SRR(48000)
    >>> metric(target + 0.1 * target.flip(0), target)
    tensor(80.)
    """

    higher_is_better = True

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.spatial_distortion(target, preds, self.sample_rate).srr
