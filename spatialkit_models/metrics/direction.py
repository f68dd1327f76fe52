"""torchmetrics classes of directions and balance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from spatialkit.layouts import AmbisonicFormat, Layout, get_layout
from spatialkit.validation import as_choice
from spatialkit_models import losses
from spatialkit_models.metrics.items import MeanOfItems, PairMetric

__all__ = [
    "AngleError",
    "DiffusenessDifference",
    "EnergyVectorAngle",
    "FrontRearDifference",
    "IntensityAngle",
    "LeftRightDifference",
]

# Largest magnitude of a balance in dB, as in `spatialkit.metrics.evaluate`.
MAX_BALANCE = 60.0


class AngleError(MeanOfItems):
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
    >>> import torch
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
        self.check(preds=preds, **{"target" if stems is None else "stems": sources})
        self.add(losses.angle_error(sources, preds, azimuth, self.layout, weighting=self.weighting))


class EnergyVectorAngle(PairMetric):
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
    >>> import torch
    >>> metric = EnergyVectorAngle("quad")
    >>> front_left, back_left = torch.eye(4)[[0, 2], :, None]
    >>> metric(front_left, back_left)
    tensor(90.)
    """

    def __init__(self, layout: str | Layout = "5.0", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layout = get_layout(layout)

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return losses.angle_between(
            *(losses.energy_vector(audio, self.layout) for audio in (target, preds))
        )


class _BalanceDifference(PairMetric):
    higher_is_better = None  # near 0

    def __init__(self, layout: str | Layout = "5.0", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layout = get_layout(layout)

    def _difference(self, balance: Callable[..., Tensor], target: Tensor, preds: Tensor) -> Tensor:
        first, second = (
            balance(audio, self.layout).clamp(-MAX_BALANCE, MAX_BALANCE)
            for audio in (target, preds)
        )
        return second - first


class FrontRearDifference(_BalanceDifference):
    """Mean difference of the front/rear balance, dB; see `spatialkit.metrics.front_rear_balance`.

    Parameters
    ----------
    layout : str or Layout
        Layout of both; its balances are limited to 60 dB.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> import torch
    >>> metric = FrontRearDifference("quad")
    >>> metric(torch.tensor([[2.0], [2.0], [1.0], [1.0]]), torch.ones(4, 1))
    tensor(6.0206)
    """

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return self._difference(losses.front_rear_balance, target, preds)


class LeftRightDifference(_BalanceDifference):
    """Mean difference of the left/right balance, dB; see `spatialkit.metrics.left_right_balance`.

    Parameters
    ----------
    layout, **kwargs
        See `FrontRearDifference`.

    Examples
    --------
    >>> import torch
    >>> metric = LeftRightDifference("stereo")
    >>> metric(torch.tensor([[2.0], [1.0]]), torch.ones(2, 1))
    tensor(6.0206)
    """

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return self._difference(losses.left_right_balance, target, preds)


class _FieldDifference(PairMetric):
    def __init__(self, format: str | AmbisonicFormat = "foa", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.format = format


class IntensityAngle(_FieldDifference):
    """Mean angle between the active intensities of Ambisonic signals, degrees.

    See `spatialkit.metrics.active_intensity`, here of the whole signal.

    Parameters
    ----------
    format : str or AmbisonicFormat
        Format of both.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> import torch
    >>> metric = IntensityAngle()
    >>> front, left = torch.tensor([[1.0, 0, 0, 1], [1.0, 1, 0, 0]])[:, :, None]
    >>> metric(front, left)
    tensor(90.)
    """

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        vectors = (
            losses.active_intensity(_one_bin(audio), self.format, frames=None)[..., 0, 0]
            for audio in (target, preds)
        )
        return losses.angle_between(*vectors)


class DiffusenessDifference(_FieldDifference):
    """Mean difference of the diffuseness of Ambisonic signals, that of preds minus that of target.

    See `spatialkit.metrics.diffuseness`, here of the whole signal.

    Parameters
    ----------
    format, **kwargs
        See `IntensityAngle`.

    Examples
    --------
    >>> import torch
    >>> metric = DiffusenessDifference()
    >>> target = torch.tensor([[1.0], [1.0], [0.0], [0.0]])
    >>> metric(target * torch.tensor([[1.0], [0.0], [0.0], [0.0]]), target)
    tensor(1.)
    """

    higher_is_better = None  # near 0

    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        first, second = (
            losses.diffuseness(_one_bin(audio), self.format, frames=None)[..., 0, 0]
            for audio in (target, preds)
        )
        return second - first


def _one_bin(audio: Tensor) -> Tensor:
    """Return samples as a spectrum of one bin: over the whole band, the sums are equal."""
    return audio[..., None, :] + 0j
