"""Songs with stems: datasets on disk, excerpts and augmentation."""

from spatialkit_models.data.songs.augmentation import (
    Augmentation,
    absorb,
    equalize,
    sample_seven_bands,
    transition,
)
from spatialkit_models.data.songs.config import ExcerptConfig
from spatialkit_models.data.songs.datasets import split_datasets
from spatialkit_models.data.songs.excerpts import SILENCE, StemExcerpts
from spatialkit_models.data.songs.library import (
    FOLDERS,
    MUSDB18_VALIDATION,
    Song,
    find_songs,
    split_songs,
)

__all__ = [
    "FOLDERS",
    "MUSDB18_VALIDATION",
    "SILENCE",
    "Augmentation",
    "ExcerptConfig",
    "Song",
    "StemExcerpts",
    "absorb",
    "equalize",
    "find_songs",
    "sample_seven_bands",
    "split_datasets",
    "split_songs",
    "transition",
]
