"""Procedural songs with stems, for training without a dataset."""

from spatialkit_models.data.procedural.songs import Procedural, ProceduralSong

__all__ = [
    "Procedural",
    "ProceduralSong",
]
