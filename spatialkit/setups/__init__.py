"""Loudspeakers of a room: distances, levels, delays, subwoofers and decoder files."""

from spatialkit.setups.channel_values import ChannelValues
from spatialkit.setups.processing import SetupFilter
from spatialkit.setups.setup import LoudspeakerSetup

__all__ = ["ChannelValues", "LoudspeakerSetup", "SetupFilter"]
