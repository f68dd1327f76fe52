"""Audio file I/O."""

from spatialkit.files.api import (
    Audio,
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
from spatialkit.files.resampling import resampled
from spatialkit.files.writing import subtype_of

__all__ = [
    "Audio",
    "AudioStream",
    "AudioWriter",
    "FileInfo",
    "check_target",
    "info",
    "read",
    "resampled",
    "stream",
    "subtype_of",
    "write",
    "write_stream",
]
