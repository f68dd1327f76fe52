"""Audio file I/O."""

from spatialkit.audio import Audio
from spatialkit.files.api import (
    AudioStream,
    AudioWriter,
    FileInfo,
    check_target,
    info,
    read,
    stream,
    write,
    write_stream,
)
from spatialkit.files.resampling import RESAMPLING_QUALITIES, ResamplingQuality, resample
from spatialkit.files.writing import subtype_of

__all__ = [
    "Audio",
    "AudioStream",
    "AudioWriter",
    "FileInfo",
    "RESAMPLING_QUALITIES",
    "ResamplingQuality",
    "check_target",
    "info",
    "read",
    "resample",
    "stream",
    "subtype_of",
    "write",
    "write_stream",
]
