"""Encodings of sound: blocks of samples as the bytes of WAV, FLAC and Ogg."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spatialkit.files import flac_ogg_mp3, wave

# libsndfile's Vorbis encoder keeps a block on the stack, which a long one overflows.
_CODEC_BLOCK = 16384


@dataclass(frozen=True)
class Target:
    """What is written where; made by `make_target`, which has checked it."""

    path: Path
    sample_rate: int
    channels: int
    samples: int | None
    subtype: str
    dither: str | None
    seed: int
    # Channels in the order in which they are stored (None: as they are), and their mask.
    order: NDArray[np.intp] | None
    mask: int

    @property
    def kind(self) -> str:
        """Suffix of the path."""
        return self.path.suffix.lower()

    @property
    def bits(self) -> int:
        """Bits of PCM, 0 in other encodings."""
        return int(self.subtype[-2:]) if self.subtype.startswith("PCM") else 0

    @property
    def full_scale(self) -> float:
        """Largest sample that is accepted."""
        return {"FLOAT": float(np.finfo(np.float32).max), "DOUBLE": np.inf}.get(self.subtype, 1.0)

    @property
    def guarded(self) -> bool:
        """Whether samples beyond -1 to 1 would be spoilt."""
        return self.full_scale == 1.0


def encoder_for(file: BinaryIO, target: Target) -> WaveEncoder | CodecEncoder:
    """Start a file."""
    return (WaveEncoder if target.kind == ".wav" else CodecEncoder)(file, target)


class Quantizer:
    """Samples from -1 to 1 as integers of so many bits; what they are read back as is exact.

    Full scale is 2 ** (bits - 1), as in reading; the one number beyond, for 1.0, is a step lower.
    Dither is the difference of two uniform random numbers, a step wide each: the error's mean and
    variance no longer depend on the signal (Lipshitz, Wannamaker and Vanderkooy, JAES 40(5), 1992).
    """

    def __init__(self, target: Target) -> None:
        self.scale = 2 ** (target.bits - 1)
        self.random = np.random.default_rng(target.seed) if target.dither else None

    def __call__(self, frames: NDArray[Any]) -> NDArray[np.int32]:
        scaled = frames * self.scale
        if self.random is not None:  # drawn sample after sample, whatever the blocks
            pairs = self.random.random((*frames.shape, 2))
            scaled = scaled + (pairs[..., 0] - pairs[..., 1])
        return np.clip(np.rint(scaled), -self.scale, self.scale - 1).astype(np.int32)


class WaveEncoder:
    """Writes blocks (channels, n) as a WAV file."""

    def __init__(self, file: BinaryIO, target: Target) -> None:
        self.file, self.target = file, target
        self.quantized = Quantizer(target) if target.bits else None
        file.write(self.header(target.samples or 0)[0])

    def header(self, samples: int) -> tuple[bytes, int]:
        """Header, and size of the file; changeable if the length was not known."""
        one = self.target
        return wave.wave_header(
            one.channels,
            samples,
            one.sample_rate,
            one.subtype,
            one.mask,
            reserve=one.samples is None,
        )

    def put(self, block: NDArray[Any]) -> None:
        if self.quantized is None:
            data = block.T.astype("<f4" if self.target.subtype == "FLOAT" else "<f8")
        elif self.target.bits == 16:
            data = self.quantized(block.T).astype("<i2")
        else:
            four = np.ascontiguousarray(self.quantized(block.T), "<i4").view(np.uint8)
            data = np.empty((four.size // 4, 3), np.uint8)
            for byte in range(3):  # three strided copies: twice as fast as one of rows of 3
                data[:, byte] = four.reshape(-1, 4)[:, byte]
        self.file.write(data.tobytes())

    def finish(self, samples: int) -> None:
        header, size = self.header(samples)
        self.file.write(bytes(size - self.file.tell()))  # chunks have an even size
        if self.target.samples is None:
            self.file.seek(0)
            self.file.write(header)

    def close(self) -> None:
        pass


class CodecEncoder:
    """Writes blocks (channels, n) as FLAC or Ogg with libsndfile.

    FLAC gets a tag if its number of channels does not say the mask.
    """

    def __init__(self, file: BinaryIO, target: Target) -> None:
        import soundfile

        self.file, self.target = file, target
        self.quantized = Quantizer(target) if target.bits else None
        self.tagged = target.mask != wave.COMMON_MASKS.get(target.channels)
        self.sink = _Sink(file)
        with self.failures():
            self.sound = soundfile.SoundFile(
                self.sink,
                "w",
                target.sample_rate,
                target.channels,
                format="FLAC" if target.kind == ".flac" else "OGG",
                subtype=target.subtype,
            )
        if self.tagged:
            self.sound.comment = flac_ogg_mp3.FLAC_PLACEHOLDER

    def put(self, block: NDArray[Any]) -> None:
        frames = block.T
        for start in range(0, len(frames), _CODEC_BLOCK):
            part = frames[start : start + _CODEC_BLOCK]
            if self.quantized is not None:
                # libsndfile takes the upper bits of 32: shifted, every integer is stored exactly.
                part = self.quantized(part) << (32 - self.target.bits)
            with self.failures():
                self.sound.write(part)

    def finish(self, samples: int) -> None:
        with self.failures():
            self.sound.close()
        if self.tagged:
            flac_ogg_mp3.put_flac_mask(self.file, self.target.mask)

    def close(self) -> None:
        with suppress(OSError), self.failures():
            self.sound.close()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Raise what the disk said, which libsndfile keeps to itself."""
        import soundfile

        try:
            yield
        except (soundfile.SoundFileError, AssertionError) as error:
            raise self.sink.error or OSError(errno.EIO, "libsndfile failed") from error
        if self.sink.error:
            raise self.sink.error


class _Sink:
    """File for libsndfile, through which no exception passes: the first one is kept."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: OSError | None = None
        self.seek, self.tell, self.read = file.seek, file.tell, file.read

    def write(self, data: bytes) -> int:
        """Bytes written; 0 tells libsndfile to stop."""
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = self.error or error
            return 0
