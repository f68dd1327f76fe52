"""Table of the file formats that are written.

A format is chosen by the suffix of the path, or by its name. Each entry names the functions that
belong to it as "module:name", so that nothing is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError, OptionError
from spatialkit.layouts import Format
from spatialkit.tags import Tags
from spatialkit.validation import unknown_name

if TYPE_CHECKING:
    from spatialkit.files.adm import AdmContent

__all__ = [
    "Dither",
    "Target",
    "FILE_FORMATS",
    "FileFormat",
    "Subtype",
    "file_format",
    "file_format_names",
    "format_of_path",
    "format_suffix",
]


Subtype: TypeAlias = Literal[
    "FLOAT",
    "DOUBLE",
    "PCM_16",
    "PCM_24",
    "VORBIS",
    "OPUS",
    "OPUS_DISCRETE",
    "AAC",
    "ALAC",
    "FLAC",
    "AC3",
    "EAC3",
    "WAVPACK",
]
"""Name of an encoding of audio files, see `spatialkit.write`."""

Dither: TypeAlias = Literal["tpdf"]
"""Name of a dither, see `spatialkit.write`."""

# Bits of the integers that an encoding stores exactly.
_BITS = {"PCM_16": 16, "PCM_24": 24, "ALAC": 24, "FLAC": 24, "WAVPACK": 24}
# Encodings without the layout, which are never chosen by default.
EXPLICIT = ("OPUS_DISCRETE",)


class Encoder(Protocol):
    """Encoder of an output file, which is called with the open file and its `Target`.

    It writes to the file, which is empty, open for reading and writing, and becomes the output when
    `finish` has returned.
    """

    def put(self, block: NDArray[Any]) -> None:
        """Encode and write a block (channels, n) in the order of ``target.order``."""

    def finish(self, samples: int) -> None:
        """Complete the file, which has ``samples`` samples per channel."""

    def close(self) -> None:
        """Release the encoder; called after errors as well."""


@dataclass(frozen=True)
class FileFormat:
    """Format of output files.

    Parameters
    ----------
    name : str
        Name on the command line, such as "wav".
    title : str
        Name in messages, such as "WAV".
    suffixes : tuple of str
        Ends of file names in lower case; the first is that of new names. A longer suffix takes
        precedence: ".adm.wav" before ".wav".
    subtypes : tuple of str
        Accepted encodings; the first is the default.
    by_channels : bool
        Whether the default is the first encoding that can contain the channels instead.
    problem : str
        Function that is called with a `Target` and returns why the format cannot contain its
        channels, "" if it can; for sample rates it raises an `OptionError`.
    encoder : str
        Class of the `Encoder`.
    extra : str
        Extra of the package that writing needs, "" for none.
    empty : bool
        Whether files of 0 samples are possible.
    tags : str
        Kind of tags that the format contains: "vorbis", "riff", "mp4", "matroska", "caf", "ape" or
        "" for none.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    subtypes: tuple[Subtype, ...]
    problem: str
    encoder: str
    extra: str = ""
    by_channels: bool = False
    empty: bool = False
    tags: str = ""

    def require(self, target: Target) -> None:
        """Raise an error, with the formats that can, if this one cannot contain a target."""
        problem = _load(self.problem)(target)
        if problem:
            others = [found.suffixes[0] for found in FILE_FORMATS if found.accepts(target)]
            raise AudioFileError(
                f"{target.path} cannot be written: {problem}"
                + (f"; use {either(others)}" if others else "")
            )

    def accepts(self, target: Target) -> bool:
        """Return whether the format can contain the channels of a target in any encoding.

        FLAC without a mask is not listed: it would be read as loudspeaker feeds.
        """
        if self.name == "flac" and target.format and not target.mask:
            return False
        return any(
            self.accepts_as(target, subtype) for subtype in self.subtypes if subtype not in EXPLICIT
        )

    def accepts_as(self, target: Target, subtype: Subtype) -> bool:
        """Return whether the format can contain the channels of a target in an encoding."""
        with suppress(OptionError):  # the sample rate
            return not self._problem_as(target, subtype)
        return False

    def default_subtype(self, target: Target) -> Subtype:
        """Return the encoding of a target that specifies none."""
        if self.by_channels:
            for subtype in (each for each in self.subtypes if each not in EXPLICIT):
                with suppress(OptionError):
                    if self._problem_as(target, subtype):
                        continue
                return subtype
        return self.subtypes[0]

    def open(self, file: BinaryIO, target: Target) -> Encoder:
        """Return the encoder of an output file."""
        encoder: Encoder = _load(self.encoder)(file, target)
        return encoder

    def _problem_as(self, target: Target, subtype: Subtype) -> str:
        converted = replace(target, file_format=self, subtype=subtype, bit_rate=None)
        problem: str = _load(self.problem)(converted)
        return problem


@dataclass(frozen=True)
class Target:
    """Validated description of an output file, returned by `make_target`."""

    path: Path
    file_format: FileFormat
    sample_rate: int
    channels: int
    samples: int | None
    subtype: Subtype
    dither: Dither | None
    seed: int
    # Order in which the channels are stored (None: unchanged), and the mask of that order, or the
    # description of a format that has none.
    order: NDArray[np.intp] | None
    mask: int
    # Format of the channels as they are passed, before they are sorted by ``order``.
    format: Format | None = None
    text: str = ""
    bit_rate: int | None = None
    tags: Tags = field(default_factory=Tags, compare=False)
    # Content of a file with ADM metadata that is not a single bed or scene.
    adm: AdmContent | None = None

    @property
    def bits(self) -> int:
        """Bits per PCM sample, 0 for other encodings."""
        return _BITS.get(self.subtype, 0)

    @property
    def full_scale(self) -> float:
        """Maximum magnitude of a sample that is accepted."""
        return {"FLOAT": float(np.finfo(np.float32).max), "DOUBLE": np.inf}.get(self.subtype, 1.0)

    @property
    def guarded(self) -> bool:
        """Return whether the encoding would clip or distort samples beyond -1 to 1."""
        return self.full_scale == 1.0


_RULES = "spatialkit.files.rules:"
_ENCODERS = "spatialkit.files.encoders:"
_ADM = "spatialkit.files.adm.encoder:"
# The encoder measures loudness, in a folder above this one.
_IAMF: Any = {
    "problem": "spatialkit.files.iamf.encoder:iamf_problem",
    "encoder": "spatialkit.delivery:iamf_encoder",
}

_OGG = "spatialkit.files.ogg_writing:"
_CAF = "spatialkit.files.caf:"
_FFMPEG: Any = {
    "problem": "spatialkit.files.codecs:av_problem",
    "encoder": "spatialkit.files.av_encoder:AvEncoder",
    "extra": "av",
}

FILE_FORMATS: tuple[FileFormat, ...] = (
    FileFormat(
        *("wav", "WAV", (".wav",), ("FLOAT", "PCM_16", "PCM_24", "DOUBLE")),
        problem=_RULES + "wave_problem",
        encoder=_ENCODERS + "WaveEncoder",
        empty=True,
        tags="riff",
    ),
    FileFormat(
        *("flac", "FLAC", (".flac",), ("PCM_24", "PCM_16")),
        problem=_RULES + "flac_problem",
        encoder=_ENCODERS + "CodecEncoder",
        tags="vorbis",
    ),
    FileFormat(
        *("ogg", "Ogg", (".ogg",), ("VORBIS", "OPUS")),
        problem=_OGG + "ogg_problem",
        encoder=_OGG + "ogg_encoder",
        by_channels=True,
        tags="vorbis",
    ),
    FileFormat(
        *("opus", "Opus", (".opus",), ("OPUS",)),
        problem=_OGG + "ogg_problem",
        encoder=_OGG + "ogg_encoder",
        tags="vorbis",
    ),
    FileFormat(
        *("caf", "CAF", (".caf",), ("PCM_24", "PCM_16", "FLOAT", "DOUBLE")),
        problem=_CAF + "caf_problem",
        encoder=_CAF + "CafEncoder",
        empty=True,
        tags="caf",
    ),
    FileFormat(
        *("mov", "QuickTime", (".mov",), ("PCM_24", "PCM_16", "FLOAT")),
        **_FFMPEG,
        tags="mp4",
    ),
    FileFormat(*("m4a", "M4A", (".m4a",), ("AAC", "ALAC")), **_FFMPEG, tags="mp4"),
    FileFormat(
        *("mp4", "MP4", (".mp4",), ("AAC", "OPUS", "ALAC", "FLAC", "EAC3", "AC3")),
        **_FFMPEG,
        by_channels=True,
        tags="mp4",
    ),
    FileFormat(
        *("mka", "Matroska", (".mka",), ("FLAC", "OPUS", "OPUS_DISCRETE")),
        **_FFMPEG,
        by_channels=True,
        tags="matroska",
    ),
    FileFormat(
        *("webm", "WebM", (".webm",), ("OPUS", "OPUS_DISCRETE")), **_FFMPEG, tags="matroska"
    ),
    FileFormat(*("wavpack", "WavPack", (".wv",), ("WAVPACK",)), **_FFMPEG, tags="ape"),
    FileFormat(*("ac3", "AC-3", (".ac3",), ("AC3",)), **_FFMPEG),
    FileFormat(*("eac3", "E-AC-3", (".eac3", ".ec3"), ("EAC3",)), **_FFMPEG),
    FileFormat(
        *("adm", "ADM BWF", (".adm.wav",), ("PCM_24", "PCM_16")),
        problem=_ADM + "adm_problem",
        encoder=_ADM + "AdmEncoder",
        empty=True,
        tags="riff",
    ),
    FileFormat(
        *("iamf", "IAMF", (".iamf",), ("PCM_24", "PCM_16", "FLAC", "OPUS")),
        **_IAMF,
    ),
    FileFormat(
        *("iamf-mp4", "IAMF in MP4", (".iamf.mp4",), ("PCM_24", "PCM_16", "FLAC", "OPUS")),
        **_IAMF,
    ),
)


def file_format_names() -> tuple[str, ...]:
    """Return the names of the formats that are written, such as "wav" and "opus"."""
    return tuple(found.name for found in FILE_FORMATS)


def file_format(name: str) -> FileFormat:
    """Return the format with a name.

    Raises
    ------
    AudioFileError
        If there is none.
    """
    for found in FILE_FORMATS:
        if found.name == str(name).lower():
            return found
    names = [found.name for found in FILE_FORMATS]
    raise AudioFileError(unknown_name("file format", name, names))


def format_suffix(path: Path) -> str:
    """Return the suffix by which the format of a path is known, as it is spelled; "" for none."""
    name = path.name.lower()
    suffixes = [suffix for found in FILE_FORMATS for suffix in found.suffixes]
    known = max((suffix for suffix in suffixes if name.endswith(suffix)), key=len, default="")
    return path.name[len(path.name) - len(known) :] if known and name != known else ""


def format_of_path(path: Path) -> FileFormat:
    """Return the format of a path by its suffix.

    Raises
    ------
    AudioFileError
        If no format has the suffix.
    """
    suffix = format_suffix(path).lower()
    for found in FILE_FORMATS:
        if suffix in found.suffixes:
            return found
    accepted = [suffix for found in FILE_FORMATS for suffix in found.suffixes]
    raise AudioFileError(
        f"{path} cannot be written: " + unknown_name("output file extension", path.suffix, accepted)
    )


def either(names: Sequence[str]) -> str:
    """Return names as text: "a, b or c"."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
