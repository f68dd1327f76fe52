"""Reading of audio files, whole and block by block."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import Audio
from spatialkit.errors import AudioFileError, LayoutError, OptionError, SpatialkitWarning
from spatialkit.files.inspection import FileInfo, inspect
from spatialkit.files.opening import BLOCK_SIZE, open_audio, reading_errors
from spatialkit.files.resampling import rejoin_blocks, resample_blocks
from spatialkit.layouts import Format, Layout, get_format, same_channels
from spatialkit.typing import StrPath
from spatialkit.validation import as_choice, as_count, as_number, as_sample_rate

__all__ = ["AudioStream", "SampleType", "read", "stream"]

# Data types of the samples that are read.
SampleType = Literal["float32", "float64"]
# Mask of 7.1 with wide front channels, which libsndfile and others write for any 8 channels.
AMBIGUOUS_MASK = 0xFF
# Samples of the longest packets of Vorbis and Opus (120 ms at 48 kHz).
OGG_PACKET = 8192


def read(
    path: StrPath,
    *,
    format: str | Format | None = None,
    force_format: bool = False,
    sample_rate: int | None = None,
    dtype: SampleType = "float32",
    start: int = 0,
    stop: int | None = None,
    offset: float | None = None,
    duration: float | None = None,
) -> Audio:
    """Read an audio file.

    The format is the one that the file specifies: a channel mask (WAV, BW64, Wave64, FLAC), the
    layout of CAF, AIFF or QuickTime, ADM metadata of a bed or of Ambisonics (WAV, BW64), the
    subformat of B-format (.amb), the mapping of Ambisonics in Opus or the box SA3D in MP4, the name
    that `write` stores in WAV, or the rule of the container (FLAC and Ogg up to 8 channels). Mono
    and stereo are assumed. In all other cases it is None, because a number of channels alone does
    not distinguish 7.1 from 5.1.2. Channels are sorted to the order of the format.

    MP4, M4A, MOV, Matroska, WebM, AVI, ASF and WMA, FLV, MPEG, AAC, AC-3, DTS, TrueHD, WavPack,
    TTA, Monkey's Audio, Musepack, TAK, DSF and DSDIFF need the extra ``av``; so do codecs that
    libsndfile does not decode, such as ALAC in CAF, AC-3 and DTS in WAV, and FLAC of other widths
    than 8, 16 and 24 bits. The delay of a codec is removed if the container specifies it, as MP4
    and Matroska do; raw AAC and AC-3 files do not.

    Parameters
    ----------
    path : str or path
    format : str, Layout or AmbisonicFormat, optional
        Format of the channels if the file does not contain it: "ambix1" for Ambisonics, a layout
        for a file without channel mask. It must agree with a format in the file: the same channels
        in the same order, such as the loudspeakers of a room with the labels of "5.1".
    force_format : bool
        Whether ``format`` replaces another format in the file. The channels stay in the order of
        the file.
    sample_rate : int, optional
        Sample rate in Hz to which the samples are converted, see `spatialkit.files.resample`. By
        default the rate of the file.
    dtype : {"float32", "float64"}
        Data type of the samples.
    start, stop : int
        First sample to read, and the one after the last, at the rate of the file. By default the
        whole file. The range is resampled like a file of that length.
    offset, duration : float
        Excerpt in seconds, in place of ``start`` and ``stop``: its start, 0 by default, and its
        length, by default up to the end. Both are rounded to samples of the file.

    Returns
    -------
    Audio
        Samples of shape (channels, samples); the full scale of integer files is -1 to 1.

    Raises
    ------
    AudioFileError
        If the file does not exist, is not an audio file, is truncated or exceeds the memory, or if
        its mask or ``format`` contradicts its number of channels.
    LayoutError
        If ``format`` is unknown, or the file contains another format.
    OptionError
        If the excerpt exceeds the file, or another argument is not accepted.

    Warns
    -----
    SpatialkitWarning
        If the mask is 0xFF (7.1 with FLC and FRC), which many programs write for any 8 channels, or
        the file specifies its channels in part: specify ``format``. If there are several audio
        tracks: the default one is read.

    Examples
    --------
    >>> from spatialkit.sample import sample_path
    >>> audio = read(sample_path())
    >>> audio.samples.shape, audio.sample_rate, audio.format
    ((2, 1323000), 44100, Layout('stereo': FL FR))
    >>> read(sample_path(), sample_rate=48000).samples.shape
    (2, 1440000)
    >>> read(sample_path(), offset=12.5, duration=2.0).duration
    2.0
    """
    excerpt = _Excerpt(start, stop, offset, duration)
    with _open_stream(
        path, BLOCK_SIZE, format, force_format, sample_rate, dtype, excerpt
    ) as source:
        try:
            samples = np.empty((source.channels, source.samples), dtype)
        except (MemoryError, ValueError) as error:
            raise AudioFileError(
                f"{path} specifies {source.samples} samples of {source.channels} channels, which "
                "exceeds the memory; read it in blocks with stream"
            ) from error
        filled = 0
        for block in source:
            samples[:, filled : filled + block.shape[1]] = block
            filled += block.shape[1]
    return Audio(samples, source.sample_rate, source.format)


def stream(
    path: StrPath,
    *,
    block: int = BLOCK_SIZE,
    format: str | Format | None = None,
    force_format: bool = False,
    sample_rate: int | None = None,
    dtype: SampleType = "float32",
    start: int = 0,
    stop: int | None = None,
    offset: float | None = None,
    duration: float | None = None,
) -> AudioStream:
    """Open an audio file to read it block by block.

    The concatenated blocks equal the samples that `read` returns.

    Parameters
    ----------
    path : str or path
    block : int
        Samples of each block, except that the last one may be shorter.
    format, force_format, sample_rate, dtype, start, stop, offset, duration
        As for `read`.

    Returns
    -------
    AudioStream
        Iterator over blocks (channels, n), to be used once. Its ``sample_rate``, ``format``,
        ``channels`` and ``samples`` are available before the first block. The end of iteration
        closes the file; so does ``with``.

    Raises
    ------
    AudioFileError, LayoutError, OptionError
        As for `read`. Errors in the audio data are raised by the iteration.

    Warns
    -----
    SpatialkitWarning
        As for `read`.

    Examples
    --------
    >>> from spatialkit.sample import sample_path
    >>> with stream(sample_path(), block=44100) as source:
    ...     print(source.format, source.duration, sum(1 for block in source))
    Layout('stereo': FL FR) 30.0 30
    """
    block = as_count(block, "block")
    excerpt = _Excerpt(start, stop, offset, duration)
    return _open_stream(path, block, format, force_format, sample_rate, dtype, excerpt)


class AudioStream:
    """Iterator over blocks of an audio file, and context manager, returned by `stream`.

    Attributes
    ----------
    sample_rate : int
        Sample rate of the blocks in Hz.
    format : Layout or AmbisonicFormat or None
        Format of the channels; None if the file does not specify it.
    channels, samples : int
        Number of channels, and of samples per channel of all blocks together.
    """

    def __init__(
        self,
        header: FileInfo,
        format: Format | None,
        order: NDArray[np.intp] | None,
        *,
        block: int,
        sample_rate: int | None,
        dtype: SampleType,
        start: int,
        stop: int,
    ) -> None:
        self.sample_rate = header.sample_rate if sample_rate is None else sample_rate
        self.format = format
        self.channels = header.channels
        self.samples = stop - start
        self._header, self._order, self._dtype = header, order, dtype
        self._start, self._stop = start, stop
        self._decoded, self._rest = 0, np.empty((0, self.channels), dtype)
        self._resources = ExitStack()
        with reading_errors(header.path):
            self._file = self._resources.enter_context(open_audio(header.path))
        if self.sample_rate == header.sample_rate:
            self._blocks: Iterator[NDArray[Any]] = self._read(block)
            return
        self.samples = round(self.samples * self.sample_rate / header.sample_rate)
        # Read at a time as many samples as result in at most one block.
        step = min(max(1, block * header.sample_rate // self.sample_rate), BLOCK_SIZE)
        parts = resample_blocks(
            self._read(step),
            self.channels,
            header.sample_rate,
            self.sample_rate,
            self.samples,
            dtype,
        )
        self._blocks = rejoin_blocks(parts, self.channels, block, dtype)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return self

    def __next__(self) -> NDArray[Any]:
        """Return the next block (channels, n), a new array."""
        return next(self._blocks)

    def __enter__(self) -> AudioStream:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and end the iteration; the end of the file does so as well."""
        self._blocks = iter(())
        self._resources.close()

    def _read(self, size: int) -> Iterator[NDArray[Any]]:
        header, end = self._header, self._start
        if end:
            with reading_errors(header.path):
                self._seek(end)
        while end < self._stop:
            with reading_errors(header.path):
                count = min(size, self._stop - end)
                block = self._decode(count).T
            if not block.size:
                raise AudioFileError(
                    f"{header.path} is truncated: its header specifies {header.samples} samples, "
                    f"the file contains {end}"
                )
            end += block.shape[1]
            yield np.array(block, order="C") if self._order is None else block[self._order]
        self._resources.close()

    def _decode(self, count: int) -> NDArray[Any]:
        """Return the next samples (count, channels), fewer at the end."""
        if len(self._rest):
            block, self._rest = self._rest[:count], self._rest[count:]
            return block
        # libsndfile decodes the last packet of Opus wrongly in a read that starts in it.
        left = self._header.samples - self._decoded - count
        whole = count + left if self._header.container == "OGG" and left < OGG_PACKET else count
        block = self._file.read(whole, self._dtype, always_2d=True)
        self._decoded += count
        self._rest = block[count:]
        return block[:count]

    def _seek(self, start: int) -> None:
        """Continue at a sample of the file."""
        # libsndfile seeks to wrong samples in Vorbis and Opus, and not at all in some encodings.
        if self._header.container != "OGG" and getattr(self._file, "seekable", lambda: True)():
            self._file.seek(start)
            return
        while start:
            skipped = len(self._decode(min(start, BLOCK_SIZE)))
            if not skipped:
                return
            start -= skipped


def _open_stream(
    path: StrPath,
    block: int,
    format: str | Format | None,
    force_format: bool,
    sample_rate: int | None,
    dtype: SampleType,
    excerpt: _Excerpt,
) -> AudioStream:
    """Open a file for `read` and `stream`; warnings refer to the caller of these."""
    dtype = as_choice(dtype, "dtype", get_args(SampleType))
    if sample_rate is not None:
        sample_rate = as_sample_rate(sample_rate)
    path = Path(path)
    header, stored = inspect(path)
    known, order = stored.format, stored.order
    if format is not None:
        known = get_format(format)
        if not _agrees(header, known, force_format or bool(stored.note)):
            order = None
    elif stored.conflict:
        raise AudioFileError(
            f"the {stored.conflict} of {path} contradicts its number of channels, "
            f"{header.channels}",
            python="; specify format=",
            command_line="; add --from",
        )
    elif stored.note:
        warnings.warn(
            SpatialkitWarning(
                f"{path} {stored.note}",
                python="; specify format= for another format",
                command_line="; add --from for another format",
            ),
            stacklevel=3,
        )
    elif (header.wave_mask, header.channels) == (AMBIGUOUS_MASK, AMBIGUOUS_MASK.bit_count()):
        warnings.warn(
            SpatialkitWarning(
                f"{path} has the channel mask 0xff (7.1 with wide fronts), which many programs "
                "write for any 8 channels",
                python='; for ordinary 7.1 pass format="7.1"',
                command_line="; for ordinary 7.1 add --from 7.1",
            ),
            stacklevel=3,
        )
    if header.tracks > 1:
        warnings.warn(
            f"{path} has {header.tracks} audio tracks; only the default one is read "
            f"({header.subtype}, channels: {header.channels})",
            SpatialkitWarning,
            stacklevel=3,
        )
    start, stop = excerpt.of(header)
    return AudioStream(
        header,
        known,
        order,
        block=block,
        sample_rate=sample_rate,
        dtype=dtype,
        start=start,
        stop=stop,
    )


@dataclass(frozen=True)
class _Excerpt:
    """Range of a file in samples (start, stop) or in seconds (offset, duration)."""

    start: int
    stop: int | None
    offset: float | None
    duration: float | None

    def of(self, header: FileInfo) -> tuple[int, int]:
        """Return the range in a file, in samples."""
        path, length = header.path, header.samples
        if self.offset is self.duration is None:
            stop = length if self.stop is None else self.stop
            stop = as_count(stop, f"stop of {path}", minimum=0, maximum=length)
            return as_count(self.start, f"start of {path}", minimum=0, maximum=stop), stop
        if self.start or self.stop is not None:
            raise OptionError(
                "start and stop (samples) exclude offset and duration (seconds): pass either"
            )
        offset = 0.0 if self.offset is None else self.offset
        start = round(as_number(offset, "offset", minimum=0.0, unit="s") * header.sample_rate)
        stop, end = length, ""
        if self.duration is not None:
            seconds = as_number(self.duration, "duration", minimum=0.0, unit="s")
            stop = start + round(seconds * header.sample_rate)
            end = f" to {offset + seconds:g} s"
        if start < stop <= length or (start, stop) == (0, length):
            return start, stop
        problem = "is empty" if stop == start < length else f"exceeds its {header.duration:g} s"
        raise OptionError(
            f"the excerpt of {path} from {offset:g} s{end or ' on'} {problem}",
            python="; choose another offset or duration",
            command_line="; choose another --start or --duration",
        )


def _agrees(header: FileInfo, format: Format, force: bool) -> bool:
    """Return whether a file contains the requested format; refuse another one unless forced."""
    if format.n_channels != header.channels:
        raise AudioFileError(
            f"{header.path} has {header.channels} channels, but format {format.name!r} has "
            f"{format.n_channels}"
        )
    if header.format is None:
        return False
    if same_channels(header.format, format):
        return True
    # Mono and stereo are assumed if there is no mask.
    stated = header.wave_mask != AMBIGUOUS_MASK if header.wave_mask else header.channels > 2
    if stated and not force:
        raise LayoutError(
            f"{header.path} contains the format {_described(header.format)}, requested is "
            f"{_described(format)}",
            python="; omit it, or pass force_format=True to replace the format of the file",
            command_line="; omit it, or add --force-format to replace the format of the file",
        )
    return False


def _described(format: Format) -> str:
    """Return the name of a format, with the order of its channels."""
    return (
        f"{format.name!r} ({' '.join(format.labels)})"
        if isinstance(format, Layout)
        else repr(format.name)
    )
