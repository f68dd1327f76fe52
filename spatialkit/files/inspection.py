"""Format, length and encoding of audio files, read from their headers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError, LayoutError
from spatialkit.files import flac_ogg_mp3, pyav, wave
from spatialkit.files.opening import BLOCK_SIZE, open_audio, reading_errors
from spatialkit.layouts import (
    VORBIS_SYSTEMS,
    WAVE_BITS,
    Layout,
    channel_map,
    get_layout,
    layout_names,
)
from spatialkit.typing import StrPath

__all__ = ["FileInfo", "info"]

# Ogg has no channel mask: the number of channels determines the layout (RFC 7845; Vorbis I, section
# 4.3.9).
_VORBIS_LAYOUTS = {n: name for n, name in enumerate(VORBIS_SYSTEMS, start=1) if n > 2}


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
    format : Layout, optional
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
    format: Layout | None
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


def inspect(path: Path) -> tuple[FileInfo, NDArray[np.intp] | None]:
    """Return the header of a file, and the order that sorts its channels (None: unchanged)."""
    mask, vorbis = None, True
    with reading_errors(path), path.open("rb") as file:
        kind = file.read(4)
        if not kind:
            raise AudioFileError(f"{path} is empty")
        read_by_pyav = pyav.demuxer_of(file) is not None
        if read_by_pyav:
            pass
        elif kind in wave.WAVE_KINDS:
            mask = _complete_header(path, file).mask
        elif kind == b"fLaC":
            mask = flac_ogg_mp3.flac_mask(file)
        elif kind == b"OggS":
            vorbis = flac_ogg_mp3.has_vorbis_order(file)
        has_length = flac_ogg_mp3.has_mp3_length(file, pyav.tagged_start(file))
    with reading_errors(path), open_audio(path) as sound:
        container = "WAV" if sound.format == "WAVEX" else sound.format
        container = "BW64" if kind == b"BW64" else container
        if read_by_pyav:
            layout, order = _labelled_layout(sound.labels)
        else:
            layout, order = _stored_layout(container, sound.channels, mask, vorbis)
        estimated = sound.subtype.startswith("MPEG_LAYER") and not has_length
        header = FileInfo(
            path,
            container,
            sound.subtype,
            sound.samplerate,
            sound.channels,
            _count_samples(sound) if estimated else sound.frames,
            layout,
            mask,
            sound.tracks if read_by_pyav else 1,
        )
    return header, order


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


def _stored_layout(
    container: str, channels: int, mask: int | None, vorbis: bool
) -> tuple[Layout | None, NDArray[np.intp] | None]:
    """Return the layout of a file, and the order that sorts the file's channels to it."""
    if container == "OGG" and channels in _VORBIS_LAYOUTS:
        layout = get_layout(_VORBIS_LAYOUTS[channels])
        return (layout, channel_map(layout.in_order("vorbis"), layout)) if vorbis else (None, None)
    if mask is None and container == "FLAC":
        mask = flac_ogg_mp3.FLAC_MASKS[channels]
    return _masked_layout(mask or wave.COMMON_MASKS.get(channels, 0), channels)


def _masked_layout(mask: int, channels: int) -> tuple[Layout | None, NDArray[np.intp] | None]:
    """Return the layout of channels in WAVE order, and the order that sorts them to it."""
    try:
        layout = Layout.from_wave_mask(mask)
    except LayoutError:
        return None, None
    if layout.n_channels != channels:
        return None, None
    # Back channels that are read as sides may be at other positions: in 0x13F (6.1) BC is last.
    for named in map(get_layout, layout_names()):
        if named.wave_mask and set(named.labels) == set(layout.labels):
            return named, channel_map(layout, named)
    return layout, None


def _labelled_layout(
    labels: tuple[str, ...],
) -> tuple[Layout | None, NDArray[np.intp] | None]:
    """Return the layout of channels in FFmpeg's order, which equals that of WAVE.

    FFmpeg's channel names are the labels of the mask bits.
    """
    mask = sum(WAVE_BITS[label] for label in labels) if set(labels) <= set(WAVE_BITS) else 0
    return _masked_layout(mask or wave.COMMON_MASKS.get(len(labels), 0), len(labels))
