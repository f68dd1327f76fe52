"""Sound files: channels-first arrays with their format, in and out. The only place that transposes.

WAV and FLAC are written with the channel mask of their layout, channels in the order that the
container demands; both are put right by label, never by position. Read is whatever libsndfile
reads (WAV, FLAC, Ogg Vorbis and Opus, AIFF, CAF, MP3 ...), and BW64; with the extra ``av`` also
AAC, AC-3, WMA and the sound of MP4, Matroska and other films. `stream` and `write_stream` do block
by block what `read` and `write` do at once: files of any length in little memory.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from spatialkit.audio import Audio
from spatialkit.errors import AudioFileError, SpatialkitWarning
from spatialkit.files.reading import BLOCK, AudioStream, FileInfo, inspect
from spatialkit.files.writing import (
    AudioWriter,
    as_samples,
    check_target,
    guard_gain,
    make_target,
    note_unsaid,
    peak_of,
    replacing,
    require_level,
)
from spatialkit.layouts import Format, get_format
from spatialkit.validation import as_choice, as_count

__all__ = [
    "AudioStream",
    "AudioWriter",
    "FileInfo",
    "check_target",
    "info",
    "read",
    "stream",
    "write",
    "write_stream",
]

# 7.1 with wides in WAVE, and what libsndfile and others write for any 8 channels.
DOUBTFUL_MASK = 0xFF


def read(
    path: str | os.PathLike[str],
    *,
    format: str | Format | None = None,
    sample_rate: int | None = None,
    dtype: str = "float32",
    start: int = 0,
    stop: int | None = None,
) -> Audio:
    """Read a sound file.

    What the channels are comes from the channel mask (WAV, FLAC), from the container's own rule
    (FLAC and Ogg up to 8 channels), or is mono or stereo. Anything else has format None: a number
    of channels alone does not tell 7.1 from 5.1.2. The surround orders of Vorbis and Opus are
    turned into that of WAVE.

    MP4, M4A, MOV, Matroska, WebM, AVI, ASF and WMA, FLV, MPEG, AAC, AC-3, WavPack and TTA need the
    extra ``av``. The delay of a codec is cut off where the container says it: MP4 and Matroska do,
    files of bare AAC or AC-3 do not.

    Parameters
    ----------
    path : str or path
    format : str, Layout or AmbisonicFormat, optional
        What the channels are, in the order of the file, whatever the file says: "ambix1" for
        Ambisonics, a layout for a file without a mask.
    sample_rate : int, optional
        Hz to convert to, with soxr: n samples become exactly round(n * sample_rate / rate). By
        default the file's own rate is kept.
    dtype : {"float32", "float64"}
    start, stop : int
        Range of samples to read, at the file's own rate: from ``start`` to ``stop - 1``. By default
        the whole file. The range is converted to ``sample_rate`` as a file of that length is.

    Returns
    -------
    Audio
        Samples of shape (channels, samples).

    Raises
    ------
    AudioFileError
        If there is no such file, it is no sound file, it is cut short, its mask contradicts its
        number of channels, or ``format`` does; or if memory cannot hold it.

    Warns
    -----
    SpatialkitWarning
        If the mask is 0xFF, 7.1 with FLC and FRC: many programs write it for any 8 channels.
        ``format`` says which they are. If there are several sound tracks: the default one is read.

    Examples
    --------
    >>> from spatialkit.sample import sample_path
    >>> audio = read(sample_path())
    >>> audio.samples.shape, audio.sample_rate, audio.format
    ((2, 1323000), 44100, Layout('stereo': FL FR))
    >>> read(sample_path(), sample_rate=48000).samples.shape
    (2, 1440000)
    """
    with _opened(path, BLOCK, format, sample_rate, dtype, start, stop) as source:
        try:
            samples = np.empty((source.channels, source.samples), dtype)
        except (MemoryError, ValueError) as error:
            raise AudioFileError(
                f"{path} announces {source.samples} samples of {source.channels} channels, more "
                "than memory holds: stream reads it in blocks"
            ) from error
        filled = 0
        for block in source:
            samples[:, filled : filled + block.shape[1]] = block
            filled += block.shape[1]
    return Audio(samples, source.sample_rate, source.format)


def stream(
    path: str | os.PathLike[str],
    *,
    block: int = BLOCK,
    format: str | Format | None = None,
    sample_rate: int | None = None,
    dtype: str = "float32",
    start: int = 0,
    stop: int | None = None,
) -> AudioStream:
    """Open a sound file to read it block by block.

    The blocks joined are what `read` returns.

    Parameters
    ----------
    path : str or path
    block : int
        Samples of a block; the last one may be shorter.
    format, sample_rate, dtype, start, stop
        As in `read`.

    Returns
    -------
    AudioStream
        Iterate over it once for blocks (channels, n). Its ``sample_rate``, ``format``,
        ``channels`` and ``samples`` are known before the first. Reading to the end closes the
        file; so does ``with``.

    Raises
    ------
    AudioFileError
        As in `read`; damage that lies deeper in the file, when it is met.

    Warns
    -----
    SpatialkitWarning
        As `read`.

    Examples
    --------
    >>> from spatialkit.sample import sample_path
    >>> with stream(sample_path(), block=44100) as source:
    ...     print(source.format, source.duration, sum(1 for block in source))
    Layout('stereo': FL FR) 30.0 30
    """
    return _opened(path, as_count(block, "block"), format, sample_rate, dtype, start, stop)


def _opened(
    path: str | os.PathLike[str],
    block: int,
    format: str | Format | None,
    sample_rate: int | None,
    dtype: str,
    start: int,
    stop: int | None,
) -> AudioStream:
    """Open for `read` and `stream`, whose caller is the one to warn."""
    dtype = as_choice(dtype, "dtype", ("float32", "float64"))
    if sample_rate is not None:
        as_count(sample_rate, "sample_rate")
    path = Path(path)
    facts, order = inspect(path)
    known: Format | None = facts.format
    if format is not None:
        known, order = get_format(format), None
        if known.n_channels != facts.channels:
            raise AudioFileError(
                f"{path} has {facts.channels} channels, {known.name!r} has {known.n_channels}"
            )
    elif known is None and facts.wave_mask:
        raise AudioFileError(
            f"{path} has {facts.channels} channels but the channel mask {facts.wave_mask:#x}, "
            "which does not fit: say what they are (format=, in the shell --from)"
        )
    elif facts.wave_mask == DOUBTFUL_MASK:
        warnings.warn(
            f"{path} has the channel mask 0xff (wide 7.1), which many programs write for any 8 "
            'channels: if it is ordinary 7.1, pass format="7.1" (in the shell --from 7.1)',
            SpatialkitWarning,
            stacklevel=3,
        )
    if facts.tracks > 1:
        warnings.warn(
            f"{path} has {facts.tracks} sound tracks: the default one is read "
            f"({facts.subtype}, channels: {facts.channels})",
            SpatialkitWarning,
            stacklevel=3,
        )
    stop = as_count(
        facts.samples if stop is None else stop, f"stop of {path}", minimum=0, maximum=facts.samples
    )
    return AudioStream(
        facts,
        known,
        order,
        block=block,
        sample_rate=sample_rate,
        dtype=dtype,
        start=as_count(start, f"start of {path}", minimum=0, maximum=stop),
        stop=stop,
    )


def info(path: str | os.PathLike[str]) -> FileInfo:
    """Read what a sound file says about itself, without its samples.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    AudioFileError
        If there is no such file, it is no sound file, or it is cut short.

    Examples
    --------
    >>> from spatialkit.sample import sample_path
    >>> facts = info(sample_path())
    >>> facts.subtype, facts.duration
    ('VORBIS', 30.0)
    """
    return inspect(Path(path))[0]


def write(
    path: str | os.PathLike[str],
    samples: ArrayLike,
    sample_rate: int,
    *,
    format: str | Format | None = None,
    subtype: str | None = None,
    dither: str | None = None,
    seed: int = 0,
    peak_guard: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a WAV, FLAC or Ogg file: all of it, or nothing.

    A layout is written with its channel mask, its channels reordered by label if they are not in
    the order of WAVE ("paper5" becomes FL FR FC SL SR, mask 0x607). Ambisonics, and layouts that
    no mask describes, are written as they are with mask 0. WAV above 4 GiB is RF64 (EBU Tech
    3306). The file appears under its name when it is complete; a process that is killed before may
    leave a hidden one, ".spatialkit-....part", which nobody needs and nothing deletes.

    Parameters
    ----------
    path : str or path
        Ends in ".wav", ".flac" (up to 8 channels), ".ogg" or ".opus" (mono and stereo).
    samples : array_like of float, shape (channels, samples) or (samples,)
    sample_rate : int
        Hz. Opus: 8000, 12000, 16000, 24000 or 48000.
    format : str, Layout or AmbisonicFormat, optional
        What the channels are. By default 1 is mono, 2 is stereo, and more have mask 0.
    subtype : str, optional
        "FLOAT" (the default), "DOUBLE", "PCM_16" or "PCM_24" in WAV; "PCM_24" (the default) or
        "PCM_16" in FLAC; "VORBIS" (the default) or "OPUS" in .ogg.
    dither : {None, "tpdf"}
        What is added to PCM before it is rounded: nothing, so that integers survive any number of
        round trips and silence stays silent; or triangular noise of two steps' width, which keeps
        the error free of the signal (for what is played at 16 bits).
    seed : int
        Of the dither.
    peak_guard : bool
        Whether all samples are scaled down together if they pass -1 to 1 in PCM, Vorbis or Opus;
        a warning says by how much. By default they are refused. FLOAT and DOUBLE keep them.
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    AudioFileError
        If the file exists, cannot be written, or cannot hold so much.
    ShapeError
        If the number of channels is not that of ``format``.
    SignalError
        If samples are no floats, NaN or infinite, or beyond -1 to 1 in PCM, Vorbis and Opus
        without ``peak_guard``: nothing is clipped.
    OptionError
        If the subtype, sample rate or dither is not accepted.

    Warns
    -----
    SpatialkitWarning
        If the peak guard has scaled the samples, or a FLAC file cannot say what its channels are:
        Ambisonics, or a layout that no mask describes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/silence.wav", np.zeros((6, 480)), 48000, format="5.1")
    ...     hex(info(f"{folder}/silence.wav").wave_mask)
    '0x60f'
    """
    check_target(Path(path), overwrite)
    name = f"samples of {path}"
    format = None if format is None else get_format(format)
    array = as_samples(samples, name, format)
    target = make_target(
        path,
        sample_rate,
        format=format,
        channels=len(array),
        samples=array.shape[1],
        subtype=subtype,
        dither=dither,
        seed=seed,
        overwrite=overwrite,
    )
    note_unsaid(target, format, stacklevel=3)
    peak = peak_of(array, name)
    if peak_guard and target.guarded:
        gain = guard_gain(peak, target, stacklevel=3)
    else:
        gain = 1.0
        require_level(peak, target, name)
    with replacing(target.path, overwrite) as file, AudioWriter(file, target) as writer:
        for start in range(0, array.shape[1], BLOCK):
            block = array[:, start : start + BLOCK]
            writer.write(block if gain == 1.0 else block * gain)


@contextmanager
def write_stream(
    path: str | os.PathLike[str],
    sample_rate: int,
    *,
    format: str | Format | None = None,
    channels: int | None = None,
    samples: int | None = None,
    subtype: str | None = None,
    dither: str | None = None,
    seed: int = 0,
    peak_guard: bool = False,
    overwrite: bool = False,
) -> Iterator[AudioWriter]:
    """Write a sound file block by block: a context manager, as `write` in all else.

    The file appears under its name when the block of ``with`` ends well; after any error there is
    none. Memory holds a block, whatever the length.

    Parameters
    ----------
    path : str or path
    sample_rate : int
        Hz.
    format : str, Layout or AmbisonicFormat, optional
        What the channels are.
    channels : int, optional
        How many there are, if ``format`` does not say.
    samples : int, optional
        How many will come, which is held to. If unknown, a WAV file keeps room in its header, and
        becomes RF64 if it passes 4 GiB.
    subtype, dither, seed, overwrite
        As in `write`.
    peak_guard : bool
        As in `write`. The peak is known at the end: until then the samples lie in a file without
        a name in the same folder, in the precision of the first block.

    Yields
    ------
    AudioWriter
        Its ``write`` takes the blocks; after the end ``gain_db`` is what the peak guard did.

    Raises
    ------
    AudioFileError, ShapeError, SignalError, OptionError
        As in `write`; `ShapeError` also if there are not so many samples as announced.

    Warns
    -----
    SpatialkitWarning
        If the peak guard has scaled the samples, or a FLAC file cannot say what its channels are:
        Ambisonics, or a layout that no mask describes.

    Examples
    --------
    Half as loud, in 24 bits:

    >>> import tempfile
    >>> from spatialkit.sample import sample_path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/half.flac"
    ...     with stream(sample_path()) as source:
    ...         with write_stream(path, source.sample_rate, format=source.format) as target:
    ...             for block in source:
    ...                 target.write(0.5 * block)
    ...     info(path).duration
    30.0
    """
    target = make_target(
        path,
        sample_rate,
        format=format,
        channels=channels,
        samples=samples,
        subtype=subtype,
        dither=dither,
        seed=seed,
        overwrite=overwrite,
    )
    note_unsaid(target, format, stacklevel=4)
    with (
        replacing(target.path, overwrite) as file,
        AudioWriter(file, target, peak_guard=peak_guard and target.guarded) as writer,
    ):
        yield writer
