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

__all__ = [
    "Audio",
    "AudioStream",
    "AudioWriter",
    "FileInfo",
    "check_target",
    "info",
    "read",
    "stream",
    "write",
    "write_stream",
]
