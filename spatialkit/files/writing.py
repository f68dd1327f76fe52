"""Sound files out: encoded block by block, complete under their name or not there at all."""

from __future__ import annotations

import os
import secrets
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import (
    AudioFileError,
    LayoutError,
    OptionError,
    ShapeError,
    SignalError,
    SpatialkitWarning,
)
from spatialkit.files import wave
from spatialkit.files.encoders import Target, encoder_for
from spatialkit.files.reading import BLOCK
from spatialkit.layouts import AmbisonicFormat, Format, channel_map, channels_of, get_format
from spatialkit.validation import as_audio, as_choice, as_count, require_finite

SUBTYPES = {
    ".wav": tuple(wave.WAVE_ENCODINGS),
    ".flac": ("PCM_24", "PCM_16"),
    ".ogg": ("VORBIS", "OPUS"),
    ".opus": ("OPUS",),
}
MOST_FLAC_CHANNELS = 8
# Samples of each channel that are encoded at a time: what is made of them stays in the cache.
_ENCODED = 8192
HIGHEST_RATES = {"FLAC": 655350, "VORBIS": 200000}
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)


def make_target(
    path: str | os.PathLike[str],
    sample_rate: int,
    *,
    format: str | Format | None,
    channels: int | None,
    samples: int | None,
    subtype: str | None,
    dither: str | None,
    seed: int,
    overwrite: bool,
) -> Target:
    """Check everything that can be checked before the first sample."""
    path = Path(path)
    check_target(path, overwrite)
    kind = path.suffix.lower()
    subtype = subtype_of(kind, subtype)
    if dither is not None:
        dither = as_choice(dither, "dither", ("tpdf",))
        if not subtype.startswith("PCM"):
            raise OptionError(f"dither is for PCM, not for {subtype}: leave it out")
    if format is not None:
        format = get_format(format)
        if channels not in (None, format.n_channels):
            raise ShapeError(f"channels is {channels}, {format.name!r} has {format.n_channels}")
        channels = format.n_channels
    if channels is None:
        raise OptionError("format or channels must say how many channels are written")
    if samples is not None:
        as_count(samples, "samples", minimum=0)
    order, mask = _stored_order(as_count(channels, "channels"), format)
    as_count(seed, "seed", minimum=0)
    target = Target(path, sample_rate, channels, samples, subtype, dither, seed, order, mask)
    {".wav": _check_wave, ".flac": _check_flac}.get(kind, _check_ogg)(target)
    return target


def subtype_of(kind: str, subtype: str | None) -> str:
    """Encoding of a file with the suffix ``kind``: the one asked for, or the default."""
    return as_choice(subtype or SUBTYPES[kind][0], f"subtype of {kind}", SUBTYPES[kind])


def note_unsaid(target: Target, format: str | Format | None, stacklevel: int) -> None:
    """Tell what a FLAC file, which always means loudspeakers, cannot say."""
    if target.kind == ".flac" and format is not None and not target.mask:
        warnings.warn(
            f"{target.path}: FLAC cannot say that its channels are {get_format(format).name}, and "
            "other programs take them for ordinary loudspeakers: write .wav",
            SpatialkitWarning,
            stacklevel=stacklevel,
        )


def check_target(path: Path, overwrite: bool) -> None:
    """Refuse a path to which `write` cannot, or must not, write."""
    if path.suffix.lower() not in SUBTYPES:
        raise AudioFileError(f"{path} must end in .wav, .flac, .ogg or .opus: these are written")
    if os.path.exists(path):
        if not os.path.isfile(path):
            raise AudioFileError(f"{path} cannot be written: it is no file")
        if not overwrite:
            raise AudioFileError(f"{path} exists: pass overwrite=True to replace it")
    elif not os.path.isdir(path.parent):
        raise AudioFileError(f"{path} cannot be written: there is no folder {path.parent}")


def _stored_order(channels: int, format: Format | None) -> tuple[NDArray[np.intp] | None, int]:
    if format is None:
        return None, wave.COMMON_MASKS.get(channels, 0)
    if isinstance(format, AmbisonicFormat) or format.wave_mask:
        return None, getattr(format, "wave_mask", 0)
    try:
        stored = format.in_order("wave")
    except LayoutError:
        return None, 0
    return (channel_map(format, stored), stored.wave_mask) if stored.wave_mask else (None, 0)


def _check_wave(target: Target) -> None:
    bits = wave.WAVE_ENCODINGS[target.subtype][1]
    if target.channels * bits // 8 > 0xFFFF:
        raise AudioFileError(
            f"{target.path}: WAV holds up to {0xFFFF * 8 // bits} channels of {target.subtype}, "
            f"not {target.channels}"
        )
    most = wave.LARGEST_SIZE // (target.channels * bits // 8)
    as_count(target.sample_rate, "sample_rate", maximum=most)


def _check_flac(target: Target) -> None:
    as_count(target.sample_rate, "sample_rate", maximum=HIGHEST_RATES["FLAC"])
    if target.channels > MOST_FLAC_CHANNELS:
        raise AudioFileError(
            f"{target.path}: FLAC holds up to 8 channels, not {target.channels}: write .wav"
        )
    _require_samples(target, target.samples)


def _check_ogg(target: Target) -> None:
    if target.channels > 2:
        raise AudioFileError(
            f"{target.path}: surround is not written to Ogg: libsndfile hands the channels to the "
            "codec in the wrong order, so that centre and right change places and another channel "
            "is filtered as the LFE: write .wav or .flac"
        )
    if target.mask != wave.COMMON_MASKS[target.channels]:
        raise AudioFileError(
            f"{target.path}: Ogg says mono or stereo of {target.channels} channels, nothing else: "
            "write .wav"
        )
    if target.subtype == "OPUS" and target.sample_rate not in OPUS_RATES:
        raise OptionError(
            f"sample_rate must be one of {', '.join(map(str, OPUS_RATES))} for Opus, got "
            f"{target.sample_rate!r}: read(..., sample_rate=48000) converts"
        )
    as_count(target.sample_rate, "sample_rate", maximum=HIGHEST_RATES["VORBIS"])
    _require_samples(target, target.samples)


def _require_samples(target: Target, samples: int | None) -> None:
    if samples == 0 and target.kind != ".wav":
        name = target.kind[1:].capitalize() if target.kind != ".flac" else "FLAC"
        raise AudioFileError(f"{target.path}: {name} cannot hold 0 samples: write .wav")


class AudioWriter:
    """A sound file that is being written block by block, made by `write_stream`.

    Attributes
    ----------
    subtype : str
        Encoding.
    samples : int
        Written so far.
    gain_db : float
        By how much the peak guard has scaled the file, known once it is complete; 0 if it has not.
    """

    def __init__(self, file: BinaryIO, target: Target, *, peak_guard: bool = False) -> None:
        self.subtype = target.subtype
        self.samples = 0
        self.gain_db = 0.0
        self._target = target
        self._whole = True
        self._spool = _Spool(target) if peak_guard else None
        with writing_errors(target.path):
            self._encoder = encoder_for(file, target)

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._whole = False
            self._encoder.close()
            if self._spool is not None:
                with suppress(OSError):  # of a full disk, told already
                    self._spool.file.close()

    def write(self, samples: ArrayLike) -> None:
        """Write a block of any length.

        Parameters
        ----------
        samples : array_like of float, shape (channels, n), or (n,) for one channel

        Raises
        ------
        ShapeError
            If the number of channels is wrong, or there are more samples than announced.
        SignalError
            If samples are no floats, NaN or infinite, or beyond -1 to 1 where these are refused.
        AudioFileError
            If the disk is full or otherwise fails.
        """
        whole, self._whole = self._whole, False  # after an error the file stays incomplete
        target = self._target
        name = f"samples of {target.path}"
        block = as_audio(as_samples(samples, name), name, channels=target.channels)
        end = self.samples + block.shape[1]
        if target.samples is not None and end > target.samples:
            raise ShapeError(f"{name} must be {target.samples}, as announced, got {end}")
        since = f" from sample {self.samples} on" if self.samples else ""
        peak = peak_of(block, name + since)
        if self._spool is None:
            require_level(peak, target, name + since)
            self._put(block)
        else:
            self._spool.put(block, peak)
        self.samples, self._whole = end, whole

    def _put(self, block: NDArray[Any]) -> None:
        with writing_errors(self._target.path):
            for start in range(0, block.shape[1], _ENCODED):
                part = block[:, start : start + _ENCODED]
                self._encoder.put(part if self._target.order is None else part[self._target.order])

    def _finish(self) -> None:
        target = self._target
        if not self._whole:
            raise AudioFileError(f"{target.path} is not written: a block of it has failed")
        if target.samples not in (None, self.samples):
            raise ShapeError(
                f"samples of {target.path} must be {target.samples}, as announced, "
                f"got {self.samples}"
            )
        _require_samples(target, self.samples)
        if self._spool is not None:
            gain = guard_gain(self._spool.peak, target, stacklevel=6)
            self.gain_db = 20.0 * float(np.log10(gain))
            for block in self._spool.blocks():
                self._put(block * gain if gain != 1.0 else block)
        with writing_errors(target.path):
            self._encoder.finish(self.samples)


class _Spool:
    """Blocks on disk until their peak is known: a file without a name beside the target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.peak = 0.0
        self.dtype: np.dtype[Any] | None = None
        with writing_errors(target.path):
            self.file = tempfile.TemporaryFile(dir=target.path.parent)  # noqa: SIM115

    def put(self, block: NDArray[Any], peak: float) -> None:
        """Keep a block, in the precision of the first."""
        self.peak = max(self.peak, peak)
        self.dtype = self.dtype or block.dtype
        with writing_errors(self.target.path):
            self.file.write(np.ascontiguousarray(block.T, self.dtype).tobytes())

    def blocks(self) -> Iterator[NDArray[Any]]:
        """All that was kept, again in blocks."""
        with writing_errors(self.target.path):
            self.file.seek(0)
        if self.dtype is not None:
            size = BLOCK * self.target.channels * self.dtype.itemsize
            while data := self.file.read(size):
                yield np.frombuffer(data, self.dtype).reshape(-1, self.target.channels).T


def as_samples(samples: ArrayLike, name: str, format: Format | None = None) -> NDArray[Any]:
    """``samples`` as an array (channels, n)."""
    array = np.atleast_2d(as_audio(samples, name, allow_mono=True))
    if format is not None:
        channels_of(array, format, name)
    if array.ndim != 2 or not len(array):
        raise ShapeError(f"{name} must have shape (channels, samples), got {array.shape}")
    return array


def peak_of(samples: NDArray[Any], name: str) -> float:
    """Largest magnitude of finite samples."""
    require_finite(samples, name)
    return float(max(samples.max(initial=0.0), -samples.min(initial=0.0)))


def require_level(peak: float, target: Target, name: str) -> None:
    """Refuse what the encoding would clip or spoil."""
    if peak > target.full_scale:
        advice = (
            "write a WAV file of subtype DOUBLE"
            if target.subtype == "FLOAT"
            else "pass peak_guard=True, or write a WAV file of subtype FLOAT"
        )
        raise SignalError(
            f"{name} reach {peak:.6g}, {target.subtype} holds {target.full_scale:.6g}: scale them "
            f"down, or {advice}"
        )


def guard_gain(peak: float, target: Target, stacklevel: int) -> float:
    """Gain that keeps a peak in range, 1 if none is needed; what it does is told."""
    if peak <= target.full_scale:
        return 1.0
    # Two steps below full scale there is room for dither and rounding.
    gain = (1.0 - 2.0 ** (2 - (target.bits or 16))) / peak
    warnings.warn(
        f"samples of {target.path} reach {peak:.6g}, {target.subtype} holds 1: all are scaled by "
        f"{20.0 * np.log10(gain):.2f} dB",
        SpatialkitWarning,
        stacklevel=stacklevel,
    )
    return gain


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` once it is complete, and else is gone."""
    part = path.with_name(f".spatialkit-{secrets.token_hex(6)}.part")
    with writing_errors(path):
        file = part.open("x+b")
    try:
        try:
            yield file
            with writing_errors(path):
                file.flush()
                os.fsync(file.fileno())
        finally:
            with writing_errors(path):
                file.close()
        check_target(path, overwrite)  # again: the work may have taken hours
        with writing_errors(path):
            os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def writing_errors(path: Path) -> Iterator[None]:
    """Errors of writing in our words."""
    try:
        yield
    except AudioFileError:
        raise
    except OSError as error:
        raise AudioFileError(f"{path} cannot be written: {error.strerror}") from error
