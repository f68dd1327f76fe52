"""Adapters of separators in other packages, which download their weights at first use."""

from spatialkit_models.separation.adapters.audio_separator import (
    AudioSeparatorAdapter,
    AudioSeparatorOptions,
)
from spatialkit_models.separation.adapters.demucs import DemucsAdapter, DemucsOptions
from spatialkit_models.separation.adapters.open_unmix import OpenUnmixAdapter, OpenUnmixOptions

__all__ = [
    "AudioSeparatorAdapter",
    "AudioSeparatorOptions",
    "DemucsAdapter",
    "DemucsOptions",
    "OpenUnmixAdapter",
    "OpenUnmixOptions",
]
