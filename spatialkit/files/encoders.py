"""Encoders of WAV, FLAC and Ogg files that write block by block."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spatialkit.files import flac_masks, wave
from spatialkit.files.channels import COMMON_MASKS
from spatialkit.files.formats import Target

# libsndfile's Vorbis encoder allocates each block on the stack, which a long block overflows.
_CODEC_BLOCK_SIZE = 16384


class Quantizer:
    """Quantizer of samples from -1 to 1 to PCM integers; integers are reproduced exactly.

    Full scale is 2 ** (bits - 1), as in reading; the value of 1.0 is reduced by one step. Dither is
    the difference of two uniform random numbers, each one step wide: mean and variance of the error
    then do not depend on the signal (Lipshitz, Wannamaker and Vanderkooy, JAES 40(5), 1992).
    """

    def __init__(self, target: Target) -> None:
        self.scale = 2 ** (target.bits - 1)
        self.rng = np.random.default_rng(target.seed) if target.dither else None

    def __call__(self, frames: NDArray[Any]) -> NDArray[np.int32]:
        scaled = frames * self.scale
        if self.rng is not None:  # in the order of samples, so that blocks do not matter
            pairs = self.rng.random((*frames.shape, 2))
            scaled = scaled + (pairs[..., 0] - pairs[..., 1])
        return np.clip(np.rint(scaled), -self.scale, self.scale - 1).astype(np.int32)


def packed(block: NDArray[Any], target: Target, quantized: Quantizer | None) -> bytes:
    """Return a block (channels, n) as little-endian PCM, frame by frame."""
    if quantized is None:
        return block.T.astype("<f4" if target.subtype == "FLOAT" else "<f8").tobytes()
    if target.bits == 16:
        return quantized(block.T).astype("<i2").tobytes()
    four = np.ascontiguousarray(quantized(block.T), "<i4").view(np.uint8)
    data = np.empty((four.size // 4, 3), np.uint8)
    for byte in range(3):  # three strided copies are twice as fast as one of rows of 3
        data[:, byte] = four.reshape(-1, 4)[:, byte]
    return data.tobytes()


class WaveEncoder:
    """Encoder of WAV files from blocks (channels, n)."""

    def __init__(self, file: BinaryIO, target: Target) -> None:
        self.file, self.target = file, target
        self.quantized = Quantizer(target) if target.bits else None
        file.write(self.header(target.samples or 0)[0])

    def header(self, samples: int) -> tuple[bytes, int]:
        """Return header and file size; the header is replaceable if the length was unknown."""
        target = self.target
        return wave.wave_header(
            target.channels,
            samples,
            target.sample_rate,
            target.subtype,
            target.mask,
            text=target.text,
            reserve=target.samples is None,
            trailing=len(self.trailer(samples)),
        )

    def trailer(self, samples: int) -> bytes:
        """Return the chunks after the audio data."""
        if not self.target.tags:
            return b""
        from spatialkit.files.tags.riff import build_chunks

        return build_chunks(self.target.tags)

    def put(self, block: NDArray[Any]) -> None:
        """Encode and write a block (channels, n)."""
        self.file.write(packed(block, self.target, self.quantized))

    def finish(self, samples: int) -> None:
        """Complete the file, which has ``samples`` samples per channel."""
        header, size = self.header(samples)
        trailer = self.trailer(samples)
        # A pad byte: chunks have an even size.
        self.file.write(bytes(size - len(trailer) - self.file.tell()) + trailer)
        if self.target.samples is None:
            self.file.seek(0)
            self.file.write(header)

    def close(self) -> None:
        """Release the encoder; called after errors as well."""


class CodecEncoder:
    """Encoder of FLAC and Ogg files from blocks (channels, n), with libsndfile.

    A FLAC file has a mask tag if its number of channels does not determine the mask.
    """

    def __init__(self, file: BinaryIO, target: Target) -> None:
        import soundfile

        self.file, self.target = file, target
        self.quantized = Quantizer(target) if target.bits else None
        self.tagged = target.mask != COMMON_MASKS.get(target.channels)
        self.sink = Sink(file)
        with self.failures():
            self.sound = soundfile.SoundFile(
                self.sink,
                "w",
                target.sample_rate,
                target.channels,
                format="FLAC" if target.file_format.name == "flac" else "OGG",
                subtype=target.subtype,
            )
        if self.tagged:
            self.sound.comment = flac_masks.FLAC_PLACEHOLDER

    def put(self, block: NDArray[Any]) -> None:
        """Encode and write a block (channels, n)."""
        frames = block.T
        for start in range(0, len(frames), _CODEC_BLOCK_SIZE):
            part = frames[start : start + _CODEC_BLOCK_SIZE]
            if self.quantized is not None:
                # libsndfile uses the upper bits of 32: shifted integers are stored exactly.
                part = self.quantized(part) << (32 - self.target.bits)
            with self.failures():
                self.sound.write(part)

    def finish(self, samples: int) -> None:
        """Complete the file, which has ``samples`` samples per channel."""
        with self.failures():
            self.sound.close()
        if self.tagged:
            flac_masks.put_flac_mask(self.file, self.target.mask)

    def close(self) -> None:
        """Release the encoder; called after errors as well."""
        with suppress(OSError), self.failures():
            self.sound.close()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Raise the error of the file, which libsndfile does not report."""
        import soundfile

        try:
            yield
        except (soundfile.SoundFileError, AssertionError) as error:
            raise self.sink.error or OSError(errno.EIO, "libsndfile failed") from error
        if self.sink.error:
            raise self.sink.error


class Sink:
    """File for libraries that do not propagate exceptions: the first one is stored."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: OSError | None = None
        self.seek, self.tell, self.read = file.seek, file.tell, file.read

    def write(self, data: bytes) -> int:
        """Write data and return the number of bytes; 0 makes libsndfile and FFmpeg stop."""
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = self.error or error
            return 0
