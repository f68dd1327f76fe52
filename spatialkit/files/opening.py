"""Opening of audio files for reading, with libsndfile or PyAV."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple, cast

from spatialkit.errors import AudioFileError
from spatialkit.files import pyav
from spatialkit.files.demuxers import demuxer_of
from spatialkit.files.iamf.reading import IamfSound, is_iamf
from spatialkit.files.leading_bytes import tags_end
from spatialkit.files.libsndfile import SndFile, count_samples
from spatialkit.files.mpeg_audio import frames_start
from spatialkit.files.ogg_opus import projection
from spatialkit.files.pipes import open_binary
from spatialkit.files.recognition import is_audio, unsupported_codec, unsupported_container
from spatialkit.files.sound import JoinedSounds, Sound
from spatialkit.files.views import View

if TYPE_CHECKING:
    from spatialkit.files.lengths import Extent, Part

# A higher sample rate in a header, beyond that of DSD as PCM, is damage.
MAX_SAMPLE_RATE = 1_600_000
# What happens to a file that is shorter than it specifies.
OnTruncated = Literal["error", "warn"]


class OpenFile(NamedTuple):
    """Open audio file: its bytes from the audio on, its samples, and those of its first part.

    ``missing`` is what the file lacks of that which it specifies.
    """

    binary: BinaryIO
    sound: Sound
    first: Sound
    missing: str


@contextmanager
def open_audio(path: Path, on_truncated: OnTruncated = "error") -> Iterator[OpenFile]:
    """Open a file, with PyAV if libsndfile does not support its container or codec."""
    from spatialkit.files.lengths import extent_of

    with open_binary(path) as file, ExitStack() as resources:
        binary = _from_audio_on(file)
        if not binary.seek(0, io.SEEK_END):
            raise AudioFileError(f"{path} is empty")
        if is_iamf(binary):
            found = IamfSound(path, binary, strict=on_truncated == "error")
            resources.callback(found.close)
            yield OpenFile(binary, found, found, found.missing)
            return
        demuxer, codec = demuxer_of(binary), ""
        if demuxer is None:
            demuxer, codec = unsupported_codec(binary) or (None, "")
        if demuxer is not None:
            pyav.require_extra(path, demuxer, codec)
        try:
            extent = extent_of(binary, demuxer)
        except ValueError as error:
            raise AudioFileError(f"{path} is damaged: it {error}") from error
        if extent.missing and on_truncated == "error":
            raise AudioFileError(
                f"{path} is truncated: {extent.missing}",
                python='; pass on_truncated="warn" to read what it contains',
                command_line="; add --truncated warn to read what it contains",
            )
        sounds: list[Sound] = []
        for part in extent.parts:
            if demuxer is None:
                sounds.append(_open_part(path, binary, part, extent))
            else:
                strict = on_truncated == "error"
                content = part.open(binary)
                sounds.append(pyav.AvFile(path, content, demuxer, codec, strict=strict))
            resources.callback(sounds[-1].close)
        if sounds[0].samplerate > MAX_SAMPLE_RATE:
            raise AudioFileError(
                f"{path} specifies a sample rate of {sounds[0].samplerate} Hz; the highest one "
                f"that is read is {MAX_SAMPLE_RATE} Hz"
            )
        _require_agreement(path, sounds)
        sound = sounds[0] if len(sounds) == 1 else JoinedSounds(sounds)
        yield OpenFile(binary, sound, sounds[0], extent.missing)


def _from_audio_on(file: BinaryIO) -> BinaryIO:
    """Return a file from its audio on, without ID3 tags and other bytes before it."""
    start = tags_end(file)
    audio = cast(BinaryIO, View(file, start))
    if not (demuxer_of(audio) or is_audio(audio) or unsupported_container(audio)):
        start += max(0, frames_start(audio))
    return cast(BinaryIO, View(file, start)) if start else file


def _open_part(path: Path, binary: BinaryIO, part: Part, extent: Extent) -> Sound:
    """Open a part of a file with libsndfile."""
    import soundfile

    found = projection(replace(part, replaced={}).open(binary))
    matrix = None if found is None else found[1]
    try:
        frames = count_samples(part.open(binary)) if extent.is_estimated else None
        return SndFile(part.open(binary), matrix, frames)
    except soundfile.SoundFileError as error:
        raise AudioFileError(f"{path} {_problem(binary)}") from error


def _require_agreement(path: Path, sounds: list[Sound]) -> None:
    """Reject a file whose parts differ in their sample rate or number of channels."""
    seconds = 0.0
    first = sounds[0]
    for sound in sounds:
        if (sound.samplerate, sound.channels) != (first.samplerate, first.channels):
            raise AudioFileError(
                f"{path} changes its sample rate or channels after {seconds:.2f} s, from "
                f"{_described(first)} to {_described(sound)}; split it there"
            )
        seconds += sound.frames / sound.samplerate


def _described(sound: Sound) -> str:
    channels = "channel" if sound.channels == 1 else "channels"
    return f"{sound.channels} {channels} at {sound.samplerate} Hz"


def _problem(binary: BinaryIO) -> str:
    """Return why libsndfile does not open a file."""
    if is_audio(binary):
        return "is damaged or not a supported audio file"
    container = unsupported_container(binary)
    if container:
        return f"({container}) is not a supported audio file; convert it first"
    return "is not a supported audio file"


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Convert errors of reading to `AudioFileError`."""
    import soundfile

    try:
        yield
    except AudioFileError:
        raise
    except (soundfile.SoundFileError, TypeError) as error:
        raise AudioFileError(f"{path} is damaged") from error
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
