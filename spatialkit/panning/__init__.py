"""Amplitude panning to loudspeaker layouts."""

from spatialkit.panning.vbap import vbap_gains, vbap_pan

__all__ = [
    "vbap_gains",
    "vbap_pan",
]
