"""Sound files in: what they say about themselves, and their samples block by block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError, LayoutError
from spatialkit.files import flac_ogg_mp3, pyav, wave
from spatialkit.files.resampling import rejoin_blocks, resample_blocks
from spatialkit.layouts import (
    VORBIS_SYSTEMS,
    WAVE_BITS,
    Format,
    Layout,
    channel_map,
    get_layout,
    layout_names,
)

# Samples of each channel that are read or written at a time.
BLOCK = 65536
# Ogg has no mask: the number of channels says what they are (RFC 7845; Vorbis I, section 4.3.9).
_VORBIS_LAYOUTS = {n: name for n, name in enumerate(VORBIS_SYSTEMS, start=1) if n > 2}


@dataclass(frozen=True)
class FileInfo:
    """What a sound file says about itself.

    Parameters
    ----------
    path : Path
    container, subtype : str
        As libsndfile calls them: "WAV" and "PCM_24", "OGG" and "VORBIS"; and "BW64". Of what PyAV
        reads, "MP4" and "AAC", "MATROSKA" and "AC3" ...
    sample_rate : int
        Hz.
    channels, samples : int
    format : Layout, optional
        What `read` gives as the format; None if the file does not say.
    wave_mask : int, optional
        Channel mask in the file; None if it has none.
    tracks : int
        Number of sound tracks; `read` takes the default one, or else the first of the best.
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
        """Seconds."""
        return self.samples / self.sample_rate


class AudioStream:
    """Sound of a file, block by block: an iterator and a context manager, made by `stream`.

    Attributes
    ----------
    sample_rate : int
        Hz, of the blocks.
    format : Layout or AmbisonicFormat or None
        What the channels are; None if the file does not say.
    channels, samples : int
        Of the whole sound; ``samples`` at ``sample_rate``.
    """

    def __init__(
        self,
        facts: FileInfo,
        format: Format | None,
        order: NDArray[np.intp] | None,
        *,
        block: int,
        sample_rate: int | None,
        dtype: str,
        start: int,
        stop: int,
    ) -> None:
        self.sample_rate = facts.sample_rate if sample_rate is None else sample_rate
        self.format = format
        self.channels = facts.channels
        self.samples = stop - start
        self._facts, self._order, self._dtype = facts, order, dtype
        self._start, self._stop = start, stop
        self._resources = ExitStack()
        with reading_errors(facts.path):
            self._file = self._resources.enter_context(opened(facts.path))
        if self.sample_rate == facts.sample_rate:
            self._blocks: Iterator[NDArray[Any]] = self._read(block)
            return
        self.samples = round(self.samples * self.sample_rate / facts.sample_rate)
        # So much is read at a time that one block comes of it, or less.
        step = min(max(1, block * facts.sample_rate // self.sample_rate), BLOCK)
        parts = resample_blocks(
            self._read(step),
            self.channels,
            facts.sample_rate,
            self.sample_rate,
            self.samples,
            dtype,
        )
        self._blocks = rejoin_blocks(parts, self.channels, block, dtype)

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples / self.sample_rate

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return self

    def __next__(self) -> NDArray[Any]:
        """Return the next block, (channels, n), an array of its own."""
        return next(self._blocks)

    def __enter__(self) -> AudioStream:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; reading to the end does so, too. There are no blocks after it."""
        self._blocks = iter(())
        self._resources.close()

    def _read(self, size: int) -> Iterator[NDArray[Any]]:
        facts, end = self._facts, self._start
        if end:
            with reading_errors(facts.path):
                self._file.seek(end)
        while end < self._stop:
            with reading_errors(facts.path):
                count = min(size, self._stop - end)
                block = self._file.read(count, self._dtype, always_2d=True).T
            if not block.size:
                raise AudioFileError(
                    f"{facts.path} is cut short: it announces {facts.samples} samples and holds "
                    f"{end}"
                )
            end += block.shape[1]
            yield np.ascontiguousarray(block) if self._order is None else block[self._order]
        self._resources.close()


def inspect(path: Path) -> tuple[FileInfo, NDArray[np.intp] | None]:
    """Facts of a file, and which of its channels comes where (None: as they are)."""
    mask, vorbis = None, True
    with reading_errors(path), path.open("rb") as file:
        kind = file.read(4)
        if not kind:
            raise AudioFileError(f"{path} is empty")
        foreign = pyav.demuxer_of(file) is not None
        if foreign:
            pass
        elif kind in wave.WAVE_KINDS:
            mask = _whole_wave(path, file).mask
        elif kind == b"fLaC":
            mask = flac_ogg_mp3.flac_mask(file)
        elif kind == b"OggS":
            vorbis = flac_ogg_mp3.opus_says_order(file)
        mp3_says_length = flac_ogg_mp3.mp3_says_length(file, pyav.tagged_start(file))
    with reading_errors(path), opened(path) as sound:
        container = "WAV" if sound.format == "WAVEX" else sound.format
        container = "BW64" if kind == b"BW64" else container
        if foreign:
            layout, order = _labelled_layout(sound.labels)
        else:
            layout, order = _stored_layout(container, sound.channels, mask, vorbis)
        estimated = sound.subtype.startswith("MPEG_LAYER") and not mp3_says_length
        facts = FileInfo(
            path,
            container,
            sound.subtype,
            sound.samplerate,
            sound.channels,
            _counted(sound) if estimated else sound.frames,
            layout,
            mask,
            sound.tracks if foreign else 1,
        )
    return facts, order


def _counted(sound: Any) -> int:
    """Samples of an MP3 file without a tag, whose length libsndfile estimates from the bit rate.

    MP3 is libsndfile's: with LAME's tag it cuts the encoder's delay and gives the exact length,
    as PyAV does; without it both give all that is coded, 1105 samples of delay included.
    """
    count = 0
    while size := len(sound.read(BLOCK, "float32", always_2d=True)):
        count += size
    return count


def _whole_wave(path: Path, file: Any) -> wave.WaveFacts:
    """What the header of a WAV file says, if the file keeps its word."""
    try:
        facts = wave.read_wave_header(file)
    except ValueError as error:
        raise AudioFileError(f"{path} is damaged: it {error}") from error
    if facts.announced > facts.there:
        raise AudioFileError(
            f"{path} is cut short: its header announces {facts.announced} bytes of sound, "
            f"{facts.there} are there"
        )
    return facts


def _stored_layout(
    container: str, channels: int, mask: int | None, vorbis: bool
) -> tuple[Layout | None, NDArray[np.intp] | None]:
    """Layout that is read from a file, and the file's channels in its order."""
    if container == "OGG" and channels in _VORBIS_LAYOUTS:
        layout = get_layout(_VORBIS_LAYOUTS[channels])
        return (layout, channel_map(layout.in_order("vorbis"), layout)) if vorbis else (None, None)
    if mask is None and container == "FLAC":
        mask = flac_ogg_mp3.FLAC_MASKS[channels]
    return _masked_layout(mask or wave.COMMON_MASKS.get(channels, 0), channels)


def _masked_layout(mask: int, channels: int) -> tuple[Layout | None, NDArray[np.intp] | None]:
    """Layout of channels in the order of WAVE, and where its channels stand among them."""
    try:
        layout = Layout.from_wave_mask(mask)
    except LayoutError:
        return None, None
    if layout.n_channels != channels:
        return None, None
    # Backs that are read as sides may stand elsewhere than sides do: 0x13F is 6.1, BC last.
    for named in map(get_layout, layout_names()):
        if named.wave_mask and set(named.labels) == set(layout.labels):
            return named, channel_map(layout, named)
    return layout, None


def _labelled_layout(
    labels: tuple[str, ...],
) -> tuple[Layout | None, NDArray[np.intp] | None]:
    """Layout of channels in FFmpeg's order, which is that of WAVE; its names are ours in a mask."""
    mask = sum(WAVE_BITS[label] for label in labels) if set(labels) <= set(WAVE_BITS) else 0
    return _masked_layout(mask or wave.COMMON_MASKS.get(len(labels), 0), len(labels))


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open for reading with libsndfile, or with PyAV what begins as one of its containers."""
    import soundfile

    with path.open("rb") as binary:
        demuxer = pyav.demuxer_of(binary)
        if demuxer is not None:
            with pyav.AvSound(path, binary, demuxer) as sound:
                yield sound
        else:
            with soundfile.SoundFile(_Source(binary)) as file:
                yield file


class _Source:
    """File for libsndfile, to which BW64 calls itself RF64: it reads the one, not the other."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.renamed = file.read(4) == b"BW64"
        file.seek(0)
        self.read, self.tell = file.read, file.tell

    def seek(self, offset: int, whence: int = 0) -> None:
        """Stay where a broken header would lead to nowhere: soundfile looks at the place."""
        with suppress(OSError, ValueError):
            self.file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; soundfile prefers this to ``read``."""
        start = self.file.tell()
        count: int = self.file.readinto(buffer)  # type: ignore[attr-defined]
        if self.renamed and start < 4:
            end = min(4 - start, count)
            buffer[:end] = b"RF64"[start : start + end]
        return count


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Errors of reading in our words."""
    import soundfile

    try:
        yield
    except AudioFileError:
        raise
    except (soundfile.SoundFileError, TypeError) as error:
        raise AudioFileError(f"{path} is damaged, or no sound file that can be read") from error
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
