"""Reading of IAMF, standalone and in MP4: the substreams of an audio element are joined."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError
from spatialkit.files.channels import Channels
from spatialkit.files.iamf import boxes, coding, obu
from spatialkit.files.iamf.descriptors import Descriptors, Element
from spatialkit.files.iamf.obu import IamfProblem, Unit
from spatialkit.validation import extra

_DESCRIPTORS = (obu.SEQUENCE_HEADER, obu.CODEC_CONFIG, obu.AUDIO_ELEMENT, obu.MIX_PRESENTATION)
# Samples that are decoded at a time.
_BLOCK_SIZE = 16384


class IamfSound:
    """IAMF in an open file; the attributes are also those of `sound.Sound`.

    Parameters
    ----------
    path : Path
        For messages.
    file : binary file
    strict : bool
        Whether a file that is truncated is rejected.

    Attributes
    ----------
    format, subtype : str
        "IAMF", and the codec.
    samplerate, channels, frames : int
        Sample rate in Hz, number of channels, and of samples per channel.
    layout : Channels
        Format of the channels, which are returned in its order.
    missing : str
        What the file lacks, if it is not strict.
    """

    def __init__(self, path: Path, file: BinaryIO, *, strict: bool = True) -> None:
        self._path, self._file, self._strict = path, file, strict
        self.missing = ""
        try:
            self._open()
        except IamfProblem as problem:
            raise self._error(problem) from problem

    def _error(self, problem: IamfProblem) -> AudioFileError:
        return AudioFileError(f"{self._path} (IAMF) {problem}")

    def _open(self) -> None:
        self._index = _Index()
        try:
            self._scan()
        except IamfProblem as problem:
            if self._strict or str(problem) != "is truncated" or not self._index.frames:
                raise
            self.missing = "its last frame is incomplete"
        self._element, gain = _chosen(self._index.descriptors)
        element = self._element
        codec = self._index.descriptors.codecs.get(element.codec)
        if codec is None:
            raise IamfProblem("has an audio element without a codec")
        if codec.kind not in (coding.LPCM, *coding.TITLES):
            raise IamfProblem(f"has the codec {codec.kind.decode('ascii', 'replace')!r}")
        if codec.kind != coding.LPCM:
            _require_av(self._path, coding.TITLES[codec.kind])
        self.format, self.subtype = "IAMF", coding.subtype_of(codec)
        self.samplerate = coding.sample_rate_of(codec)
        self.channels = sum(element.channels)
        self.layout = Channels(element.format)
        self._gains = np.array(element.gains) * 10.0 ** (gain / 20.0)
        # Decoded channels in the order of the format.
        self._order = np.argsort(element.order)
        streams = [self._index.frames.get(stream, _Frames()) for stream in element.substreams]
        counts = {len(stream.starts) for stream in streams}
        count = min(counts)
        if len(counts) > 1 and self._strict:
            raise IamfProblem("has substreams of different lengths")
        self._streams, self._count = streams, count
        if not count:
            raise IamfProblem("has no audio frames")
        first = streams[0]
        if not codec.frame_size and codec.kind == coding.LPCM:  # as files of iamf-tools
            size = element.channels[0] * coding.pcm_bits(codec) // 8
            codec = replace(codec, frame_size=first.sizes[0] // size)
        if not 1 <= codec.frame_size <= 1 << 16:
            raise IamfProblem(f"has frames of {codec.frame_size} samples")
        self._codec = codec
        self._trims = first.trims
        trimmed = sum(start + end for unit, (start, end) in first.trims.items() if unit < count)
        self.frames = max(0, (count - 1) * codec.frame_size + self._last_size() - trimmed)
        self._blocks = self._decoded()
        self._rest: NDArray[Any] = np.empty((0, self.channels))

    def _last_size(self) -> int:
        """Return the samples of the last frame, which may be shorter in FLAC."""
        if self._codec.kind != coding.FLAC:
            return self._codec.frame_size
        decoder = coding.Decoder(self._codec, self._element.channels[0])
        return len(decoder.decode(self._packet(self._streams[0], self._count - 1), is_last=True))

    def _scan(self) -> None:
        """Read the descriptors, and the positions of the frames."""
        self._file.seek(0)
        if self._file.read(8)[4:8] == b"ftyp":
            track = boxes.read_track(self._file)
            if track is None:
                raise IamfProblem("has no track of IAMF")
            self._index.read_descriptors(track.descriptors)
            end = self._file.seek(0, 2)
            for start, size in track.samples:
                if start + size > end:
                    raise IamfProblem("is truncated")
                self._index.read(self._file, start, start + size)
        else:
            self._index.read(self._file, 0, self._file.seek(0, 2))

    def read(self, count: int, dtype: str) -> NDArray[Any]:
        """Return up to ``count`` samples (n, channels), fewer or none at the end."""
        parts, wanted = [np.empty((0, self.channels), dtype)], count
        try:
            while wanted:
                if not len(self._rest):
                    self._rest = next(self._blocks, self._rest)
                    if not len(self._rest):
                        break
                parts.append(self._rest[:wanted].astype(dtype))
                self._rest = self._rest[wanted:]
                wanted -= len(parts[-1])
        except IamfProblem as problem:
            raise self._error(problem) from problem
        return np.concatenate(parts)

    def seek(self, start: int) -> None:
        """Skip the first ``start`` samples; to be called before the first `read` only."""
        while start:
            skipped = len(self.read(min(start, _BLOCK_SIZE), "float32"))
            if not skipped:
                return
            start -= skipped

    def close(self) -> None:
        """Release the decoders."""
        self._blocks = iter(())

    def _decoded(self) -> Any:
        """Yield samples (n, channels) of temporal units, trimmed, in the order of the format."""
        decoders = [coding.Decoder(self._codec, channels) for channels in self._element.channels]
        group = max(1, _BLOCK_SIZE // self._codec.frame_size)
        for first in range(0, self._count, group):
            parts = []
            for unit in range(first, min(first + group, self._count)):
                is_last = unit == self._count - 1
                streams = [
                    decoder.decode(self._packet(stream, unit), is_last=is_last)
                    for decoder, stream in zip(decoders, self._streams, strict=True)
                ]
                joined = np.concatenate(streams, axis=1) * self._gains
                start, end = self._trims.get(unit, (0, 0))
                parts.append(joined[start : len(joined) - end][:, self._order])
            yield np.concatenate(parts)

    def _packet(self, stream: _Frames, unit: int) -> bytes:
        self._file.seek(stream.starts[unit])
        return self._file.read(stream.sizes[unit])


class _Frames:
    """Positions and sizes of the frames of a substream, and samples to trim by frame."""

    def __init__(self) -> None:
        self.starts, self.sizes = array("Q"), array("I")
        self.trims: dict[int, tuple[int, int]] = {}

    def add(self, start: int, unit: Unit) -> None:
        """Add the frame of a unit, whose content begins at ``start``."""
        if unit.trim_start or unit.trim_end:
            self.trims[len(self.starts)] = unit.trim_start, unit.trim_end
        self.starts.append(start)
        self.sizes.append(unit.start + unit.size - start)


class _Index:
    """Descriptors, and frames by substream."""

    def __init__(self) -> None:
        self.descriptors = Descriptors()
        self.frames: dict[int, _Frames] = {}

    def read(self, file: BinaryIO, start: int, end: int) -> None:
        """Read the units of a range."""
        for unit in obu.units_in(file, start, end):
            if unit.kind in _DESCRIPTORS:
                file.seek(unit.start)
                self.descriptors.add(unit.kind, file.read(unit.size))
                continue
            content = unit.start
            if unit.kind == obu.AUDIO_FRAME:
                file.seek(unit.start)
                fields = obu.Fields(file.read(min(unit.size, 8)))
                stream = fields.number()
                content += fields.at
            elif obu.FIRST_AUDIO_FRAME <= unit.kind < obu.SEQUENCE_HEADER:
                stream = unit.kind - obu.FIRST_AUDIO_FRAME
                if stream >= obu.TYPED_SUBSTREAMS:
                    continue  # reserved
            else:
                continue
            self.frames.setdefault(stream, _Frames()).add(content, unit)

    def read_descriptors(self, data: bytes) -> None:
        """Read the units of the box iacb."""
        import io

        self.read(io.BytesIO(data), 0, len(data))


def _chosen(descriptors: Descriptors) -> tuple[Element, float]:
    """Return the audio element of the first mix and its gain in dB."""
    elements = descriptors.mix or [(identifier, 0.0) for identifier in descriptors.elements]
    if not elements:
        raise IamfProblem("has no audio element")
    if len(elements) > 1:
        raise IamfProblem(f"mixes {len(elements)} audio elements, which is not supported")
    identifier, gain = elements[0]
    element = descriptors.elements.get(identifier)
    if element is None:
        raise IamfProblem("has a mix of an audio element that it does not contain")
    if element.problem:
        raise IamfProblem(f"{element.problem}, which is not supported")
    return element, gain


def _require_av(path: Path, codec: str) -> None:
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise AudioFileError(f"{path} (IAMF, {codec}) needs {extra('av')}") from error


def is_iamf(file: BinaryIO) -> bool:
    """Return whether a file is IAMF, or MP4 with a track of IAMF; rewind it."""
    file.seek(0)
    head = file.read(16)
    found = False
    if head[4:8] == b"ftyp":
        try:
            found = boxes.read_track(file) is not None
        except IamfProblem:
            found = True
    elif head and head[0] >> 3 == obu.SEQUENCE_HEADER:
        found = b"iamf" in head[2:12]
    file.seek(0)
    return found
