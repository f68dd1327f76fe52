"""Codecs of IAMF substreams: LPCM without other packages, FLAC and Opus with PyAV (FFmpeg).

Sources: IAMF 1.1, sections 3.5 and 3.11 (decoder_config); RFC 9639 (STREAMINFO of FLAC); RFC 7845
(pre-skip of Opus).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spatialkit.files.iamf.descriptors import Codec
from spatialkit.files.iamf.obu import Fields, IamfProblem

LPCM, FLAC, OPUS, AAC = b"ipcm", b"fLaC", b"Opus", b"mp4a"
TITLES = {FLAC: "FLAC", OPUS: "OPUS", AAC: "AAC"}
_LPCM_FRAME_SIZE = 1024
_OPUS_FRAME_SIZE, _OPUS_RATE = 960, 48000
# Samples that a decoder of Opus needs to converge: 80 ms.
_OPUS_ROLL_SAMPLES = 3840
_STREAMINFO = struct.Struct(">HH3s3s8s16s")
_LAST_STREAMINFO = bytes([0x80, 0, 0, 34])
_LAYOUTS = {1: "mono", 2: "stereo"}


class Coder(Protocol):
    """Encoder of one substream, whose frames have a fixed size."""

    def encode(self, frames: NDArray[Any]) -> list[bytes]:
        """Return the packets that are ready, of samples (n, channels) in whole frames."""


class LpcmCoder:
    """Encoder of PCM: integers in little-endian order."""

    def __init__(self, bits: int, frame_size: int) -> None:
        self.bits, self.frame_size = bits, frame_size

    def encode(self, frames: NDArray[Any]) -> list[bytes]:
        """Return the packets of integers (n, channels) in whole frames."""
        if self.bits == 16:
            data = frames.astype("<i2").tobytes()
        else:
            four = np.ascontiguousarray(frames, "<i4").view(np.uint8).reshape(-1, 4)
            three = np.empty((len(four), 3), np.uint8)
            for byte in range(3):  # three strided copies are faster than one of rows of 3
                three[:, byte] = four[:, byte]
            data = three.tobytes()
        size = self.frame_size * frames.shape[1] * self.bits // 8
        return [data[start : start + size] for start in range(0, len(data), size)]


class AvCoder:
    """Encoder of FLAC or Opus with PyAV, which returns a packet for each frame.

    Padding that FFmpeg appends for the delay of Opus is not needed: the caller pads the signal.
    """

    def __init__(
        self, name: str, channels: int, sample_rate: int, bit_rate: int | None = None
    ) -> None:
        import av

        context: Any = av.CodecContext.create(name, "w")
        self._context = context
        context.sample_rate, context.layout = sample_rate, _LAYOUTS[channels]
        context.time_base = Fraction(1, sample_rate)
        context.format = "s32" if name == "flac" else "flt"
        if bit_rate is not None:
            context.bit_rate = bit_rate
        context.open()
        self.frame_size = int(context.frame_size)
        self.extradata = bytes(context.extradata or b"")
        self._channels, self._rate, self._done = channels, sample_rate, 0

    def encode(self, frames: NDArray[Any]) -> list[bytes]:
        """Return the packets of samples (n, channels) in whole frames.

        FLAC receives integers of 24 bits, Opus floating-point samples.
        """
        import av

        packets: list[bytes] = []
        is_integer = self._context.format.name == "s32"
        data = frames.astype(np.int32) << 8 if is_integer else frames.astype(np.float32)
        for start in range(0, len(data), self.frame_size):
            part = np.ascontiguousarray(data[start : start + self.frame_size])
            frame = av.AudioFrame.from_ndarray(
                part.reshape(1, -1), self._context.format.name, _LAYOUTS[self._channels]
            )
            frame.sample_rate, frame.pts = self._rate, self._done
            frame.time_base = Fraction(1, self._rate)
            self._done += len(part)
            packets += map(bytes, self._context.encode(frame))
        return packets


def lpcm_codec(bits: int, sample_rate: int) -> Codec:
    """Return the description of PCM."""
    config = bytes([1, bits]) + struct.pack(">I", sample_rate)
    return Codec(LPCM, _LPCM_FRAME_SIZE, 0, config)


def flac_codec(coder: AvCoder, sample_rate: int, bits: int) -> Codec:
    """Return the description of FLAC: a STREAMINFO without checksum, and always 2 channels."""
    packed = sample_rate << 44 | (2 - 1) << 41 | (bits - 1) << 36
    size = coder.frame_size
    info = _STREAMINFO.pack(size, size, bytes(3), bytes(3), packed.to_bytes(8, "big"), bytes(16))
    return Codec(FLAC, size, 0, _LAST_STREAMINFO + info)


def opus_codec(coder: AvCoder) -> tuple[Codec, int]:
    """Return the description of Opus and its delay in samples."""
    delay = int.from_bytes(coder.extradata[10:12], "little")
    config = struct.pack(">BBHIhB", 1, 2, delay, _OPUS_RATE, 0, 0)
    roll = -(-_OPUS_ROLL_SAMPLES // coder.frame_size)
    return Codec(OPUS, coder.frame_size, -roll, config), delay


def sample_rate_of(codec: Codec) -> int:
    """Return the sample rate of a codec in Hz."""
    fields = Fields(codec.config)
    if codec.kind == LPCM:
        fields.take(2)
        return int.from_bytes(fields.take(4), "big")
    if codec.kind == FLAC:
        fields.take(4 + 10)
        return int.from_bytes(fields.take(3), "big") >> 4
    if codec.kind == OPUS:
        return _OPUS_RATE
    if codec.kind == AAC:
        return _aac_rate(_audio_specific_config(codec.config))
    raise IamfProblem(f"has the codec {codec.kind.decode('ascii', 'replace')!r}")


def subtype_of(codec: Codec) -> str:
    """Return the name of the encoding."""
    if codec.kind == LPCM:
        return f"PCM_{pcm_bits(codec)}"
    return TITLES.get(codec.kind, codec.kind.decode("ascii", "replace"))


def pcm_bits(codec: Codec) -> int:
    """Return the bits of a sample of PCM."""
    bits = Fields(codec.config[1:]).byte()
    if bits not in (16, 24, 32):
        raise IamfProblem(f"has PCM of {bits} bits")
    return bits


class Decoder:
    """Decoder of one substream.

    Parameters
    ----------
    codec : Codec
    channels : int
        1 or 2.
    """

    def __init__(self, codec: Codec, channels: int) -> None:
        self._codec, self._channels = codec, channels
        self._context: Any = None
        if codec.kind == LPCM:
            self._little = bool(codec.config[0] & 1)
            self._bits = pcm_bits(codec)
            return
        import av

        names = {FLAC: "flac", OPUS: "opus", AAC: "aac"}
        context: Any = av.CodecContext.create(names[codec.kind], "r")
        self._context = context
        context.extradata = self._extradata()
        context.sample_rate, context.layout = sample_rate_of(codec), _LAYOUTS[channels]

    def decode(self, packet: bytes, *, is_last: bool = False) -> NDArray[np.float64]:
        """Return the samples (frame size, channels) of a packet; the last one may have fewer."""
        if self._context is None:
            return self._pcm(packet)
        import av

        try:
            frames = self._context.decode(av.Packet(packet))
        except (av.FFmpegError, ValueError) as error:
            raise IamfProblem("has a damaged frame") from error
        parts = [_samples(frame) for frame in frames]
        count, size = sum(map(len, parts)), self._codec.frame_size
        if not count or count > size or (count < size and not is_last):
            raise IamfProblem("has a damaged frame")
        return np.concatenate(parts)

    def _pcm(self, packet: bytes) -> NDArray[np.float64]:
        size = self._codec.frame_size * self._channels * self._bits // 8
        if len(packet) != size:
            raise IamfProblem(f"has a frame of {len(packet)} bytes, not {size}")
        order = "<" if self._little else ">"
        if self._bits == 24:
            raw = np.frombuffer(packet, np.uint8).reshape(-1, 3)
            four = np.zeros((len(raw), 4), np.uint8)
            four[:, 1:] = raw if self._little else raw[:, ::-1]
            integers = four.view("<i4")[:, 0] >> 8
        else:
            integers = np.frombuffer(packet, f"{order}i{self._bits // 8}")
        return (integers / 2.0 ** (self._bits - 1)).reshape(-1, self._channels)

    def _extradata(self) -> bytes:
        config = self._codec.config
        if self._codec.kind == FLAC:  # STREAMINFO has 2 channels for every substream
            packed = int.from_bytes(config[14:22], "big")
            packed = packed & ~(7 << 41) | (self._channels - 1) << 41
            return config[4:14] + packed.to_bytes(8, "big") + config[22:38]
        if self._codec.kind == OPUS:
            # Without pre-skip: the samples to trim are those of the frames.
            rate = struct.pack("<I", _OPUS_RATE)
            return b"OpusHead\1" + bytes([self._channels, 0, 0]) + rate + bytes(3)
        return _audio_specific_config(config)


def _samples(frame: Any) -> NDArray[np.float64]:
    """Return a decoded frame as floating-point samples (n, channels)."""
    array = frame.to_ndarray()
    channels = len(frame.layout.channels)
    samples = array.T if frame.format.is_planar else array.reshape(-1, channels)
    if samples.dtype.kind == "f":
        return samples.astype(np.float64)
    return samples / -float(np.iinfo(samples.dtype).min)


def _audio_specific_config(config: bytes) -> bytes:
    """Return the configuration of AAC in the descriptor of its decoder (ISO/IEC 14496-1)."""
    for tag, content in _descriptors(config):
        if tag == 4:
            for inner, found in _descriptors(content[13:]):
                if inner == 5:
                    return found
    raise IamfProblem("has AAC without a configuration")


def _descriptors(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 2 <= len(data):
        tag, size = data[at], 0
        at += 1
        for _ in range(4):
            if at >= len(data):
                return
            byte = data[at]
            at, size = at + 1, size << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        yield tag, data[at : at + size]
        at += size


def _aac_rate(config: bytes) -> int:
    rates = (
        96000,
        88200,
        64000,
        48000,
        44100,
        32000,
        24000,
        22050,
        16000,
        12000,
        11025,
        8000,
        7350,
    )
    index = (int.from_bytes(config[:2].ljust(2, b"\0"), "big") >> 7) & 0xF
    if index >= len(rates):
        raise IamfProblem("has AAC of an unknown sample rate")
    return rates[index]
