"""Network layers and signal blocks that several models share."""

from typing import TYPE_CHECKING, Any

from spatialkit.plugins import lazy_attribute
from spatialkit_models.modules.config import (
    MAX_LAYERS,
    MAX_LEVEL_DB,
    MAX_RATE,
    MAX_SECONDS,
    MAX_SIZE,
    MAX_WEIGHT,
    MaskConfig,
)

if TYPE_CHECKING:  # at run time `__getattr__` imports these, and torch with them
    from spatialkit_models.modules import wiener_filters
    from spatialkit_models.modules.covariance import Covariance, Resolution, concatenate
    from spatialkit_models.modules.simplex import sparsemax, sparsemax_loss
    from spatialkit_models.modules.stem_masks import GroupedLinear, StemMasks, mask_loss
    from spatialkit_models.modules.stft import STFT, power

__all__ = [
    "MAX_LAYERS",
    "MAX_LEVEL_DB",
    "MAX_RATE",
    "MAX_SECONDS",
    "MAX_SIZE",
    "MAX_WEIGHT",
    "STFT",
    "Covariance",
    "GroupedLinear",
    "MaskConfig",
    "Resolution",
    "StemMasks",
    "concatenate",
    "mask_loss",
    "power",
    "sparsemax",
    "sparsemax_loss",
    "wiener_filters",
]

_MODULES = ("covariance", "simplex", "stem_masks", "stft", "wiener_filters")


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
