"""Format, length and encoding of audio files, read from their headers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialkit.errors import AudioFileError
from spatialkit.files import flac_ogg_mp3, pyav, wave
from spatialkit.files.channels import Channels
from spatialkit.files.opening import BLOCK_SIZE, open_audio, open_binary, reading_errors
from spatialkit.files.stored_channels import decoded_channels, stored_channels
from spatialkit.layouts import Format
from spatialkit.typing import StrPath

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

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate


def info(path: StrPath) -> FileInfo:
    """Read the header of an audio file, without its samples.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    FileInfo

    Raises
    ------
    AudioFileError
        If the file does not exist, is not an audio file, or is truncated.

    Examples
    --------
    >>> from spatialkit.sample import sample_path
    >>> header = info(sample_path())
    >>> header.subtype, header.duration
    ('VORBIS', 30.0)
    """
    return inspect(Path(path))[0]


def inspect(path: Path) -> tuple[FileInfo, Channels]:
    """Return the header of a file, and the format of its channels with their order in the file."""
    with reading_errors(path), open_binary(path) as file:
        kind = file.read(4)
        if not kind:
            raise AudioFileError(f"{path} is empty")
        wave_header = _complete_header(path, file) if kind in wave.WAVE_KINDS else None
        has_length = flac_ogg_mp3.has_mp3_length(file)
        with open_audio(path) as sound:
            read_by_pyav = isinstance(sound, pyav.AvFile)
            container = "WAV" if sound.format == "WAVEX" else sound.format
            container = "BW64" if kind == b"BW64" else container
            mask = None
            if read_by_pyav:
                channels = decoded_channels(sound)
            elif wave_header is not None:
                mask = wave_header.mask
                channels = wave.wave_channels(wave_header, sound.channels)
            else:
                mask, channels = stored_channels(container, file, sound.channels)
            estimated = sound.subtype.startswith("MPEG_LAYER") and not has_length
            header = FileInfo(
                path,
                container,
                sound.subtype,
                sound.samplerate,
                sound.channels,
                _count_samples(sound) if estimated else sound.frames,
                channels.format,
                mask,
                sound.tracks if read_by_pyav else 1,
            )
    return header, channels


def _count_samples(sound: Any) -> int:
    """Return the length of an MP3 file without tag, which libsndfile estimates from the bit rate.

    MP3 files are read by libsndfile: with LAME's tag it removes the delay of the encoder and
    returns the exact length, as PyAV does. Without the tag both return all decoded samples,
    including the delay of 1105 samples.
    """
    count = 0
    while size := len(sound.read(BLOCK_SIZE, "float32", always_2d=True)):
        count += size
    return count


def _complete_header(path: Path, file: Any) -> wave.WaveHeader:
    """Return the header of a WAV file after checking that the file is complete."""
    try:
        header = wave.read_wave_header(file)
    except ValueError as error:
        raise AudioFileError(f"{path} is damaged: it {error}") from error
    if header.data_size > header.available:
        raise AudioFileError(
            f"{path} is truncated: its header specifies {header.data_size} bytes of audio, "
            f"the file contains {header.available}"
        )
    return header
