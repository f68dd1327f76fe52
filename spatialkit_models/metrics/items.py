"""Base classes of the metrics: means over items, from sums over batches and processes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from spatialkit.errors import SignalError
from spatialkit.validation import as_audio, as_sample_rate, shown

__all__ = ["MeanOfItems", "PairMetric", "RatedMetric"]


class MeanOfItems(Metric):
    """Mean over items, from sums over batches and processes."""

    full_state_update = False
    is_differentiable = True
    higher_is_better: bool | None = False

    total: Tensor
    defined: Tensor
    undefined: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # In float64, so that sums over many items stay exact.
        zero = torch.zeros((), dtype=torch.float64)
        self.add_state("total", default=zero, dist_reduce_fx="sum")
        for count in ("defined", "undefined"):
            self.add_state(count, default=torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        # NaN is never equal: a `MetricCollection` lets metrics whose states are equal after one
        # batch share them from then on, such as all errors of a batch of equal or silent signals.
        self.add_state("unshared", default=torch.tensor(torch.nan), dist_reduce_fx="sum")

    def add(self, values: Tensor) -> None:
        undefined = values.isnan()
        self.total = self.total + torch.where(undefined, 0.0, values).sum(dtype=torch.float64)
        self.undefined = self.undefined + undefined.sum()
        self.defined = self.defined + (~undefined).sum()

    @staticmethod
    def check(**signals: Tensor) -> None:
        """Reject what `spatialkit.metrics` rejects: integers, frames-first audio, NaN."""
        for name, signal in signals.items():
            if not isinstance(signal, Tensor):
                raise SignalError(f"{name} must be a tensor, got {shown(signal)}")
            if signal.layout != torch.strided or signal.is_meta:
                raise SignalError(f"{name} must be a dense tensor with values, got {shown(signal)}")
            if signal.dtype not in (torch.float32, torch.float64):
                hint = "float()" if signal.is_floating_point() else "float() / 32768 for 16 bits"
                raise SignalError(
                    f"{name} must be float32 or float64, got {signal.dtype}; convert it first, "
                    f"such as {name}.{hint}"
                )
            as_audio(np.broadcast_to(np.float32(0.0), signal.shape), name)  # checks the shape
            if not signal.isfinite().all():
                raise SignalError(f"{name} contains NaN or infinity: samples must be finite")

    def compute(self) -> Tensor:
        """Compute the mean over all defined items, NaN if there are none."""
        return (self.total / self.defined).to(torch.get_default_dtype())

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """Plot one value, or several over the steps of a training.

        Parameters
        ----------
        val : Tensor or sequence of Tensor, optional
            Results of `forward` or `compute`. By default the present result of `compute`.
        ax : matplotlib Axes, optional

        Returns
        -------
        Figure and Axes
        """
        return self._plot(val, ax)


class PairMetric(MeanOfItems):
    """Mean of a function of target and preds."""

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        preds, target : Tensor of float, shape (..., channels, samples)
            Signals of the same shape.
        """
        self.check(preds=preds, target=target)
        self.add(self._values(target, preds))

    @abstractmethod
    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        """Return one value per item, NaN where it is undefined."""


class RatedMetric(PairMetric):
    """Mean of a function of target and preds that depends on their sample rate in Hz."""

    def __init__(self, sample_rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sample_rate = as_sample_rate(sample_rate)
