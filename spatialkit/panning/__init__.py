"""Amplitude panning to loudspeaker layouts."""

from spatialkit.panning.coverage import is_enclosed
from spatialkit.panning.paths import REFERENCE_DISTANCE, distances_along
from spatialkit.panning.report import LayoutReport, layout_report
from spatialkit.panning.trajectories import place_sources
from spatialkit.panning.vbap import as_spread, panner, vbap_gains, vbap_pan

__all__ = [
    "REFERENCE_DISTANCE",
    "LayoutReport",
    "as_spread",
    "distances_along",
    "is_enclosed",
    "layout_report",
    "panner",
    "place_sources",
    "vbap_gains",
    "vbap_pan",
]
