"""Opening of audio files for reading, with libsndfile or PyAV."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from spatialkit.errors import AudioFileError
from spatialkit.files import pyav
from spatialkit.files.leading_bytes import Tail, mp3_start, tags_end
from spatialkit.files.ogg_opus import ProjectedFile, replaced_headers
from spatialkit.files.recognition import is_audio, unsupported_codec, unsupported_container

# Samples of each channel that are read or written at a time.
BLOCK_SIZE = 65536


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """Open a file from its audio on, without ID3 tags and other bytes before it."""
    with path.open("rb") as file:
        start = tags_end(file)
        audio = _from(file, start)
        known = pyav.demuxer_of(audio) or is_audio(audio) or unsupported_container(audio)
        skipped = 0 if known else max(0, mp3_start(audio))
        audio = _from(file, start + skipped)
        audio.seek(0)
        yield audio


def _from(file: BinaryIO, start: int) -> BinaryIO:
    return cast(BinaryIO, Tail(file, start)) if start else file


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
        try:
            file = soundfile.SoundFile(_Source(binary, replaced))
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


class _Source:
    """File for libsndfile with replaced parts; BW64 appears as RF64: it reads RF64 only."""

    def __init__(self, file: BinaryIO, replaced: dict[int, bytes]) -> None:
        self.file = file
        file.seek(0)
        self.replaced = {0: b"RF64"} if file.read(4) == b"BW64" else replaced
        self.places = sorted(self.replaced)
        file.seek(0)
        self.read, self.tell = file.read, file.tell

    def seek(self, offset: int, whence: int = 0) -> None:
        """Ignore a seek to an invalid position from a corrupt header; soundfile calls tell."""
        with suppress(OSError, ValueError):
            self.file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; soundfile prefers this method to ``read``."""
        start = self.file.tell()
        count: int = self.file.readinto(buffer)  # type: ignore[attr-defined]
        first = max(0, bisect(self.places, start) - 1)
        for place in self.places[first : bisect(self.places, start + count)]:
            content = self.replaced[place][max(0, start - place) : start + count - place]
            at = max(0, place - start)
            buffer[at : at + len(content)] = content
        return count


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
