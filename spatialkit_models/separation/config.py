"""Configuration of the loss of separation masks; light to import."""

from __future__ import annotations

from dataclasses import dataclass

from spatialkit.validation import as_number
from spatialkit_models.modules import MAX_WEIGHT

__all__ = ["MaskLossConfig"]


@dataclass(frozen=True, kw_only=True)
class MaskLossConfig:
    """Loss of separation masks, see `MaskLoss`.

    Parameters
    ----------
    error_weight : float
        Weight of the error of each stem, in powers of ten of its energy, against one nat of
        cross-entropy.
    """

    error_weight: float = 1.0

    def __post_init__(self) -> None:
        as_number(self.error_weight, "error_weight", minimum=0.0, maximum=MAX_WEIGHT)
