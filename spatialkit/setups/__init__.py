"""Loudspeakers of a room: distances, levels, delays, subwoofers and decoder files."""

from spatialkit.setups.channel_values import ChannelValues
from spatialkit.setups.decoders import AmbisonicDecoder, read_decoder, write_decoder
from spatialkit.setups.processing import SetupFilter
from spatialkit.setups.setup import LoudspeakerSetup

__all__ = [
    "AmbisonicDecoder",
    "ChannelValues",
    "LoudspeakerSetup",
    "SetupFilter",
    "read_decoder",
    "write_decoder",
]
