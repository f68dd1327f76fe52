"""Writing of audio files, whole and block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from spatialkit.audio import Audio, AudioLike, unpack_audio
from spatialkit.errors import OptionError
from spatialkit.files.adm import AdmContent
from spatialkit.files.sound import BLOCK_SIZE
from spatialkit.files.targets import (
    Dither,
    Subtype,
    check_target,
    make_target,
    warn_ambiguous,
    warn_tags,
)
from spatialkit.files.writer import (
    AudioWriter,
    as_samples,
    guard_gain,
    peak_of,
    replacing,
    require_level,
)
from spatialkit.layouts import Format, get_format
from spatialkit.tags import Tags, carried_over
from spatialkit.typing import StrPath
from spatialkit.validation import as_path

__all__ = ["write", "write_stream"]


def write(
    path: StrPath,
    samples: AudioLike[Any],
    sample_rate: float | None = None,
    *,
    format: str | Format | None = None,
    subtype: Subtype | None = None,
    bit_rate: int | None = None,
    dither: Dither | None = None,
    seed: int = 0,
    peak_guard: bool = False,
    adm: bool = False,
    tags: Tags | Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write an audio file; after an error no file exists.

    A layout is written with its channel mask, and its channels are reordered by label to the order
    of WAVE ("paper5" becomes FL FR FC SL SR, mask 0x607). Ambisonics and layouts without mask are
    written in their own order with mask 0; in WAV an entry "spkt" of the chunk LIST INFO contains
    their name, or the JSON of a custom layout. `read` recognizes it, other programs ignore it.

    Other files than WAV, FLAC, CAF and mono or stereo in Ogg need the extra ``av``. A format that
    a file cannot contain, such as 7.1.4 in Opus, is an error that names the extensions that can.
    The delay of a codec is stored as the container permits, so that `read` returns the same length
    and position; streams of AC-3 and E-AC-3 start 256 samples late, in MP4 they do not.

    WAV files above 4 GiB are RF64 (EBU Tech 3306). The file appears under its name only when it is
    complete; a process that is killed may leave a hidden temporary file ".spatialkit-....part",
    which may be deleted.

    Parameters
    ----------
    path : str or path
        Path with the extension .wav or .caf (any format with names for its channels), .flac (at
        most 8 channels), .opus, .ogg, .webm (Opus up to 7.1 and Ambisonics), .mp4, .m4a (up to
        7.1; Ambisonics in .mp4), .mov and .wv (up to 7.1.4; Ambisonics in .mov), .mka (up to 8
        channels), .ac3 or .eac3 (up to 5.1); .adm.wav for WAV with ADM metadata; .iamf or .iamf.mp4
        for IAMF, standalone or in MP4 (mono, stereo, 5.1 to 7.1.4, Ambisonics to order 4).
    samples : array_like of float or Audio, shape (channels, samples) or (samples,)
        An `Audio` also specifies ``sample_rate`` and ``format``.
    sample_rate : int, optional
        Sample rate in Hz; 8000, 12000, 16000, 24000 or 48000 for Opus, 32000, 44100 or 48000 for
        AC-3 and E-AC-3. Required for arrays.
    format : str, Layout or AmbisonicFormat, optional
        Format of the channels. By default mono for 1 channel, stereo for 2; more have mask 0.
    subtype : str, optional
        Encoding: "FLOAT" (default), "DOUBLE", "PCM_16" or "PCM_24" for .wav; "PCM_24" (default) or
        "PCM_16" for .flac, also "FLOAT" for .caf and .mov; "VORBIS" (default for mono and stereo)
        or "OPUS" for .ogg; "AAC" (default) or "ALAC" for .m4a, also "OPUS" (default for
        Ambisonics), "FLAC", "EAC3" and "AC3" for .mp4; "FLAC" (default) or "OPUS" for .mka. For
        .webm and .mka also "OPUS_DISCRETE": channels without layout, such as 7.1.4 for a player
        of your own.
    bit_rate : int, optional
        Bit rate of all channels together in bit/s, for Opus, AAC, AC-3 and E-AC-3. By default that
        of each channel is 80000 for Opus (24000 for the LFE), 96000 for AAC (32000 for the LFE) and
        128000 for AC-3 and E-AC-3 (0 for the LFE).
    dither : {None, "tpdf"}
        Noise added to PCM before rounding. None: integers are reproduced exactly, and silence
        remains silent. "tpdf": triangular noise two steps wide, which makes the error independent
        of the signal (recommended for playback at 16 bits).
    seed : int
        Seed of the dither.
    peak_guard : bool
        Whether to scale all samples down, with a warning, if any exceeds -1 to 1 and the encoding
        is not FLOAT or DOUBLE, which are never scaled. By default such samples raise an error.
    adm : bool
        Whether to describe the channels by the Audio Definition Model (.wav only, PCM_24 or
        PCM_16): an ADM BWF file, BW64 above 4 GiB, for renderers and workstations that read ITU-R
        BS.2076. See `spatialkit.objects.write_adm` for objects.
    tags : Tags or mapping of str to (iterable of) str, optional
        Tags of the file, such as ``{"title": "Song", "artist": ["A", "B"]}``; by default those of
        an `Audio`, without ReplayGain and others about its old encoding.
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    AudioFileError
        If the file exists, cannot be written, or does not support the number of channels or
        samples.
    ShapeError
        If the number of channels is not that of ``format``.
    SignalError
        If samples are not float32 or float64, are NaN or infinite, or exceed -1 to 1 without
        ``peak_guard`` in an encoding other than FLOAT and DOUBLE: nothing is clipped.
    OptionError, LayoutError
        If another argument is not accepted.

    Warns
    -----
    SpatialkitWarning
        If the peak guard scaled the samples, or if the file cannot contain the format: Ambisonics
        and layouts without mask in FLAC, labels with control characters in WAV, any layout in
        OPUS_DISCRETE; if it cannot contain all tags; and if a stream of AC-3 or E-AC-3 cannot
        contain its delay.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from spatialkit.files import info
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/silence.wav", np.zeros((6, 480)), 48000, format="5.1")
    ...     hex(info(f"{folder}/silence.wav").wave_mask)
    '0x60f'
    """
    check_target(as_path(path), overwrite)
    if tags is None and isinstance(samples, Audio):
        tags = carried_over(samples.tags)[0]
    name = f"samples of {path}"
    samples, sample_rate, format = unpack_audio(
        samples, sample_rate=sample_rate, format=format, name="samples"
    )
    if sample_rate is None:
        raise OptionError("sample_rate is missing; specify it in Hz, or pass an Audio")
    format = None if format is None else get_format(format)
    array = as_samples(samples, name, format)
    target = make_target(
        path,
        sample_rate,
        format=format,
        channels=len(array),
        samples=array.shape[1],
        subtype=subtype,
        bit_rate=bit_rate,
        dither=dither,
        seed=seed,
        tags=tags,
        overwrite=overwrite,
        adm=adm,
    )
    warn_tags(target, tags, stacklevel=3)
    warn_ambiguous(target, format, stacklevel=3)
    peak = peak_of(array, name)
    if peak_guard and target.guarded:
        gain = guard_gain(peak, target, stacklevel=3)
    else:
        gain = 1.0
        require_level(peak, target, name)
    with replacing(target.path, overwrite) as file, AudioWriter(file, target) as writer:
        for start in range(0, array.shape[1], BLOCK_SIZE):
            block = array[:, start : start + BLOCK_SIZE]
            writer.write(block if gain == 1.0 else block * gain)


@contextmanager
def write_stream(
    path: StrPath,
    sample_rate: float,
    *,
    format: str | Format | None = None,
    channels: int | None = None,
    samples: int | None = None,
    subtype: Subtype | None = None,
    bit_rate: int | None = None,
    dither: Dither | None = None,
    seed: int = 0,
    peak_guard: bool = False,
    rescale: bool = False,
    adm: bool | AdmContent = False,
    tags: Tags | Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Iterator[AudioWriter]:
    """Write an audio file block by block: context manager with the options of `write`.

    The file appears under its name at the end of the ``with`` statement; after an error no file
    exists. Only one block is held in memory.

    Parameters
    ----------
    path : str or path
        As for `write`.
    sample_rate : int
        Sample rate in Hz.
    format : str, Layout or AmbisonicFormat, optional
        Format of the channels.
    channels : int, optional
        Number of channels; required without ``format``.
    samples : int, optional
        Number of samples per channel; another number written is an error. If omitted, a WAV file
        reserves space in its header and becomes RF64 if it exceeds 4 GiB.
    subtype, bit_rate, dither, seed, tags, overwrite
        As for `write`.
    adm : bool or AdmContent
        As for `write`; an `spatialkit.files.adm.AdmContent` describes several beds and objects.
    peak_guard : bool
        As for `write`. Because the peak is known only at the end, the samples are buffered in a
        temporary file in the same directory, in the precision of the first block.
    rescale : bool
        Whether `AudioWriter.scale` may set a gain for all samples up to the end of the ``with``
        statement; the samples are buffered as for ``peak_guard``.

    Yields
    ------
    AudioWriter
        Its ``write`` accepts the blocks; after the end ``gain_db`` is the gain of the peak guard.

    Raises
    ------
    AudioFileError, ShapeError, SignalError, OptionError, LayoutError
        As for `write`; `ShapeError` also if the number of samples is not ``samples``.

    Warns
    -----
    SpatialkitWarning
        As for `write`.

    Examples
    --------
    Write a file with half the amplitude, in 24 bits:

    >>> import tempfile
    >>> from spatialkit.files import info, stream
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
        bit_rate=bit_rate,
        dither=dither,
        seed=seed,
        tags=tags,
        overwrite=overwrite,
        adm=adm,
    )
    warn_tags(target, tags, stacklevel=4)
    warn_ambiguous(target, format, stacklevel=4)
    with (
        replacing(target.path, overwrite) as file,
        AudioWriter(
            file, target, peak_guard=peak_guard and target.guarded, rescale=rescale
        ) as writer,
    ):
        yield writer
