"""torchmetrics classes of energy ratios."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spatialkit.downmix import DownmixMethod, downmix_matrix
from spatialkit.layouts import Format, Layout, get_format
from spatialkit_models import losses
from spatialkit_models.metrics.items import PairMetric

__all__ = ["SDSDR", "SISDR", "SNR", "DownmixError"]


class _Distortion(PairMetric):
    higher_is_better = True

    def __init__(self, *, per_channel: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.per_channel = per_channel


class SNR(_Distortion):
    """Mean signal-to-noise ratio, dB; see `spatialkit.metrics.snr`.

    Parameters
    ----------
    per_channel : bool
        Treat each channel as an item, instead of all channels together.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> target = torch.sin(torch.arange(1000.0)).expand(2, 1000)
    >>> metric = SNR()
    >>> metric(0.5 * target, target)
    tensor(6.0206)
    """

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.snr(target, preds, per_channel=self.per_channel)


class SDSDR(_Distortion):
    """Mean scale-dependent signal-to-distortion ratio, dB; see `spatialkit.metrics.sd_sdr`.

    Parameters
    ----------
    per_channel : bool
        Treat each channel as an item, instead of all channels together.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> target = torch.sin(torch.arange(1000.0)).expand(2, 1000)
    >>> metric = SDSDR()
    >>> metric(2.0 * target, target)
    tensor(6.0206)
    """

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.sd_sdr(target, preds, per_channel=self.per_channel)


class SISDR(_Distortion):
    """Mean scale-invariant signal-to-distortion ratio, dB; see `spatialkit.metrics.si_sdr`.

    Unlike the metric of torchmetrics, all channels are evaluated together and items with a silent
    target are excluded.

    Parameters
    ----------
    per_channel : bool
        Treat each channel as an item, instead of all channels together.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> time = torch.arange(1000.0)
    >>> target = torch.sin(time).expand(2, 1000)
    >>> metric = SISDR()
    >>> metric(0.5 * target + 0.05 * torch.cos(time), target).round(decimals=1)
    tensor(20.)
    """

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.si_sdr(target, preds, per_channel=self.per_channel)


class DownmixError(PairMetric):
    """Mean SNR of the downmix of preds, dB; see `spatialkit.metrics.downmix_error`.

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        Format of the preds.
    method : {"itu", "sum", "iamf"}
        Downmix rule.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> stereo = torch.sin(torch.arange(1000.0)).expand(2, 1000)
    >>> metric = DownmixError("5.0")
    >>> metric(torch.cat([0.5 * stereo, torch.zeros(3, 1000)]), stereo)
    tensor(6.0206)
    """

    higher_is_better = True

    def __init__(
        self, layout: str | Format = "5.0", *, method: DownmixMethod = "itu", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.format = get_format(layout)
        self.method: DownmixMethod = method

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        preds : Tensor of float, shape (..., channels, samples)
            Upmixes.
        target : Tensor of float, shape (..., 1 or 2, samples) or (..., channels, samples)
            Signals that were upmixed; or upmixes, whose stereo downmixes are the targets.
        """
        super().update(preds, target)

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        if target.shape[-2] > 2 and isinstance(self.format, Layout):
            gains = torch.as_tensor(downmix_matrix(self.format, "stereo", method=self.method))
            target = (gains.to(target.device) @ target.double()).to(target.dtype)
        return losses.downmix_error(preds, target, self.format, method=self.method)
