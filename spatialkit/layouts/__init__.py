"""Loudspeaker layouts, Ambisonic formats and channel reordering."""

from spatialkit.layouts.channel_orders import LoudspeakerOrder
from spatialkit.layouts.formats import (
    MAX_ORDER,
    AmbisonicFormat,
    ChannelOrder,
    Format,
    Normalization,
    channels_of,
    get_format,
    layout_of_labels,
    same_channels,
)
from spatialkit.layouts.layout import Layout, get_layout, layout_names
from spatialkit.layouts.nominal import permitted_angles
from spatialkit.layouts.reordering import SAME_DIRECTION_DEGREES, channel_map, reorder
from spatialkit.layouts.tables import VORBIS_SYSTEMS, WAVE_BITS, everyday_label, mirrored

__all__ = [
    "MAX_ORDER",
    "SAME_DIRECTION_DEGREES",
    "VORBIS_SYSTEMS",
    "WAVE_BITS",
    "AmbisonicFormat",
    "ChannelOrder",
    "Format",
    "Layout",
    "LoudspeakerOrder",
    "Normalization",
    "channel_map",
    "channels_of",
    "everyday_label",
    "get_format",
    "get_layout",
    "layout_names",
    "layout_of_labels",
    "mirrored",
    "permitted_angles",
    "reorder",
    "same_channels",
]
