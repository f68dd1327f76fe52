"""torchmetrics classes of level differences and correlation between channels."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from spatialkit_models import losses
from spatialkit_models.metrics.items import PairMetric, RatedMetric

__all__ = ["WILD", "CorrelationError", "ILDError", "Leakage"]


class _LevelDifference(PairMetric):
    def __init__(
        self,
        *,
        n_fft: int = 1024,
        hop: int = 256,
        floor_db: float = -60.0,
        clip_db: float = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sizes: dict[str, Any] = {"n_fft": n_fft, "hop": hop}
        self.limits: dict[str, Any] = {"floor_db": floor_db, "clip_db": clip_db}


class WILD(_LevelDifference):
    """Mean Wasserstein distance of interchannel level differences; see `spatialkit.metrics.wild`.

    Only values with the same floor are comparable.

    Parameters
    ----------
    n_fft, hop : int
        Length and hop of the STFT with a Hann window, samples.
    floor_db : float
        Floor relative to the loudest bin of each target, dB, at most 0.
    clip_db : float
        Largest level difference, dB, above 0.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> import torch
    >>> target = torch.randn(3, 2, 4000, generator=torch.Generator().manual_seed(0))
    >>> metric = WILD()
    >>> metric(target * torch.tensor([[1.0], [2.0]]), target).round(decimals=1)
    tensor(6.)
    """

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.wild(target, preds, **self.sizes, **self.limits)


class ILDError(_LevelDifference):
    """Mean absolute error of interchannel level differences, dB.

    See `spatialkit.metrics.ild_error`, a mean over bins and pairs of channels.

    Parameters
    ----------
    n_fft, hop, floor_db, clip_db, **kwargs
        See `WILD`.

    Examples
    --------
    >>> import torch
    >>> target = torch.randn(3, 2, 4000, generator=torch.Generator().manual_seed(0))
    >>> metric = ILDError()
    >>> metric(target * torch.tensor([[1.0], [2.0]]), target).round(decimals=1)
    tensor(6.)
    """

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.ild_error(target, preds, **self.sizes, **self.limits)


class CorrelationError(RatedMetric):
    """Mean error of the cross-correlation of channels; see `spatialkit.metrics.correlation_error`.

    Parameters
    ----------
    sample_rate : float
        Sample rate of the signals in Hz.
    floor_db : float
        Floor relative to the loudest band of each target, dB, at most 0.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> import torch
    >>> target = torch.randn(1, 9600, generator=torch.Generator().manual_seed(0)).expand(2, -1)
    >>> metric = CorrelationError(48000)
    >>> metric(target * torch.tensor([[1.0], [-1.0]]), target)
    tensor(2.)
    """

    def __init__(self, sample_rate: float, *, floor_db: float = -60.0, **kwargs: Any) -> None:
        super().__init__(sample_rate, **kwargs)
        self.floor_db = floor_db

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.correlation_error(target, preds, self.sample_rate, floor_db=self.floor_db)


class Leakage(PairMetric):
    """Mean level in channels that should be silent, dB; see `spatialkit.metrics.leakage`.

    Parameters
    ----------
    n_fft, hop : int
        Length and hop of the STFT with a Hann window, samples.
    floor_db : float
        Floor relative to the loudest channel of each bin, dB, at most 0.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> import torch
    >>> target = torch.tensor([[1.0], [0.0]]) * torch.randn(8000)
    >>> metric = Leakage()
    >>> metric(target + 0.01 * target.flip(0), target).round(decimals=1)
    tensor(-40.)
    """

    def __init__(
        self, *, n_fft: int = 1024, hop: int = 256, floor_db: float = -60.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {"n_fft": n_fft, "hop": hop, "floor_db": floor_db}

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.leakage(target, preds, **self.settings)
