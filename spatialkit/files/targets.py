"""Validation of output files: path, encoding, sample rate, channel order and mask."""

from __future__ import annotations

import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import (
    AudioFileError,
    LayoutError,
    OptionError,
    ShapeError,
    SpatialkitWarning,
)
from spatialkit.files import wave
from spatialkit.files.channels import COMMON_MASKS, by_text
from spatialkit.layouts import AmbisonicFormat, Format, Layout, channel_map, get_format
from spatialkit.typing import StrPath
from spatialkit.validation import (
    as_choice,
    as_count,
    as_path,
    as_sample_rate,
    match_name,
    unknown_name,
)

__all__ = ["Dither", "Subtype", "check_target", "subtype_of"]

Subtype: TypeAlias = Literal["FLOAT", "DOUBLE", "PCM_16", "PCM_24", "VORBIS", "OPUS"]
"""Name of an encoding of audio files, see `spatialkit.write`."""
Dither: TypeAlias = Literal["tpdf"]
"""Name of a dither, see `spatialkit.write`."""

# Accepted encodings by file extension; the first is the default.
SUBTYPES: dict[str, tuple[Subtype, ...]] = {
    ".wav": ("FLOAT", "PCM_16", "PCM_24", "DOUBLE"),
    ".flac": ("PCM_24", "PCM_16"),
    ".ogg": ("VORBIS", "OPUS"),
    ".opus": ("OPUS",),
}
MAX_FLAC_CHANNELS = 8
MAX_RATES = {"FLAC": 655350, "VORBIS": 200000}
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)


@dataclass(frozen=True)
class Target:
    """Validated description of an output file, returned by `make_target`."""

    path: Path
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
    text: str = ""

    @property
    def kind(self) -> str:
        """File extension in lower case."""
        return self.path.suffix.lower()

    @property
    def bits(self) -> int:
        """Bits per PCM sample, 0 for other encodings."""
        return int(self.subtype[-2:]) if self.subtype.startswith("PCM") else 0

    @property
    def full_scale(self) -> float:
        """Maximum magnitude of a sample that is accepted."""
        return {"FLOAT": float(np.finfo(np.float32).max), "DOUBLE": np.inf}.get(self.subtype, 1.0)

    @property
    def guarded(self) -> bool:
        """Return whether the encoding would clip or distort samples beyond -1 to 1."""
        return self.full_scale == 1.0


def make_target(
    path: StrPath,
    sample_rate: float,
    *,
    format: str | Format | None,
    channels: int | None,
    samples: int | None,
    subtype: Subtype | None,
    dither: Dither | None,
    seed: int,
    overwrite: bool,
) -> Target:
    """Validate all arguments of `write` and `write_stream` except the samples."""
    path = as_path(path)
    check_target(path, overwrite)
    kind = path.suffix.lower()
    subtype = subtype_of(kind, subtype)
    if dither is not None:
        dither = as_choice(dither, "dither", get_args(Dither))
        if not subtype.startswith("PCM"):
            raise OptionError(
                f"dither must be None for subtype {subtype}, got {dither!r}; it applies to PCM only"
            )
    if format is not None:
        format = get_format(format)
        if channels not in (None, format.n_channels):
            raise ShapeError(
                f"channels must be {format.n_channels} for format {format.name!r}, got {channels}; "
                "omit channels"
            )
        channels = format.n_channels
    if channels is None:
        raise OptionError(
            f"the number of channels of {path} is unknown; specify format or channels"
        )
    if samples is not None:
        samples = as_count(samples, "samples", minimum=0)
    channels = as_count(channels, "channels")
    order, mask = _stored_order(channels, format)
    seed = as_count(seed, "seed", minimum=0)
    sample_rate = as_sample_rate(sample_rate)
    text = _stored_text(format) if kind == ".wav" and not mask else ""
    target = Target(path, sample_rate, channels, samples, subtype, dither, seed, order, mask, text)
    {".wav": _check_wave, ".flac": _check_flac}.get(kind, _check_ogg)(target)
    return target


def subtype_of(kind: str, subtype: str | None) -> Subtype:
    """Return the encoding of a file by its extension.

    Parameters
    ----------
    kind : str
        File extension: ".wav", ".flac", ".ogg" or ".opus".
    subtype : str, optional
        Requested encoding; by default the first that the extension accepts.

    Returns
    -------
    str

    Raises
    ------
    OptionError
        If files with the extension cannot have this encoding.

    Examples
    --------
    >>> subtype_of(".flac", None)
    'PCM_24'
    """
    accepted = SUBTYPES[as_choice(kind, "file extension", SUBTYPES)]
    return as_choice(accepted[0] if subtype is None else subtype, f"subtype of {kind}", accepted)


def warn_ambiguous(target: Target, format: str | Format | None, stacklevel: int) -> None:
    """Warn if a file does not contain the format of its channels."""
    if format is None or target.mask or target.text:
        return
    name = get_format(format).name
    if target.kind == ".flac":
        warning = SpatialkitWarning(
            f"FLAC has no tag for {name}; other programs would treat the channels of {target.path} "
            "as loudspeaker feeds. Use .wav"
        )
    else:
        warning = SpatialkitWarning(
            f"{target.path} does not contain the labels and directions of the layout {name!r}, "
            "for which WAV has no tag",
            python="; specify format= when reading it",
            command_line="; specify --from when reading it",
        )
    warnings.warn(warning, stacklevel=stacklevel)


def check_target(path: Path, overwrite: bool) -> None:
    """Check that `write` can write to a path.

    Parameters
    ----------
    path : Path
        Path of the output file.
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    AudioFileError
        If the extension is not supported, the path exists and is not to be replaced, or its
        directory does not exist.
    """
    extension = path.suffix
    if match_name(extension, SUBTYPES) is None:
        raise AudioFileError(
            f"{path} cannot be written: "
            + unknown_name("output file extension", extension, SUBTYPES)
        )
    if os.path.exists(path):
        if not os.path.isfile(path):
            raise AudioFileError(f"{path} cannot be written: it is not a regular file")
        if not overwrite:
            raise AudioFileError(
                f"{path} exists",
                python="; pass overwrite=True to replace it",
                command_line=": add --force to replace it",
            )
    elif not os.path.isdir(path.parent):
        raise AudioFileError(f"{path} cannot be written: there is no folder {path.parent}")


def _stored_order(channels: int, format: Format | None) -> tuple[NDArray[np.intp] | None, int]:
    """Return the order in which channels are stored (None: unchanged), and the channel mask."""
    if format is None:
        return None, COMMON_MASKS.get(channels, 0)
    if isinstance(format, AmbisonicFormat) or format.wave_mask:
        return None, getattr(format, "wave_mask", 0)
    try:
        stored = format.in_order("wave")
    except LayoutError:
        return None, 0
    return (channel_map(format, stored), stored.wave_mask) if stored.wave_mask else (None, 0)


def _stored_text(format: Format | None) -> str:
    """Return the name of a format, or the JSON of a layout without a name that is known."""
    if format is None:
        return ""
    texts = [format.name]
    if isinstance(format, Layout):
        texts.append(json.dumps(json.loads(format.to_json()), separators=(",", ":")))
    return next((text for text in texts if by_text(text, format.n_channels).format == format), "")


def _check_wave(target: Target) -> None:
    bits = wave.WAVE_ENCODINGS[target.subtype][1]
    if target.channels * bits // 8 > 0xFFFF:
        raise AudioFileError(
            f"{target.path} cannot be written: a WAV file has at most {0xFFFF * 8 // bits} "
            f"channels of {target.subtype}, got {target.channels}"
        )
    maximum = wave.MAX_SIZE // (target.channels * bits // 8)
    as_sample_rate(target.sample_rate, maximum=maximum)


def _check_flac(target: Target) -> None:
    as_sample_rate(target.sample_rate, maximum=MAX_RATES["FLAC"])
    if target.channels > MAX_FLAC_CHANNELS:
        raise AudioFileError(
            f"{target.path} cannot be written: a FLAC file has at most 8 channels, got "
            f"{target.channels}; use .wav"
        )
    require_samples(target, target.samples)


def _check_ogg(target: Target) -> None:
    if target.channels > 2:
        raise AudioFileError(
            f"{target.path} cannot be written: Ogg files are written in mono and stereo only, got "
            f"{target.channels} channels (libsndfile would swap centre and right, and filter "
            "another channel as the LFE); use .wav or .flac"
        )
    if target.mask != COMMON_MASKS[target.channels]:
        raise AudioFileError(
            f"{target.path} cannot be written: the format of an Ogg file with {target.channels} "
            "channels must be mono or stereo; use .wav"
        )
    if target.subtype == "OPUS" and target.sample_rate not in OPUS_RATES:
        raise OptionError(
            f"sample_rate must be one of {', '.join(map(str, OPUS_RATES))} Hz for Opus, got "
            f"{target.sample_rate!r}",
            python="; convert with read(..., sample_rate=48000) or files.resample",
            command_line="; add --sample-rate 48000",
        )
    as_sample_rate(target.sample_rate, maximum=MAX_RATES["VORBIS"])
    require_samples(target, target.samples)


def require_samples(target: Target, samples: int | None) -> None:
    """Reject empty files in containers that do not support them."""
    if samples == 0 and target.kind != ".wav":
        name = target.kind[1:].capitalize() if target.kind != ".flac" else "FLAC"
        raise AudioFileError(
            f"{target.path} cannot be written: {name} does not support 0 samples; use .wav"
        )
