"""Passive downmix, and correction of upmixes for an exact downmix."""

from spatialkit.downmix.correction import DownmixCorrection, DownmixMeter
from spatialkit.downmix.downmixing import downmix, downmix_matrix
from spatialkit.downmix.matching import correction_size, match_downmix
from spatialkit.downmix.methods import (
    DOWNMIX_METHODS,
    DownmixMethod,
    lfe_matrix,
    permutation_matrix,
)
from spatialkit.downmix.rules import roles_of

__all__ = [
    "DOWNMIX_METHODS",
    "DownmixCorrection",
    "DownmixMeter",
    "DownmixMethod",
    "correction_size",
    "downmix",
    "downmix_matrix",
    "lfe_matrix",
    "match_downmix",
    "permutation_matrix",
    "roles_of",
]
