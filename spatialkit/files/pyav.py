"""Reading of containers that libsndfile does not support, with PyAV (FFmpeg; extra ``av``).

FFmpeg receives the open file and the name of one demuxer, never a path: when probing, it would
follow playlists and URLs.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError
from spatialkit.files import chunks, mp4_boxes
from spatialkit.files.views import View
from spatialkit.validation import extra

_NAMES = {
    "mov": "MP4",
    "wv": "WAVPACK",
    "mpegts": "MPEG-TS",
    "mpeg": "MPEG-PS",
    "ape": "MONKEYS-AUDIO",
    "mpc": "MUSEPACK",
    "mpc8": "MUSEPACK",
    "iff": "DSDIFF",
    "rm": "REALMEDIA",
    "oma": "OPENMG",
    "shn": "SHORTEN",
}
# Chunks with the channel layout.
_LAYOUT_CHUNKS = {"caf": (chunks.CAF, b"chan"), "aiff": (chunks.AIFF, b"CHAN")}
_FORMATS = {"float32": "flt", "float64": "dbl"}
# Samples that FFmpeg returns at a time; converting its own frames of about 1000 samples one by one
# would be slow.
_FRAME_SIZE = 16384
# Tolerance between the duration in the container and that of the audio: codec delay, rounded times.
_TOLERANCE_SECONDS = 0.1
# Native channel order of FFmpeg, an extension of that of WAVE (libavutil/channel_layout.h), which
# its decoders use where possible.
_NATIVE_ORDER = [
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC"),
    *("TFR", "TBL", "TBC", "TBR", "DL", "DR", "WL", "WR", "SDL", "SDR", "LFE2", "TSL", "TSR"),
    *("BFC", "BFL", "BFR", "SSL", "SSR", "TTL", "TTR"),
]


def _damage() -> tuple[type[Exception], ...]:
    """Return the exceptions that PyAV raises for damaged files."""
    import av

    return (av.FFmpegError, ValueError, OSError, OverflowError)


def require_extra(path: Path, demuxer: str, codec: str) -> None:
    """Raise an `AudioFileError` if PyAV, which is needed for a file, is not installed."""
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise AudioFileError(f"{path} ({_kind(demuxer, codec)}) needs {extra('av')}") from error


def _kind(demuxer: str, codec: str) -> str:
    """Return the names of container and codec."""
    return _NAMES.get(demuxer, demuxer.upper()) + (codec and f", {codec}")


class AvFile:
    """Audio track of an open file; the attributes are also those of `sound.Sound`.

    Parameters
    ----------
    path : Path
        For messages.
    file : binary file
    demuxer : str
        FFmpeg's name, as of `demuxer_of`.
    codec : str
        Codec for messages.
    strict : bool
        Whether a file that is shorter than its container specifies is rejected.

    Attributes
    ----------
    format, subtype : str
        Container, and codec in the name of FFmpeg.
    samplerate, channels : int
        Sample rate in Hz, and number of channels.
    labels : tuple of str
        FFmpeg's names of the channels, in order.
    apple_layout, scene, positions : bytes
        Channel layout of Core Audio, and boxes SA3D and chnl, in the container; empty if it has
        none.
    tracks : int
        Number of audio tracks. The one that FFmpeg ranks highest is read: the default track, if
        there is one.
    """

    def __init__(
        self, path: Path, file: BinaryIO, demuxer: str, codec: str = "", *, strict: bool = True
    ) -> None:
        self._path, self._demuxer, self._strict = path, demuxer, strict
        self._kind = _kind(demuxer, codec)
        tracks = mp4_boxes.read_tracks(file) if demuxer == "mov" else []
        hidden = [place for track in tracks for place in track.places]
        self.apple_layout, self.scene, self.positions = b"", b"", b""
        if demuxer in _LAYOUT_CHUNKS:
            container, name = _LAYOUT_CHUNKS[demuxer]
            place = chunks.find_chunk(file, container, name)[0]
            self.apple_layout = chunks.read_chunk(file, container, name)
            hidden += [place - container.head.size] if place else []
        # PyAV does not return channels in another order than FFmpeg's.
        self._file = View(file, replaced=dict.fromkeys(hidden, b"skip"))
        with self._failures():
            self._container, self._stream = self._open()
        for track in tracks:
            if track.identifier == self._stream.id:
                self.apple_layout = track.contents.get(b"chan", b"")[4:]
                self.scene = track.contents.get(b"SA3D", b"")
                self.positions = track.contents.get(b"chnl", b"")
        layout = self._stream.layout
        self._layout_name = layout.name
        self.format = _NAMES.get(demuxer, demuxer.upper())
        self.subtype = str(self._stream.codec_context.codec.canonical_name).upper()
        self.samplerate = int(self._stream.rate or 0)
        self.channels = int(layout.nb_channels)
        self.labels = tuple(channel.name for channel in layout.channels)
        self.tracks = len(self._container.streams.audio)
        if not (self.samplerate and self.channels):
            raise AudioFileError(
                f"{path} is damaged: its audio track has no sample rate or no channels"
            )
        if not _is_native(self.labels):
            # PyAV (18.1) frees the channel map of such a layout, which belongs to FFmpeg, and the
            # process would crash. An additional reference prevents that.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
            raise AudioFileError(
                f"{path} has an unsupported channel order ({' '.join(self.labels)}), which PyAV "
                "does not return; convert the file to WAV first"
            )
        self._blocks: Iterator[NDArray[Any]] | None = None
        self._rest: NDArray[Any] = np.empty((0, self.channels))
        self._skipped = 0

    def close(self) -> None:
        """Close FFmpeg's side of the file."""
        self._container.close()

    @cached_property
    def frames(self) -> int:
        """Number of samples per channel, from decoding: few containers specify it exactly."""
        samples, last, container = 0, None, self._container
        for last in self._decoded():
            samples += last.samples
        container.close()
        with self._failures():
            self._container, self._stream = self._open()
        if last is None:
            raise AudioFileError(f"{self._path} is damaged: its audio track is empty")
        # If the time base counts samples, the last packet specifies how many of them are audio.
        step = Fraction(last.time_base or 0) * self.samplerate
        if step and step.numerator == 1 and (valid := int((last.duration or 0) * step)) > 0:
            samples -= max(0, last.samples - valid)
        samples -= self._padding(samples, last.samples)
        announced = self._announced_seconds()
        if self._strict and samples / self.samplerate < announced - _TOLERANCE_SECONDS:
            raise AudioFileError(
                f"{self._path} is damaged or truncated: its header specifies {announced:.2f} s of "
                f"audio, the file contains {samples / self.samplerate:.2f} s"
            )
        return samples

    def read(self, count: int, dtype: str) -> NDArray[Any]:
        """Return up to ``count`` samples (n, channels), fewer or none at the end."""
        if self._blocks is None:
            self._blocks = self._converted(dtype)
            while self._skipped:
                self._skipped -= len(self.read(min(self._skipped, _FRAME_SIZE), dtype))
        parts, wanted = [], count
        while wanted:
            if not len(self._rest):
                block = next(self._blocks, None)
                if block is None:
                    break
                self._rest = block
            parts.append(self._rest[:wanted])
            self._rest = self._rest[wanted:]
            wanted -= len(parts[-1])
        return np.concatenate(parts) if parts else np.empty((0, self.channels), dtype)

    def seek(self, start: int) -> None:
        """Skip the first ``start`` samples; to be called before the first `read` only.

        They are decoded all the same: few containers support an exact seek.
        """
        self._skipped = start

    def _open(self) -> tuple[Any, Any]:
        import av

        self._file.seek(0)
        container = av.open(self._file, format=self._demuxer, metadata_errors="replace")
        if not container.streams.audio:
            container.close()
            raise AudioFileError(f"{self._path} has no audio track")
        stream = container.streams.best("audio") or container.streams.audio[0]
        if stream.codec_context is None:
            container.close()
            raise AudioFileError(
                f"{self._path} ({self._kind}) has an audio codec that PyAV does not support; "
                "convert it first"
            )
        return container, stream

    def _decoded(self) -> Iterator[Any]:
        """Yield frames as FFmpeg decodes them; up to the first damaged one if it is not strict."""
        samples = 0
        with self._failures() if self._strict else suppress(*_damage()):
            for frame in self._container.decode(self._stream):
                if frame.is_corrupt:
                    if not self._strict:
                        return
                    raise AudioFileError(f"{self._path} is damaged")
                now = (frame.sample_rate, frame.layout.name)
                if now != (self.samplerate, self._layout_name):
                    place = f"after {samples / self.samplerate:.2f} s" if samples else "in the file"
                    raise AudioFileError(
                        f"{self._path} changes its sample rate or channels {place}, from "
                        f"{self._layout_name} at {self.samplerate} Hz to {frame.layout.name} at "
                        f"{frame.sample_rate} Hz; split it there"
                    )
                samples += frame.samples
                yield frame

    def _converted(self, dtype: str) -> Iterator[NDArray[Any]]:
        """Yield frames (n, channels) as floats; integers are converted exactly."""
        import av

        # Packed samples, because PyAV itself supports at most 8 planes.
        resampler = av.AudioResampler(format=_FORMATS[dtype], frame_size=_FRAME_SIZE)
        for frame in self._decoded():
            for part in self._resampled(resampler, frame):
                yield part.to_ndarray().reshape(-1, self.channels)
        for part in self._resampled(resampler, None):
            yield part.to_ndarray().reshape(-1, self.channels)

    def _resampled(self, resampler: Any, frame: Any) -> list[Any]:
        with self._failures():
            return list(resampler.resample(frame))

    def _padding(self, samples: int, frame: int) -> int:
        """Return the samples after the end of a track of MP4, such as the padding of AC-3.

        Its packets have parsers of their own in FFmpeg, which replace the duration of the last one.
        """
        if self._demuxer != "mov":
            return 0
        padding = samples - round(self._announced_seconds() * self.samplerate)
        return padding if 0 < padding < frame and self.subtype in ("AC3", "EAC3") else 0

    def _announced_seconds(self) -> float:
        """Return the duration of the track in its container, 0 if only the bit rate is known."""
        if self._demuxer == "mov":
            return float((self._stream.duration or 0) * (self._stream.time_base or 0))
        match = re.fullmatch(r"(\d+):(\d\d):([\d.]+)", self._stream.metadata.get("DURATION", ""))
        if self._demuxer == "matroska" and match:
            return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
        return 0.0

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Convert errors of PyAV to `AudioFileError`."""
        import av

        try:
            yield
        except AudioFileError:
            raise
        except _damage() as error:
            unknown = isinstance(error, (av.DecoderNotFoundError, av.PatchWelcomeError))
            problem = "has a codec that FFmpeg does not support" if unknown else "is damaged"
            raise AudioFileError(f"{self._path} ({self._kind}) {problem}") from error


def _is_native(labels: tuple[str, ...]) -> bool:
    """Return whether channels are in FFmpeg's native order, or have no labels at all."""
    if len(set(labels)) == 1 < len(labels) or labels == ("NONE",):
        return True
    scene = sum(label.startswith("AMBI") for label in labels)
    if scene and labels[:scene] != tuple(f"AMBI{number}" for number in range(scene)):
        return False
    labels = labels[scene:]
    places = [_NATIVE_ORDER.index(label) for label in labels if label in _NATIVE_ORDER]
    return len(places) == len(labels) and places == sorted(set(places))
