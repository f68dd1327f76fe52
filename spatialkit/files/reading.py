"""Reading of audio files, whole and block by block."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import Audio
from spatialkit.errors import AudioFileError
from spatialkit.files.excerpts import Excerpt
from spatialkit.files.inspection import Inspected, inspected
from spatialkit.files.opening import OnTruncated, reading_errors
from spatialkit.files.requested import doubts, format_to_read
from spatialkit.files.resampling import rejoin_blocks, resample_blocks
from spatialkit.files.sound import BLOCK_SIZE
from spatialkit.files.tagging import read_tags
from spatialkit.layouts import Format
from spatialkit.typing import StrPath
from spatialkit.validation import MAX_SAMPLE_RATE, as_choice, as_count, as_path, as_sample_rate

__all__ = ["AudioStream", "SampleType", "read", "stream"]

# Data types of the samples that are read.
SampleType = Literal["float32", "float64"]


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
    on_truncated: OnTruncated = "error",
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
    on_truncated : {"error", "warn"}
        What happens to a file that is shorter than it specifies: an error, or a warning, and what
        it contains is read.

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
        tracks: the default one is read. If the file is truncated and ``on_truncated`` is "warn".

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
    excerpt = Excerpt(start, stop, offset, duration)
    with _open_stream(
        path, BLOCK_SIZE, format, force_format, sample_rate, dtype, excerpt, on_truncated
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
    return Audio(samples, source.sample_rate, source.format, read_tags(path))


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
    on_truncated: OnTruncated = "error",
) -> AudioStream:
    """Open an audio file to read it block by block.

    The concatenated blocks equal the samples that `read` returns.

    Parameters
    ----------
    path : str or path
    block : int
        Samples of each block, except that the last one may be shorter.
    format, force_format, sample_rate, dtype, start, stop, offset, duration, on_truncated
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
    excerpt = Excerpt(start, stop, offset, duration)
    return _open_stream(
        path, block, format, force_format, sample_rate, dtype, excerpt, on_truncated
    )


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
        file: Inspected,
        resources: ExitStack,
        format: Format | None,
        order: NDArray[np.intp] | None,
        *,
        block: int,
        sample_rate: int | None,
        dtype: SampleType,
        start: int,
        stop: int,
    ) -> None:
        header = file.header
        self.sample_rate = header.sample_rate if sample_rate is None else sample_rate
        self.format = format
        self.channels = header.channels
        self.samples = stop - start
        self._header, self._sound, self._resources = file.header, file.sound, resources
        self._order, self._dtype = order, dtype
        self._start, self._stop = start, stop
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
                self._sound.seek(end)
        while end < self._stop:
            with reading_errors(header.path):
                count = min(size, self._stop - end)
                block = self._sound.read(count, self._dtype).T
            if not block.size:
                raise AudioFileError(
                    f"{header.path} is truncated: its header specifies {header.samples} samples, "
                    f"the file contains {end}"
                )
            end += block.shape[1]
            yield np.array(block, order="C") if self._order is None else block[self._order]
        self._resources.close()


def _open_stream(
    path: StrPath,
    block: int,
    format: str | Format | None,
    force_format: bool,
    sample_rate: int | None,
    dtype: SampleType,
    excerpt: Excerpt,
    on_truncated: OnTruncated,
) -> AudioStream:
    """Open a file for `read` and `stream`; warnings refer to the caller of these."""
    dtype = as_choice(dtype, "dtype", get_args(SampleType))
    on_truncated = as_choice(on_truncated, "on_truncated", get_args(OnTruncated))
    if sample_rate is not None:
        sample_rate = as_sample_rate(sample_rate, maximum=MAX_SAMPLE_RATE)
    with ExitStack() as resources:
        file = resources.enter_context(inspected(as_path(path), on_truncated))
        known, order = format_to_read(file.header, file.channels, format, force_format)
        for doubt in (*file.doubts, *doubts(file.header, file.channels, format is not None)):
            warnings.warn(doubt, stacklevel=3)
        start, stop = excerpt.of(file.header)
        return AudioStream(
            file,
            resources.pop_all(),
            known,
            order,
            block=block,
            sample_rate=sample_rate,
            dtype=dtype,
            start=start,
            stop=stop,
        )
