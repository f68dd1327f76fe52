"""Encoder of files with PyAV (FFmpeg; extra ``av``)."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError
from spatialkit.files import codecs, mp4_writing
from spatialkit.files.encoders import Quantizer, Sink
from spatialkit.files.formats import Target
from spatialkit.files.tags import matroska
from spatialkit.validation import extra

# Muxers of FFmpeg by name of the file format.
_MUXERS = {
    "m4a": "ipod",
    "mka": "matroska",
    "opus": "ogg",
    "ogg": "ogg",
    "wavpack": "wv",
}
# Packed samples that are passed to FFmpeg: PyAV fails with 8 planes and more.
_PACKED = {0: "flt", 16: "s16", 24: "s32"}
# Codecs whose encoder does not shorten the last packet to the audio in it.
_UNTRIMMED = ("AC3", "EAC3")
# Samples of a packet of codecs that have no frame size.
_FRAME_SIZE = 4096


class AvEncoder:
    """Encoder of files from blocks (channels, n), with PyAV.

    Delay and padding of the codec are stored as the container permits: the pre-skip and the final
    position in Ogg, codec delay and discarded padding in Matroska, the edit list and the duration
    of the last packet in MP4. A stream of AC-3 or E-AC-3 has no place for them.
    """

    def __init__(self, file: BinaryIO, target: Target) -> None:
        try:
            import av
        except ImportError as error:
            raise AudioFileError(
                f"{target.path} ({target.file_format.title}, {target.subtype}) needs {extra('av')}"
            ) from error
        self.file, self.target = file, target
        self.quantized = Quantizer(target) if target.bits else None
        self.sink = Sink(file)
        self.layout = codecs.ffmpeg_layout(target) or ""
        self.samples = 0
        self.pending: Any = None
        name = target.file_format.name
        with self.failures():
            self.container = av.open(
                self.sink, "w", format=_MUXERS.get(name, name), options=_muxer_options(target)
            )
            if target.file_format.tags == "matroska":
                self._add_tags()
            self.stream: Any = self.container.add_stream(
                codecs.codec_of(target).name,
                rate=target.sample_rate,
                layout=self.layout,
                options=codecs.encoder_options(target),
            )
            context: Any = self.stream.codec_context
            context.format = self._stored_format()
            bit_rate = codecs.bit_rate_of(target)
            if bit_rate is not None:
                context.bit_rate = bit_rate
            context.open()
            self.resampler = av.AudioResampler(
                context.format.name,
                self.layout,
                target.sample_rate,
                frame_size=context.frame_size or _FRAME_SIZE,
            )

    def _add_tags(self) -> None:
        """Add what FFmpeg writes before the audio."""
        self.container.metadata.update(matroska.metadata_of(self.target.tags))
        for number, picture in enumerate(self.target.tags.pictures):
            name = f"cover{number or ''}{picture.suffix}"
            self.container.add_attachment(name, picture.mime, picture.data)

    def _stored_format(self) -> Any:
        """Return the sample format of the encoder: integers for codecs without loss."""
        formats = [found.name for found in self.stream.codec_context.codec.audio_formats]
        wanted = _PACKED[self.target.bits]
        return next(
            (name for name in (wanted, wanted + "p") if name in formats),
            formats[0],
        )

    def put(self, block: NDArray[Any]) -> None:
        """Encode and write a block (channels, n)."""
        import av

        if not block.shape[1]:
            return
        if self.quantized is None:
            data: NDArray[Any] = np.ascontiguousarray(block.T, np.float32)
        elif self.target.bits == 16:
            data = self.quantized(block.T).astype(np.int16)
        else:
            data = self.quantized(block.T) << (32 - self.target.bits)
        with self.failures():
            frame = av.AudioFrame.from_ndarray(
                data.reshape(1, -1), format=_PACKED[self.target.bits], layout=self.layout
            )
            frame.sample_rate = self.target.sample_rate
            frame.time_base = Fraction(1, self.target.sample_rate)
            frame.pts = self.samples
            self.samples += block.shape[1]
            for part in self.resampler.resample(frame):
                self._mux(self.stream.encode(part))

    def _mux(self, packets: list[Any]) -> None:
        """Write packets, except for the last one so far."""
        for packet in packets:
            if self.pending is not None:
                self.container.mux(self.pending)
            self.pending = packet

    def finish(self, samples: int) -> None:
        """Complete the file, which has ``samples`` samples per channel."""
        with self.failures():
            for part in self.resampler.resample(None):
                self._mux(self.stream.encode(part))
            self._mux(self.stream.encode(None))
            if self.pending is not None:
                self._trim(self.pending, samples)
                self.container.mux(self.pending)
                self.pending = None
            self.container.close()
        if self.target.file_format.tags == "mp4":
            mp4_writing.complete(self.file, self.target)

    def _trim(self, packet: Any, samples: int) -> None:
        """Set the duration of the last packet to the audio in it, which Dolby's encoders do not."""
        step = Fraction(packet.time_base) * self.target.sample_rate
        if step.numerator != 1 or step.denominator != 1 or self.target.subtype not in _UNTRIMMED:
            return
        packet.duration = max(1, min(packet.duration, samples - packet.pts))

    def close(self) -> None:
        """Release the encoder; called after errors as well."""
        with suppress(OSError, ValueError), self.failures():
            self.container.close()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Raise the error of the file, or one sentence about FFmpeg's."""
        import av

        try:
            yield
        except (av.FFmpegError, ValueError) as error:
            if self.sink.error:
                raise self.sink.error from error
            raise OSError(errno.EIO, f"FFmpeg failed ({error})") from error
        if self.sink.error:
            raise self.sink.error


def _muxer_options(target: Target) -> dict[str, str]:
    """Return the options of FFmpeg's muxer."""
    if target.file_format.tags == "mp4":
        # Edit lists are in this time scale: the default of 1000 rounds the length to 1 ms.
        return {"movie_timescale": str(target.sample_rate)}
    return {}
