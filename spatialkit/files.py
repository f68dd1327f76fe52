"""Sound files: channels-first arrays with their format, in and out. The only place that transposes.

WAV and FLAC are written with the channel mask of their layout, channels in the order that the
container demands; both are put right by label, never by position. Read is whatever libsndfile
reads (WAV, FLAC, Ogg Vorbis and Opus, AIFF, CAF, MP3 ...).
"""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit import _containers
from spatialkit._checks import as_audio, as_choice, as_count, require_finite
from spatialkit._labels import VORBIS_SYSTEMS
from spatialkit.channel_order import channel_map
from spatialkit.errors import (
    AudioFileError,
    LayoutError,
    ShapeError,
    SignalError,
    SpatialkitWarning,
)
from spatialkit.layouts import AmbisonicFormat, Layout, get_format, get_layout, layout_names

__all__ = ["Audio", "FileInfo", "info", "read", "write"]

Format = Layout | AmbisonicFormat

SUBTYPES = {".wav": tuple(_containers.WAVE_ENCODINGS), ".flac": ("PCM_24", "PCM_16")}
MOST_FLAC_CHANNELS = 8
HIGHEST_FLAC_RATE = 655350
# 7.1 with wides in WAVE, and what libsndfile and others write for any 8 channels.
DOUBTFUL_MASK = 0xFF
# Ogg has no mask: the number of channels says what they are (RFC 7845; Vorbis I, section 4.3.9).
_VORBIS_LAYOUTS = {n: name for n, name in enumerate(VORBIS_SYSTEMS, start=1) if n > 2}


@dataclass(frozen=True, eq=False)
class Audio:
    """Sound of a file.

    Parameters
    ----------
    samples : ndarray of float, shape (channels, samples)
        Full scale of integer files is -1 to 1.
    sample_rate : int
        Hz.
    format : Layout or AmbisonicFormat, optional
        What the channels are; None if the file does not say.
    """

    samples: NDArray[Any]
    sample_rate: int
    format: Format | None = None

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples.shape[-1] / self.sample_rate


@dataclass(frozen=True)
class FileInfo:
    """What a sound file says about itself.

    Parameters
    ----------
    path : Path
    container, subtype : str
        As libsndfile calls them: "WAV" and "PCM_24", "OGG" and "VORBIS".
    sample_rate : int
        Hz.
    channels, samples : int
    format : Layout, optional
        What `read` gives as the format; None if the file does not say.
    wave_mask : int, optional
        Channel mask in the file; None if it has none.
    """

    path: Path
    container: str
    subtype: str
    sample_rate: int
    channels: int
    samples: int
    format: Layout | None
    wave_mask: int | None

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples / self.sample_rate


def read(
    path: str | os.PathLike[str],
    *,
    format: str | Format | None = None,
    dtype: str = "float32",
) -> Audio:
    """Read a sound file.

    What the channels are comes from the channel mask (WAV, FLAC), from the container's own rule
    (FLAC and Ogg up to 8 channels), or is mono or stereo. Anything else has format None: a number
    of channels alone does not tell 7.1 from 5.1.2. The surround orders of Vorbis and Opus are
    turned into that of WAVE.

    Parameters
    ----------
    path : str or path
    format : str, Layout or AmbisonicFormat, optional
        What the channels are, in the order of the file, whatever the file says: "ambix1" for
        Ambisonics, a layout for a file without a mask.
    dtype : {"float32", "float64"}

    Returns
    -------
    Audio
        Samples of shape (channels, samples).

    Raises
    ------
    AudioFileError
        If there is no such file, it is no sound file, it is cut short, its mask contradicts its
        number of channels, or ``format`` does.

    Warns
    -----
    SpatialkitWarning
        If the mask is 0xFF, 7.1 with FLC and FRC: many programs write it for any 8 channels.
        ``format`` says which they are.

    Examples
    --------
    >>> from spatialkit.sample import sample_path
    >>> audio = read(sample_path())
    >>> audio.samples.shape, audio.sample_rate, audio.format
    ((2, 1323000), 44100, Layout('stereo': FL FR))
    """
    as_choice(dtype, "dtype", ("float32", "float64"))
    path = Path(path)
    facts, order = _inspect(path)
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
            stacklevel=2,
        )
    return Audio(_read_samples(facts, order, dtype), facts.sample_rate, known)


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
    return _inspect(Path(path))[0]


def write(
    path: str | os.PathLike[str],
    samples: ArrayLike,
    sample_rate: int,
    *,
    format: str | Format | None = None,
    subtype: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a WAV or FLAC file: all of it, or nothing.

    A layout is written with its channel mask, its channels reordered by label if they are not in
    the order of WAVE ("paper5" becomes FL FR FC SL SR, mask 0x607). Ambisonics, and layouts that
    no mask describes, are written as they are with mask 0. The file appears under its name when
    it is complete.

    Parameters
    ----------
    path : str or path
        Ends in ".wav" or ".flac" (up to 8 channels).
    samples : array_like of float, shape (channels, samples) or (samples,)
    sample_rate : int
        Hz.
    format : str, Layout or AmbisonicFormat, optional
        What the channels are. By default 1 is mono, 2 is stereo, and more have mask 0.
    subtype : str, optional
        "FLOAT" (the default), "DOUBLE", "PCM_16" or "PCM_24" in WAV; "PCM_24" (the default) or
        "PCM_16" in FLAC. The PCM ones are rounded, not dithered.
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    AudioFileError
        If the file exists, cannot be written, or cannot hold so much.
    ShapeError
        If the number of channels is not that of ``format``.
    SignalError
        If samples are no floats, NaN or infinite, or beyond -1 to 1 in PCM: nothing is clipped.
    OptionError
        If the subtype or sample rate is not accepted.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/silence.wav", np.zeros((6, 480)), 48000, format="5.1")
    ...     hex(info(f"{folder}/silence.wav").wave_mask)
    '0x60f'
    """
    path = Path(path)
    check_target(path, overwrite)
    kind = path.suffix.lower()
    subtype = as_choice(subtype or SUBTYPES[kind][0], "subtype", SUBTYPES[kind])
    format = None if format is None else get_format(format)
    samples = _as_samples(samples, path, format)
    order, mask = _wave_order(len(samples), format)
    check = _check_flac if kind == ".flac" else _check_wave
    check(path, samples, sample_rate, subtype)
    _check_level(path, samples, subtype)
    put = _containers.put_flac if kind == ".flac" else _containers.put_wave
    with _replacing(path) as file:
        put(file, samples, order, int(sample_rate), subtype, mask)


def check_target(path: Path, overwrite: bool) -> None:
    """Refuse a path to which `write` cannot, or must not, write."""
    if path.suffix.lower() not in SUBTYPES:
        raise AudioFileError(f"{path} must end in .wav or .flac: these are written")
    if os.path.exists(path):
        if not os.path.isfile(path):
            raise AudioFileError(f"{path} cannot be written: it is no file")
        if not overwrite:
            raise AudioFileError(f"{path} exists: pass overwrite=True to replace it")
    elif not os.path.isdir(path.parent):
        raise AudioFileError(f"{path} cannot be written: there is no folder {path.parent}")


# Reading


def _inspect(path: Path) -> tuple[FileInfo, NDArray[np.intp] | None]:
    """Facts of a file, and which of its channels comes where (None: as they are)."""
    mask, vorbis = None, True
    try:
        with path.open("rb") as file:
            kind = file.read(4)
            if not kind:
                raise AudioFileError(f"{path} is empty")
            if kind in (b"RIFF", b"RF64"):
                mask, announced, there = _containers.wave_mask(file)
                if announced > there:
                    raise AudioFileError(
                        f"{path} is cut short: its header announces {announced} bytes of sound, "
                        f"{there} are there"
                    )
            elif kind == b"fLaC":
                mask = _containers.flac_mask(file)
            elif kind == b"OggS":
                vorbis = _containers.opus_says_order(file)
    except AudioFileError:
        raise
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
    with _opened(path) as file:
        container = "WAV" if file.format == "WAVEX" else file.format
        layout, order = _stored_layout(container, file.channels, mask, vorbis)
        facts = FileInfo(
            path, container, file.subtype, file.samplerate, file.channels, file.frames, layout, mask
        )
    return facts, order


def _stored_layout(
    container: str, channels: int, mask: int | None, vorbis: bool
) -> tuple[Layout | None, NDArray[np.intp] | None]:
    """Layout that is read from a file, and the file's channels in its order."""
    if container == "OGG" and channels in _VORBIS_LAYOUTS:
        layout = get_layout(_VORBIS_LAYOUTS[channels])
        return (layout, channel_map(layout.in_order("vorbis"), layout)) if vorbis else (None, None)
    if mask is None and container == "FLAC":
        mask = _containers.FLAC_MASKS[channels]
    mask = mask or _containers.COMMON_MASKS.get(channels, 0)
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


def _read_samples(
    facts: FileInfo, order: NDArray[np.intp] | None, dtype: str
) -> NDArray[np.floating]:
    """Samples of a file, held once: block by block they are turned and put in order."""
    samples = np.empty((facts.channels, facts.samples), dtype)
    end = 0
    with _opened(facts.path) as file:
        while end < facts.samples:
            count = min(_containers.BLOCK, facts.samples - end)
            block = file.read(count, dtype, always_2d=True).T
            if not block.size:
                break
            start, end = end, end + block.shape[1]
            samples[:, start:end] = block if order is None else block[order]
    if end < facts.samples:
        raise AudioFileError(
            f"{facts.path} is cut short: it announces {facts.samples} samples and holds {end}"
        )
    return samples


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open for reading with libsndfile, its errors in our words."""
    import soundfile

    try:
        with path.open("rb") as binary, soundfile.SoundFile(binary) as file:
            yield file
    except (soundfile.SoundFileError, TypeError) as error:
        raise AudioFileError(f"{path} is damaged, or no sound file that can be read") from error
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error


# Writing


def _as_samples(samples: ArrayLike, path: Path, format: Format | None) -> NDArray[Any]:
    name = f"samples of {path}"
    array = np.atleast_2d(as_audio(samples, name, allow_mono=True))
    if format is not None:
        as_audio(array, name, channels=format.n_channels, of=f"{format.name!r}")
    if array.ndim != 2 or not len(array):
        raise ShapeError(f"{name} must have shape (channels, samples), got {array.shape}")
    return array


def _wave_order(channels: int, format: Format | None) -> tuple[NDArray[np.intp] | None, int]:
    """Channels in the order in which they are stored (None: as they are), and their mask."""
    if format is None:
        return None, _containers.COMMON_MASKS.get(channels, 0)
    if isinstance(format, AmbisonicFormat) or format.wave_mask:
        return None, getattr(format, "wave_mask", 0)
    try:
        stored = format.in_order("wave")
    except LayoutError:
        return None, 0
    return (channel_map(format, stored), stored.wave_mask) if stored.wave_mask else (None, 0)


def _check_wave(path: Path, samples: NDArray[Any], sample_rate: int, subtype: str) -> None:
    channels, count = samples.shape
    frame = channels * _containers.WAVE_ENCODINGS[subtype][1] // 8
    as_count(sample_rate, "sample_rate", most=_containers.LARGEST_SIZE // frame)
    _, size = _containers.wave_header(channels, count, sample_rate, subtype, 0)
    if size - 8 > _containers.LARGEST_SIZE:
        raise AudioFileError(
            f"{path} would hold {size / 2**30:.1f} GiB, a WAV file at most 4: write FLAC, fewer "
            "bits, or parts"
        )


def _check_flac(path: Path, samples: NDArray[Any], sample_rate: int, subtype: str) -> None:
    channels, count = samples.shape
    as_count(sample_rate, "sample_rate", most=HIGHEST_FLAC_RATE)
    if channels > MOST_FLAC_CHANNELS:
        raise AudioFileError(f"{path}: FLAC holds up to 8 channels, not {channels}: write .wav")
    if not count:
        raise AudioFileError(f"{path}: FLAC cannot hold 0 samples: write .wav")


def _check_level(path: Path, samples: NDArray[Any], subtype: str) -> None:
    """Refuse what the encoding would clip or spoil."""
    name = f"samples of {path}"
    with np.errstate(over="ignore", invalid="ignore"):  # in the sum that is looked at first
        require_finite(samples, name)
    limit = {"FLOAT": float(np.finfo(np.float32).max), "DOUBLE": np.inf}.get(subtype, 1.0)
    peak = max(samples.max(initial=0.0), -samples.min(initial=0.0))
    if peak > limit:
        wider = "DOUBLE" if subtype == "FLOAT" else "FLOAT"
        raise SignalError(
            f"{name} reach {peak:.6g}, {subtype} holds {limit:.6g}: scale them down, or write a "
            f"WAV file of subtype {wider}"
        )


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` once it is complete, and else is gone."""
    part = path.with_name(f".spatialkit-{secrets.token_hex(6)}.part")
    try:
        try:
            with part.open("x+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise AudioFileError(f"{path} cannot be written: {error.strerror}") from error
