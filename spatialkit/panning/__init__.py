"""Amplitude panning to loudspeaker layouts."""

from spatialkit.panning.trajectories import place_sources
from spatialkit.panning.vbap import vbap_gains, vbap_pan

__all__ = [
    "place_sources",
    "vbap_gains",
    "vbap_pan",
]
