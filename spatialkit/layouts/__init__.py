"""Loudspeaker layouts, Ambisonic formats and channel reordering."""

from spatialkit.layouts.formats import AmbisonicFormat
from spatialkit.layouts.layout import Layout, get_format, get_layout, layout_names
from spatialkit.layouts.reordering import channel_map, reorder

__all__ = [
    "AmbisonicFormat",
    "Layout",
    "channel_map",
    "get_format",
    "get_layout",
    "layout_names",
    "reorder",
]
