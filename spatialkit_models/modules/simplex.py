"""Sparse alternative to softmax, whose small entries are exactly zero."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["sparsemax", "sparsemax_loss"]


def sparsemax(logits: Tensor) -> Tensor:
    """Project onto the probability simplex, over the last axis.

    References
    ----------
    .. [1] A. Martins and R. Astudillo, "From softmax to sparsemax", ICML 2016.

    Examples
    --------
    >>> sparsemax(torch.tensor([0.5, 0.3, -2.0])).tolist()
    [0.6000000238418579, 0.4000000059604645, 0.0]
    """
    return (logits - _threshold(logits)).clamp_min(0.0)


def sparsemax_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Compute the loss over the last axis whose gradient is ``sparsemax(logits) - target``.

    It is 0 where both are equal, and never negative.

    References
    ----------
    .. [1] A. Martins and R. Astudillo, "From softmax to sparsemax: a sparse model of attention
       and multi-label classification", ICML 2016.

    Examples
    --------
    >>> logits = torch.tensor([0.5, 0.3, -2.0])
    >>> round(sparsemax_loss(logits, torch.tensor([0.6, 0.4, 0.0])).item(), 6)
    0.0
    """
    threshold = _threshold(logits)
    inside = logits > threshold
    conjugate = 0.5 * torch.where(inside, logits.square() - threshold.square(), 0.0).sum(-1)
    return conjugate + 0.5 * target.square().sum(-1) - (logits * target).sum(-1)


def _threshold(logits: Tensor) -> Tensor:
    """Return the value that is subtracted from all logits so that the positive rest sums to 1."""
    ordered = logits.sort(-1, descending=True).values
    count = torch.arange(1, logits.shape[-1] + 1, device=logits.device, dtype=logits.dtype)
    sums = ordered.cumsum(-1) - 1.0
    chosen = (count * ordered > sums).sum(-1, keepdim=True)
    return sums.gather(-1, chosen - 1) / chosen
