"""First-order room responses: simulation, analysis and storage."""

from spatialkit_models.data.rooms.files import Room, find_rooms, is_whole, split_rooms, write_room
from spatialkit_models.data.rooms.measures import direct_direction, reverberation_time
from spatialkit_models.data.rooms.responses import RoomResponses
from spatialkit_models.data.rooms.simulated import SimulatedRoom, check_rt60, simulate_room
from spatialkit_models.data.rooms.simulation import DIRECT_SECONDS, import_tracer

__all__ = [
    "DIRECT_SECONDS",
    "Room",
    "RoomResponses",
    "SimulatedRoom",
    "check_rt60",
    "direct_direction",
    "find_rooms",
    "import_tracer",
    "is_whole",
    "reverberation_time",
    "simulate_room",
    "split_rooms",
    "write_room",
]
