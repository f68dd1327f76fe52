"""Amplitude panning to loudspeaker layouts."""

from spatialkit.panning.report import LayoutReport, layout_report
from spatialkit.panning.trajectories import place_sources
from spatialkit.panning.vbap import vbap_gains, vbap_pan

__all__ = [
    "LayoutReport",
    "layout_report",
    "place_sources",
    "vbap_gains",
    "vbap_pan",
]
