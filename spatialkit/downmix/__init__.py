"""Passive downmix and its inverse condition."""

from spatialkit.downmix.downmixing import downmix, downmix_matrix, match_downmix

__all__ = [
    "downmix",
    "downmix_matrix",
    "match_downmix",
]
