"""Opening of audio files for reading, with libsndfile or PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from spatialkit.errors import AudioFileError
from spatialkit.files import pyav
from spatialkit.files.leading_bytes import mp3_start, tags_end
from spatialkit.files.ogg_opus import ProjectedFile, replaced_headers
from spatialkit.files.recognition import is_audio, unsupported_codec, unsupported_container
from spatialkit.files.views import View

# Samples of each channel that are read or written at a time.
BLOCK_SIZE = 65536


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """Open a file from its audio on, without ID3 tags and other bytes before it."""
    with path.open("rb") as file:
        start = tags_end(file)
        audio = cast(BinaryIO, View(file, start))
        known = pyav.demuxer_of(audio) or is_audio(audio) or unsupported_container(audio)
        skipped = 0 if known else max(0, mp3_start(audio))
        file.seek(0)
        start += skipped
        yield cast(BinaryIO, View(file, start)) if start else file


@contextmanager
def open_audio(path: Path) -> Iterator[Any]:
    """Open a file with PyAV if libsndfile does not support its container or codec."""
    import soundfile

    with open_binary(path) as binary:
        demuxer, codec = pyav.demuxer_of(binary), ""
        if demuxer is None:
            demuxer, codec = unsupported_codec(binary) or (None, "")
        if demuxer is not None:
            with pyav.AvFile(path, binary, demuxer, codec) as sound:
                yield sound
            return
        replaced, matrix = replaced_headers(binary)
        binary.seek(0)
        if binary.read(4) == b"BW64":  # libsndfile reads RF64 only
            replaced = {0: b"RF64"}
        try:
            file = soundfile.SoundFile(View(binary, replaced=replaced))
        except soundfile.SoundFileError as error:
            raise AudioFileError(f"{path} {_problem(binary)}") from error
        with file:
            yield file if matrix is None else ProjectedFile(file, matrix)


def _problem(binary: BinaryIO) -> str:
    """Return why libsndfile does not open a file."""
    if is_audio(binary):
        return "is damaged or not a supported audio file"
    container = unsupported_container(binary)
    if container == "IAMF":
        return f"(IAMF) {pyav.IAMF_PROBLEM}"
    if container:
        return f"({container}) is not a supported audio file; convert it first"
    return "is not a supported audio file"


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Convert errors of reading to `AudioFileError`."""
    import soundfile

    try:
        yield
    except AudioFileError:
        raise
    except (soundfile.SoundFileError, TypeError) as error:
        raise AudioFileError(f"{path} is damaged") from error
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
