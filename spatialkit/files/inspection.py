"""Format, length and encoding of audio files, read from their headers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, get_args

from spatialkit.errors import AudioFileError, SpatialkitWarning
from spatialkit.files import pyav, wave
from spatialkit.files.adm import AdmInfo, parse_adm
from spatialkit.files.adm.xml import XMLProblem
from spatialkit.files.channels import Channels
from spatialkit.files.iamf.reading import IamfSound
from spatialkit.files.opening import OnTruncated, OpenFile, open_audio, reading_errors
from spatialkit.files.sound import Sound
from spatialkit.files.stored_channels import decoded_channels, stored_channels
from spatialkit.layouts import Format
from spatialkit.typing import StrPath
from spatialkit.validation import as_choice, as_path

__all__ = ["FileInfo", "info"]


@dataclass(frozen=True)
class FileInfo:
    """Header data of an audio file.

    Parameters
    ----------
    path : Path
        Path of the file.
    container, subtype : str
        Container and encoding in the names of libsndfile, such as "WAV" and "PCM_24" or "OGG" and
        "VORBIS", and "BW64"; for files that PyAV reads, such as "MP4" and "AAC" or "MATROSKA" and
        "AC3".
    sample_rate : int
        Sample rate in Hz.
    channels, samples : int
        Number of channels, and of samples per channel.
    format : Layout or AmbisonicFormat, optional
        Format that `read` returns; None if the file does not specify it.
    wave_mask : int, optional
        Channel mask in the file; None if it has none.
    tracks : int
        Number of audio tracks. `read` reads the default track, or else the one that FFmpeg ranks
        highest.
    adm : AdmInfo, optional
        Programme, objects, packs and blocks of the Audio Definition Model (WAV, BW64); None
        without them. Only `info` reads it.
    """

    path: Path
    container: str
    subtype: str
    sample_rate: int
    channels: int
    samples: int
    format: Format | None
    wave_mask: int | None
    tracks: int = 1
    adm: AdmInfo | None = None

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate


def info(path: StrPath, *, on_truncated: OnTruncated = "error") -> FileInfo:
    """Read the header of an audio file, without its samples.

    Parameters
    ----------
    path : str or path
    on_truncated : {"error", "warn"}
        As for `read`.

    Returns
    -------
    FileInfo

    Raises
    ------
    AudioFileError
        If the file does not exist, is not an audio file, or is truncated.

    Warns
    -----
    SpatialkitWarning
        If the file is truncated and ``on_truncated`` is "warn", or its ADM metadata is not valid.

    Examples
    --------
    >>> from spatialkit.sample import sample_path
    >>> header = info(sample_path())
    >>> header.subtype, header.duration
    ('VORBIS', 30.0)
    """
    on_truncated = as_choice(on_truncated, "on_truncated", get_args(OnTruncated))
    with inspected(as_path(path), on_truncated) as found:
        for doubt in found.doubts:
            warnings.warn(doubt, stacklevel=2)
        try:
            return replace(found.header, adm=found.adm())
        except AudioFileError as error:
            warnings.warn(f"{error}; it is ignored", SpatialkitWarning, stacklevel=2)
            return found.header


class Inspected(NamedTuple):
    """Open file with its header, and the format of its channels with their order in the file.

    ``doubts`` are warnings about what the file contains; ``chunks`` has the contents of chunks with
    metadata.
    """

    header: FileInfo
    channels: Channels
    sound: Sound
    doubts: list[SpatialkitWarning]
    chunks: Mapping[bytes, bytes]

    def adm(self) -> AdmInfo | None:
        """Return the description of the ADM metadata, None if there is none."""
        axml, chna = self.chunks.get(b"axml", b""), self.chunks.get(b"chna", b"")
        if not (axml and chna):
            return None
        try:
            return parse_adm(axml, chna)
        except XMLProblem as error:
            raise AudioFileError(f"{self.header.path} has ADM metadata that {error}") from error


@contextmanager
def inspected(path: Path, on_truncated: OnTruncated) -> Iterator[Inspected]:
    """Open a file for reading."""
    with ExitStack() as resources:
        with reading_errors(path):
            file = resources.enter_context(open_audio(path, on_truncated))
            header, channels, chunks = _header(path, file)
        doubts = []
        if file.missing:
            text = f"{path} is truncated: {file.missing}; only what it contains is read"
            doubts.append(SpatialkitWarning(text))
        yield Inspected(header, channels, file.sound, doubts, chunks)


def _header(path: Path, file: OpenFile) -> tuple[FileInfo, Channels, Mapping[bytes, bytes]]:
    binary, sound, first, _ = file
    binary.seek(0)
    kind = binary.read(4)
    container, mask = sound.format, None
    chunks: Mapping[bytes, bytes] = {}
    if isinstance(first, pyav.AvFile):
        channels = decoded_channels(first)
    elif isinstance(first, IamfSound):
        channels = first.layout
    elif kind in wave.WAVE_KINDS:
        container = "WAV" if kind == b"RIFF" else kind.decode()
        header = wave.read_wave_header(binary)
        chunks = header.metadata
        mask, channels = header.mask, wave.wave_channels(header, sound.channels)
    else:
        mask, channels = stored_channels(container, binary, sound.channels)
    found = FileInfo(
        path,
        container,
        sound.subtype,
        sound.samplerate,
        sound.channels,
        sound.frames,
        channels.format,
        mask,
        first.tracks if isinstance(first, pyav.AvFile) else 1,
    )
    return found, channels, chunks
