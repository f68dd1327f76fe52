"""Training and evaluation data: songs with stems, rooms and scenes."""

from spatialkit_models.data import procedural, rooms, scenes, songs

__all__ = ["procedural", "rooms", "scenes", "songs"]
