"""First-order room responses: simulated, measured, on disk."""

from spatialkit_models.data.rooms.files import Room, find_rooms, split_rooms
from spatialkit_models.data.rooms.measures import direct_direction, reverberation_time
from spatialkit_models.data.rooms.responses import RoomResponses, SimulatedRoom, simulate_room

__all__ = [
    "Room",
    "RoomResponses",
    "SimulatedRoom",
    "direct_direction",
    "find_rooms",
    "reverberation_time",
    "simulate_room",
    "split_rooms",
]
