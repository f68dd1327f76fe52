"""Training and evaluation data: songs with stems, rooms and scenes."""

from spatialkit_models.data import powers, procedural, rooms, scenes, songs

__all__ = ["powers", "procedural", "rooms", "scenes", "songs"]
