"""Reading of tags from files of any format."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from spatialkit.errors import AudioFileError
from spatialkit.files import chunks, wave
from spatialkit.files.demuxers import demuxer_of
from spatialkit.files.leading_bytes import tags_end
from spatialkit.files.tags import ape, caf, flac, matroska, mp4, ogg, riff
from spatialkit.files.tags.id3 import parse_id3, parse_id3v1
from spatialkit.files.views import View
from spatialkit.tags import Tags
from spatialkit.typing import StrPath
from spatialkit.validation import as_path

# Demuxers of FFmpeg whose tags are read with PyAV.
_WITH_PYAV = ("matroska", "asf", "avi", "flv", "rm")
_MAX_ID3 = 2**28


def tags_of(path: StrPath) -> Tags:
    """Return the tags of an audio file, see `spatialkit.files.read_tags`."""
    path = as_path(path)
    try:
        if not os.path.isfile(path):  # a pipe has been read by others
            return Tags()
        with open(path, "rb") as file:
            return _tags_in(path, file)
    except OSError as error:
        if isinstance(error, AudioFileError):
            raise
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error


def _tags_in(path: Path, file: BinaryIO) -> Tags:
    start = tags_end(file)
    found = Tags()
    if start:
        file.seek(0)
        head = file.read(min(start, _MAX_ID3))
        found = _attempt(lambda: parse_id3(head))
    audio = cast(BinaryIO, View(file, start)) if start else file
    own = _attempt(lambda: _own_tags(path, audio))
    return merged(found, own) if found and own else found or own or _last_tags(file)


def merged(first: Tags, second: Tags) -> Tags:
    """Return tags of which those of ``first`` are preferred."""
    return Tags({**second.fields, **first.fields}, first.pictures or second.pictures)


def _attempt(read: Callable[[], Tags]) -> Tags:
    """Return tags, none if they are damaged."""
    with suppress(ValueError, LookupError, struct.error, OverflowError):
        return read()
    return Tags()


def _own_tags(path: Path, file: BinaryIO) -> Tags:
    """Return the tags in the container."""
    file.seek(0)
    head = file.read(12)
    demuxer = demuxer_of(file)
    if head[:4] == b"fLaC":
        return flac.read_flac(file)
    if head[:4] == b"OggS":
        return ogg.read_comments(file)
    if head[:4] in wave.WAVE_KINDS:
        return riff.parse_chunks(wave.read_tag_chunks(file))
    if head[:4] == b"caff":
        return caf.parse_info(chunks.read_chunk(file, chunks.CAF, b"info"))
    if head[:4] == b"FORM":
        return _aiff_tags(file)
    if demuxer == "mov":
        return mp4.parse_ilst(mp4.read_ilst(file))
    if demuxer in _WITH_PYAV:
        return _tags_of_pyav(file, demuxer)
    return ape.read_ape(file)


def _aiff_tags(file: BinaryIO) -> Tags:
    for name in (b"ID3 ", b"id3 "):
        start, size = chunks.find_chunk(file, chunks.AIFF, name)
        file.seek(start)
        content = file.read(min(size, _MAX_ID3)) if start else b""
        if content.startswith(b"ID3"):
            return parse_id3(content)
    names = {b"NAME": "title", b"AUTH": "artist", b"ANNO": "comment", b"(c) ": "copyright"}
    fields = {
        key: chunks.read_chunk(file, chunks.AIFF, name).rstrip(b"\0").decode("utf-8", "replace")
        for name, key in names.items()
        if chunks.find_chunk(file, chunks.AIFF, name)[0]
    }
    return Tags(fields)


def _tags_of_pyav(file: BinaryIO, demuxer: str) -> Tags:
    try:
        import av
    except ImportError:
        return Tags()
    file.seek(0)
    with (
        suppress(av.FFmpegError, OSError),
        av.open(file, format=demuxer, metadata_errors="replace") as container,
    ):
        metadata = dict(container.metadata)
        for stream in container.streams.audio[:1]:
            metadata = {**stream.metadata, **metadata}
        return matroska.parse_metadata(metadata, matroska.pictures_of(container))
    return Tags()


def _last_tags(file: BinaryIO) -> Tags:
    """Return the tag of ID3v1 at the end of a file."""
    end = file.seek(0, os.SEEK_END)
    if end < 128:
        return Tags()
    file.seek(end - 128)
    data = file.read(128)
    return _attempt(lambda: parse_id3v1(data)) if data.startswith(b"TAG") else Tags()
