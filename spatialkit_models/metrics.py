"""Metrics of `spatialkit.metrics` as torchmetrics classes, computed by `spatialkit_models.losses`.

``preds`` is the first argument, ``target`` the second; batches may have any size. The result is the
mean over all items of all batches and processes. Items whose metric is undefined (NaN: those with a
silent target) are excluded from the mean and counted in the state ``undefined``; infinite values
are included and make the mean infinite. In distributed training, states belong to one process until
they are synchronised, by `compute` or by ``with metric.sync_context(): ...``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spatialkit.errors import ShapeError, SignalError
from spatialkit.layouts import Layout, get_layout
from spatialkit.validation import as_audio, as_choice, extra, shown

try:
    import torch
    from torch import Tensor
    from torchmetrics import Metric
except ImportError as error:
    message = f"spatialkit_models.metrics needs {error.name}: {extra('train')}"
    raise ImportError(message, name=error.name) from error

from spatialkit_models import losses

__all__ = [
    "SDSDR",
    "SISDR",
    "SNR",
    "WILD",
    "AngleError",
    "EnergyVectorAngle",
    "ILDError",
    "MultiResolutionSTFT",
]


class _MeanOfItems(Metric):
    """Mean over items, from sums over batches and processes."""

    full_state_update = False
    is_differentiable = True
    higher_is_better = False

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

    def _add(self, values: Tensor) -> None:
        undefined = values.isnan()
        self.total = self.total + torch.where(undefined, 0.0, values).sum(dtype=torch.float64)
        self.undefined = self.undefined + undefined.sum()
        self.defined = self.defined + (~undefined).sum()

    @staticmethod
    def _check(**signals: Tensor) -> None:
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


class _Distortion(_MeanOfItems):
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

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        preds, target : Tensor of float, shape (..., channels, samples)
            Signals of the same shape.
        """
        self._check(preds=preds, target=target)
        self._add(losses.snr(target, preds, per_channel=self.per_channel))


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

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        preds, target : Tensor of float, shape (..., channels, samples)
            Signals of the same shape.
        """
        self._check(preds=preds, target=target)
        self._add(losses.sd_sdr(target, preds, per_channel=self.per_channel))


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

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        preds, target : Tensor of float, shape (..., channels, samples)
            Signals of the same shape.
        """
        self._check(preds=preds, target=target)
        self._add(losses.si_sdr(target, preds, per_channel=self.per_channel))


class _LevelDifference(_MeanOfItems):
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
    >>> target = torch.randn(3, 2, 4000, generator=torch.Generator().manual_seed(0))
    >>> metric = WILD()
    >>> metric(target * torch.tensor([[1.0], [2.0]]), target).round(decimals=1)
    tensor(6.)
    """

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        preds, target : Tensor of float, shape (..., channels, samples)
            Signals with two channels or more; their lengths may differ.
        """
        self._check(preds=preds, target=target)
        self._add(losses.wild(target, preds, **self.sizes, **self.limits))


class ILDError(_LevelDifference):
    """Mean absolute error of interchannel level differences, dB.

    See `spatialkit.metrics.ild_error`, a mean over bins and pairs of channels.

    Parameters
    ----------
    n_fft, hop, floor_db, clip_db, **kwargs
        See `WILD`.

    Examples
    --------
    >>> target = torch.randn(3, 2, 4000, generator=torch.Generator().manual_seed(0))
    >>> metric = ILDError()
    >>> metric(target * torch.tensor([[1.0], [2.0]]), target).round(decimals=1)
    tensor(6.)
    """

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        preds, target : Tensor of float, shape (..., channels, samples)
            Signals of the same shape, with two channels or more.
        """
        self._check(preds=preds, target=target)
        self._add(losses.ild_error(target, preds, **self.sizes, **self.limits))


class AngleError(_MeanOfItems):
    """Mean angle between the true directions of stems and those in a mix, degrees.

    Every stem is an item; see `spatialkit.metrics.angle_error`.

    Parameters
    ----------
    layout : str or Layout
        Layout of the mixes.
    weighting : {"amplitude", "energy"}
        Weights of the loudspeakers: the coefficients, or their squares.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> stems = torch.randn(4, 1, 1000)
    >>> metric = AngleError("stereo")
    >>> right = stems * torch.tensor([[0.0], [1.0]])
    >>> metric(right, stems, torch.tensor([-20.0])).round(decimals=4)
    tensor(10.)
    """

    def __init__(
        self, layout: str | Layout = "5.0", *, weighting: str = "amplitude", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.layout = get_layout(layout)
        self.weighting = as_choice(weighting, "weighting", ("amplitude", "energy"))

    def update(
        self,
        preds: Tensor,
        target: Tensor,
        azimuth: Tensor,
        stems: Tensor | None = None,
    ) -> None:
        """Add a batch.

        Parameters
        ----------
        preds : Tensor of float, shape (..., channels, samples)
            Mixes.
        target : Tensor of float, shape (..., stems, samples)
            Stems of the mixes.
        azimuth : Tensor, shape (..., stems)
            True azimuths, degrees, positive to the left.
        stems : Tensor of float, shape (..., stems, samples), optional
            Stems in place of ``target``. In a `torchmetrics.MetricCollection`, whose ``target`` is
            that of the other metrics: ``collection(preds, target, azimuth=..., stems=...)``.
        """
        sources = target if stems is None else stems
        self._check(preds=preds, **{"target" if stems is None else "stems": sources})
        self._add(
            losses.angle_error(sources, preds, azimuth, self.layout, weighting=self.weighting)
        )


class MultiResolutionSTFT(_MeanOfItems):
    """Mean multi-resolution STFT distance; see `spatialkit.metrics.multi_resolution_stft`.

    Parameters
    ----------
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> target = torch.randn(3, 2, 4000, generator=torch.Generator().manual_seed(0))
    >>> metric = MultiResolutionSTFT()
    >>> metric(0.5 * target, target).round(decimals=1)
    tensor(1.2000)
    """

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        preds, target : Tensor of float, shape (..., channels, samples)
            Signals of the same shape with more than 1024 samples.
        """
        self._check(preds=preds, target=target)
        if preds.shape != target.shape:
            raise ShapeError(
                f"preds and target must have the same shape, got {tuple(preds.shape)} and "
                f"{tuple(target.shape)}"
            )
        items = [each.reshape(-1, *target.shape[-2:]) for each in (target, preds)]
        values = [losses.multi_resolution_stft(s, e) for s, e in zip(*items, strict=True)]
        if values:
            silent = items[0].abs().amax(dim=(-2, -1)) == 0.0
            self._add(torch.where(silent, torch.nan, torch.stack(values)))


class EnergyVectorAngle(_MeanOfItems):
    """Mean angle between the energy vectors of preds and target, degrees.

    A direction error without stems; see `spatialkit.metrics.energy_vector`.

    Parameters
    ----------
    layout : str or Layout
        Layout of both.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> metric = EnergyVectorAngle("quad")
    >>> front_left, back_left = torch.eye(4)[[0, 2], :, None]
    >>> metric(front_left, back_left)
    tensor(90.)
    """

    def __init__(self, layout: str | Layout = "5.0", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layout = get_layout(layout)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        preds, target : Tensor of float, shape (..., channels, samples)
        """
        self._check(preds=preds, target=target)
        estimate, reference = (
            losses.energy_vector(audio, self.layout) for audio in (preds, target)
        )
        self._add(losses.angle_between(estimate, reference))
