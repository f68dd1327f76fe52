"""Songs with stems: datasets on disk, excerpts and augmentation."""

from spatialkit_models.data.songs.augmentation import Augmentation
from spatialkit_models.data.songs.excerpts import StemExcerpts
from spatialkit_models.data.songs.library import MUSDB18_VALIDATION, Song, find_songs, split_songs

__all__ = [
    "Augmentation",
    "MUSDB18_VALIDATION",
    "Song",
    "StemExcerpts",
    "find_songs",
    "split_songs",
]
