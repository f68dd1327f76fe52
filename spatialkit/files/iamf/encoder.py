"""Encoder of IAMF files, standalone and in MP4."""

from __future__ import annotations

from array import array
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError, OptionError
from spatialkit.files.encoders import Quantizer
from spatialkit.files.formats import Target
from spatialkit.files.iamf import boxes, coding, obu, tables
from spatialkit.files.iamf.descriptors import Loudness, substreams_of, write_descriptors
from spatialkit.layouts import Format, Layout, get_format
from spatialkit.sample_queue import SampleQueue
from spatialkit.validation import extra

__all__ = ["IamfEncoder", "Meter", "iamf_problem", "stored_format"]

# Sample rates in Hz of PCM and FLAC, and of Opus.
_RATES = {"OPUS": (48000,)}
_LOSSLESS_RATES = (16000, 32000, 44100, 48000, 96000)
# Default bit rate of Opus in bit/s for each channel, and for the LFE.
_CHANNEL_BIT_RATE, _LFE_BIT_RATE = 80000, 24000
_UNKNOWN = Loudness(0.0, 0.0, 0.0)


class Meter(Protocol):
    """Meter of the loudness of a mix, which is in a folder above this one."""

    layouts: list[tables.IamfLayout]

    def add(self, block: NDArray[Any]) -> None:
        """Measure the next samples (channels, n)."""

    def finish(self) -> list[Loudness]:
        """Return the loudness on each layout."""


class IamfEncoder:
    """Encoder of IAMF: one bed or scene in one mix, from blocks (channels, n).

    Parameters
    ----------
    file : binary file
    target : Target
        Its file format has the name "iamf", or "iamf-mp4" for IAMF in MP4.
    meter : Meter
        Meter of the blocks.
    """

    def __init__(self, file: BinaryIO, target: Target, meter: Meter) -> None:
        self._file, self._target = file, target
        self._in_mp4 = target.file_format.name == "iamf-mp4"
        self._format = stored_format(target)
        self._channels, self._order = substreams_of(self._format)
        self._quantized = Quantizer(target) if target.bits else None
        self._open_coders()
        self._meter = meter
        self._queue, self._packets = SampleQueue(), [list[bytes]() for _ in self._channels]
        self._units, self._sizes = 0, array("I")
        self._reserved = 0
        if self._in_mp4:
            file.write(boxes.FILE_TYPE)
            if target.samples is not None:
                self._reserved = len(self._movie(target.samples, None))
            file.write(bytes(self._reserved) + boxes.media_head(0))
        else:
            file.write(self._descriptors(None))

    def _open_coders(self) -> None:
        target, rate = self._target, self._target.sample_rate
        self._delay = 0
        if target.subtype.startswith("PCM"):
            self._codec = coding.lpcm_codec(target.bits, rate)
            size = self._codec.frame_size
            self._coders: list[coding.Coder] = [
                coding.LpcmCoder(target.bits, size) for _ in self._channels
            ]
            return
        try:
            import av  # noqa: F401
        except ImportError as error:
            raise AudioFileError(
                f"{target.path} (IAMF, {target.subtype}) needs {extra('av')}"
            ) from error
        rates = self._bit_rates()
        name = "flac" if target.subtype == "FLAC" else "libopus"
        coders = [
            coding.AvCoder(name, channels, rate, bit_rate)
            for channels, bit_rate in zip(self._channels, rates, strict=True)
        ]
        self._coders = list(coders)
        if name == "flac":
            self._codec = coding.flac_codec(coders[0], rate, target.bits)
        else:
            self._codec, self._delay = coding.opus_codec(coders[0])

    def _bit_rates(self) -> list[int | None]:
        """Return the bit rate of each substream; the LFE has a fraction of that of others."""
        if self._target.subtype != "OPUS":
            return [None] * len(self._channels)
        is_lfe = np.zeros(len(self._order), bool)
        if isinstance(self._format, Layout):
            is_lfe = self._format.is_lfe[self._order]
        each = np.where(is_lfe, _LFE_BIT_RATE, _CHANNEL_BIT_RATE).astype(float)
        if self._target.bit_rate is not None:
            each *= self._target.bit_rate / each.sum()
        starts = np.cumsum([0, *self._channels[:-1]])
        return [max(6000, int(rate)) for rate in np.add.reduceat(each, starts)]

    def put(self, block: NDArray[Any]) -> None:
        """Encode and write a block (channels, n)."""
        self._meter.add(block)
        ordered = block[self._order]
        if self._quantized is not None:
            ordered = self._quantized(ordered.T).T
        self._queue.append(ordered)
        size = self._codec.frame_size
        whole = len(self._queue) // size * size
        if whole:
            self._encode(self._queue.take(whole))

    def finish(self, samples: int) -> None:
        """Complete the file, which has ``samples`` samples per channel."""
        size = self._codec.frame_size
        coded = -(-(samples + self._delay) // size) * size
        padding = coded - samples
        rest = self._queue.take() if len(self._queue) else None
        dtype = np.int32 if self._quantized is not None else np.float32
        last = np.zeros((len(self._order), padding), dtype if rest is None else rest.dtype)
        if rest is not None:
            last = np.concatenate([rest, last], axis=1)
        if last.shape[1]:
            self._encode(last, trim_end=coded - self._delay - samples)
        self._write(coded - self._delay - samples, coded // size)
        if self._units * size != coded:
            raise AudioFileError(f"{self._target.path} cannot be written: the codec lost a frame")
        loudness = self._meter.finish()
        if self._in_mp4:
            self._finish_mp4(samples, loudness)
        else:
            self._file.seek(0)
            self._file.write(self._descriptors(loudness))

    def close(self) -> None:
        """Release the encoder; called after errors as well."""

    def _descriptors(self, loudness: list[Loudness] | None) -> bytes:
        """Return the descriptors; unknown values of loudness have the same size."""
        target, layouts = self._target, self._meter.layouts
        values = [_UNKNOWN] * len(layouts) if loudness is None else loudness
        pairs = list(zip(layouts, values, strict=True))
        name = target.path.name.partition(".")[0]
        return write_descriptors(self._format, self._codec, target.sample_rate, name, pairs)

    def _encode(self, frames: NDArray[Any], trim_end: int = 0) -> None:
        """Encode whole frames of all channels in the order of substreams."""
        start = 0
        for packets, coder, channels in zip(
            self._packets, self._coders, self._channels, strict=True
        ):
            packets += coder.encode(frames[start : start + channels].T)
            start += channels
        if not trim_end:
            self._write(0, 0)

    def _write(self, trim_end: int, last: int) -> None:
        """Write the temporal units that are complete; the unit before ``last`` is trimmed."""
        count = min(map(len, self._packets))
        for number in range(count):
            unit = [] if self._in_mp4 else [obu.obu(obu.TEMPORAL_DELIMITER, b"")]
            at_start = self._delay if not self._units else 0
            at_end = trim_end if self._units + 1 == last else 0
            for stream, packets in enumerate(self._packets):
                kind, content = obu.FIRST_AUDIO_FRAME + stream, packets[number]
                if stream >= obu.TYPED_SUBSTREAMS:
                    kind, content = obu.AUDIO_FRAME, obu.leb128(stream) + content
                unit.append(obu.obu(kind, content, trim_end=at_end, trim_start=at_start))
            data = b"".join(unit)
            self._file.write(data)
            self._sizes.append(len(data))
            self._units += 1
        for packets in self._packets:
            del packets[:count]

    def _movie(self, samples: int, loudness: list[Loudness] | None) -> bytes:
        """Return the box moov; its size depends on the number of samples only."""
        size = self._codec.frame_size
        units = -(-(samples + self._delay) // size)
        track = boxes.Samples(
            self._sizes if loudness else [0] * units, size, self._delay, samples, self._codec.roll
        )
        start = len(boxes.FILE_TYPE) + self._reserved + boxes.MEDIA_HEAD_SIZE
        return boxes.movie(self._descriptors(loudness), track, self._target.sample_rate, start)

    def _finish_mp4(self, samples: int, loudness: list[Loudness]) -> None:
        """Write the box moov before the audio, or after it if the length was not known."""
        movie = self._movie(samples, loudness)
        if not self._reserved:
            self._file.write(movie)
        self._file.seek(len(boxes.FILE_TYPE))
        if self._reserved:
            self._file.write(movie)
        self._file.write(boxes.media_head(sum(self._sizes)))


def stored_format(target: Target) -> Format:
    """Return the format of the blocks that an encoder receives."""
    form = target.format or get_format("mono" if target.channels == 1 else "stereo")
    if isinstance(form, Layout) and target.order is not None:
        return form.in_order("wave")
    return form


def iamf_problem(target: Target) -> str:
    """Return why a target cannot be IAMF, "" if it can."""
    if target.format is None and target.channels > 2:
        return f"IAMF specifies the format of its channels, got {target.channels} without format"
    if not tables.is_supported(stored_format(target)):
        name = target.format.name if target.format else ""
        return f"IAMF has {tables.names()}, got {name}"
    rates = _RATES.get(target.subtype, _LOSSLESS_RATES)
    if target.sample_rate not in rates:
        accepted = ", ".join(map(str, rates))
        raise OptionError(
            f"sample_rate must be one of {accepted} Hz for {target.subtype} in IAMF, got "
            f"{target.sample_rate!r}",
            python="; convert with read(..., sample_rate=48000) or files.resample",
            command_line="; add --sample-rate 48000",
        )
    return ""
