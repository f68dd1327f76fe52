"""torchmetrics classes of interaural cues."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from spatialkit_models import losses
from spatialkit_models.metrics.items import RatedMetric

__all__ = ["InterauralCoherenceError", "InterauralILDError", "InterauralLoudnessError"]


class _InterauralError(RatedMetric):
    def _values(self, target: Tensor, preds: Tensor) -> Tensor:
        return self._of(losses.interaural_errors(target, preds, self.sample_rate)).nanmean(dim=-1)

    @abstractmethod
    def _of(self, errors: losses.InterauralErrors) -> Tensor:
        """Return the error of one cue, (..., bands)."""


class InterauralILDError(_InterauralError):
    """Mean error of the interaural level difference in dB.

    See `spatialkit.metrics.interaural_errors`. Mean over bands of one ERB; ``preds`` and ``target``
    are signals of left and right ear.

    Parameters
    ----------
    sample_rate : float
        Sample rate of the signals in Hz, at least 8000.
    **kwargs
        See `torchmetrics.Metric`.

    Examples
    --------
    >>> import torch
    >>> target = torch.randn(2, 24000, generator=torch.Generator().manual_seed(0))
    >>> metric = InterauralILDError(48000)
    >>> metric(target * torch.tensor([[1.0], [0.5]]), target).round(decimals=1)
    tensor(6.)
    """

    def _of(self, errors: losses.InterauralErrors) -> Tensor:
        return errors.ild


class InterauralCoherenceError(_InterauralError):
    """Mean error of the interaural coherence; see `spatialkit.metrics.interaural_errors`.

    Parameters
    ----------
    sample_rate, **kwargs
        See `InterauralILDError`.

    Examples
    --------
    >>> import torch
    >>> target = torch.randn(1, 24000, generator=torch.Generator().manual_seed(0)).expand(2, -1)
    >>> metric = InterauralCoherenceError(48000)
    >>> metric(-target, target)
    tensor(0.)
    """

    def _of(self, errors: losses.InterauralErrors) -> Tensor:
        return errors.coherence


class InterauralLoudnessError(_InterauralError):
    """Mean error of the power of both ears, dB; see `spatialkit.metrics.interaural_errors`.

    Parameters
    ----------
    sample_rate, **kwargs
        See `InterauralILDError`.

    Examples
    --------
    >>> import torch
    >>> target = torch.randn(2, 24000, generator=torch.Generator().manual_seed(0))
    >>> metric = InterauralLoudnessError(48000)
    >>> metric(0.5 * target, target).round(decimals=1)
    tensor(6.)
    """

    def _of(self, errors: losses.InterauralErrors) -> Tensor:
        return errors.loudness
