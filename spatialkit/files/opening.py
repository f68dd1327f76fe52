"""Opening of audio files for reading, with libsndfile or PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from spatialkit.errors import AudioFileError
from spatialkit.files import pyav

# Samples of each channel that are read or written at a time.
BLOCK_SIZE = 65536


@contextmanager
def open_audio(path: Path) -> Iterator[Any]:
    """Open a file with PyAV if it starts like one of PyAV's containers, else with libsndfile."""
    import soundfile

    with path.open("rb") as binary:
        demuxer = pyav.demuxer_of(binary)
        if demuxer is not None:
            with pyav.AvFile(path, binary, demuxer) as sound:
                yield sound
        else:
            with soundfile.SoundFile(_Source(binary)) as file:
                yield file


class _Source:
    """File for libsndfile, in which BW64 appears as RF64: libsndfile reads RF64 only."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.renamed = file.read(4) == b"BW64"
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
        if self.renamed and start < 4:
            end = min(4 - start, count)
            buffer[:end] = b"RF64"[start : start + end]
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
        raise AudioFileError(f"{path} is damaged or not a supported audio file") from error
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
