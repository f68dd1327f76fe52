"""torchmetrics class of the loudness."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spatialkit.layouts import Format
from spatialkit_models import losses
from spatialkit_models.metrics.items import RatedMetric

__all__ = ["LoudnessDifference"]


class LoudnessDifference(RatedMetric):
    """Mean loudness of preds minus that of target, LU; see `spatialkit.metrics.loudness`.

    Parameters
    ----------
    sample_rate : float
        Sample rate of the signals in Hz.
    layout : str, Layout, AmbisonicFormat or None
        Format of both, which determines the weights of the channels; None weights all equally.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> target = torch.randn(2, 24000, generator=torch.Generator().manual_seed(0))
    >>> metric = LoudnessDifference(48000)
    >>> metric(0.5 * target, target).round(decimals=2)
    tensor(-6.0200)
    """

    higher_is_better = None  # near 0

    def __init__(
        self, sample_rate: float, layout: str | Format | None = None, **kwargs: Any
    ) -> None:
        super().__init__(sample_rate, **kwargs)
        self.layout = layout

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        first, second = (
            losses.loudness(audio, self.layout, self.sample_rate) for audio in (target, preds)
        )
        return torch.where(first.isfinite(), second - first, torch.nan)
