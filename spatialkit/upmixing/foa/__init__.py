"""Baseline upmixers to first-order Ambisonics."""

from spatialkit.upmixing.foa.decoding import FirstOrderDecoder
from spatialkit.upmixing.foa.upmixers import FOAMono, FOAPair, FOAResidual, FOASides

__all__ = [
    "FOAMono",
    "FOAPair",
    "FOAResidual",
    "FOASides",
    "FirstOrderDecoder",
]
