"""Passive downmix and its inverse condition."""

from spatialkit.downmix.downmixing import correction_size, downmix, downmix_matrix, match_downmix
from spatialkit.downmix.methods import lfe_matrix, permutation_matrix
from spatialkit.downmix.rules import roles_of

__all__ = [
    "correction_size",
    "downmix",
    "downmix_matrix",
    "lfe_matrix",
    "match_downmix",
    "permutation_matrix",
    "roles_of",
]
