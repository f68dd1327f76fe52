"""Baseline upmixers to first-order Ambisonics."""

from spatialkit.upmixing.foa.upmixers import FOALeftover, FOAMono, FOAPair, FOASides

__all__ = [
    "FOALeftover",
    "FOAMono",
    "FOAPair",
    "FOASides",
]
