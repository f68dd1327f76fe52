"""Validation of output files: path, encoding, sample rate, channel order and mask."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import (
    AudioFileError,
    LayoutError,
    OptionError,
    ShapeError,
    SpatialkitWarning,
)
from spatialkit.files.adm import AdmContent
from spatialkit.files.channels import COMMON_MASKS, by_text
from spatialkit.files.formats import (
    EXPLICIT,
    FILE_FORMATS,
    Dither,
    FileFormat,
    Subtype,
    Target,
    format_of_path,
    format_suffix,
)
from spatialkit.files.tagging import held_tags
from spatialkit.layouts import AmbisonicFormat, Format, Layout, channel_map, get_format
from spatialkit.tags import Tags
from spatialkit.typing import StrPath
from spatialkit.validation import (
    as_choice,
    as_count,
    as_path,
    as_sample_rate,
)

__all__ = ["Dither", "Subtype", "check_target", "subtype_of"]

MIN_BIT_RATE = 6000
# Delay of the encoders of AC-3 and E-AC-3: half of a transform window.
DOLBY_DELAY = 256


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
    overwrite: bool | None,
    bit_rate: int | None = None,
    tags: Tags | Mapping[str, Any] | None = None,
    file_format: FileFormat | None = None,
    adm: bool | AdmContent = False,
) -> Target:
    """Validate all arguments of `write` and `write_stream` except the samples.

    ``overwrite`` is None if nothing is written yet. ``file_format`` replaces that of the path. With
    ``adm`` it is that of ADM, in a WAV file.
    """
    path = as_path(path)
    if overwrite is not None:
        check_target(path, overwrite)
    file_format = file_format or (_adm_format(path) if adm else format_of_path(path))
    if subtype is not None:
        subtype = _checked_subtype(file_format, path, subtype)
    if dither is not None:
        dither = as_choice(dither, "dither", get_args(Dither))
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
    text = _stored_text(format) if file_format.name == "wav" and not mask else ""
    target = Target(
        *(path, file_format, sample_rate, channels, samples, file_format.subtypes[0], dither),
        *(seed, order, mask, format, text, as_bit_rate(bit_rate)),
        tags=held_tags(as_tags(tags), file_format)[0],
        adm=None if isinstance(adm, bool) else adm,
    )
    chosen = subtype or file_format.default_subtype(target)
    target = replace(target, subtype=chosen)
    if chosen in EXPLICIT:  # without layout, so that the order must be that of the caller
        target = replace(target, order=None, mask=0)
    if dither is not None and not target.bits:
        raise OptionError(
            f"dither must be None for subtype {chosen}, got {dither!r}; it applies to PCM only"
        )
    file_format.require(target)
    require_samples(target, samples)
    return target


def check_format(
    path: StrPath,
    format: str | Format,
    *,
    subtype: Subtype | None = None,
    bit_rate: int | None = None,
) -> Subtype:
    """Check that a file can contain a format, before any work.

    Parameters
    ----------
    path : str or path
        Path of the output, which need not exist; only its suffix matters.
    format : str, Layout or AmbisonicFormat
    subtype, bit_rate
        As for `write`.

    Returns
    -------
    str
        Encoding of the file.

    Raises
    ------
    AudioFileError, OptionError
        As for `write`.

    Examples
    --------
    >>> check_format("song.mp4", "ambix1")
    'OPUS'
    """
    return make_target(
        path,
        fitting_rate(path, 48000, subtype),
        format=format,
        channels=None,
        samples=None,
        subtype=subtype,
        bit_rate=bit_rate,
        dither=None,
        seed=0,
        overwrite=None,
    ).subtype


def _adm_format(path: Path) -> FileFormat:
    """Return the format of a WAV file with ADM metadata."""
    if not path.name.lower().endswith(".wav"):
        raise AudioFileError(
            f"{path} cannot be written: ADM metadata is in WAV files; use .wav, such as "
            f"{path.stem}.adm.wav"
        )
    return next(found for found in FILE_FORMATS if found.name == "adm")


def fitting_rate(path: StrPath, sample_rate: int, subtype: str | None = None) -> int:
    """Return the lowest sample rate of an output's encoding that is not below another rate.

    Parameters
    ----------
    path : str or path
        Path of the output; only its suffix matters.
    sample_rate : int
        Sample rate in Hz.
    subtype : str, optional
        Encoding; by default that of the format.

    Returns
    -------
    int
        ``sample_rate`` if the encoding has it; the highest rate of the encoding if all are lower.

    Examples
    --------
    >>> fitting_rate("song.opus", 44100), fitting_rate("song.flac", 44100)
    (48000, 44100)
    """
    from spatialkit.files.codecs import CODECS

    file_format = format_of_path(as_path(path))
    chosen = subtype or file_format.subtypes[0]
    rates = sorted(CODECS[chosen].rates) if file_format.extra or chosen == "OPUS" else []
    if not rates or sample_rate in rates:
        return sample_rate
    return next((rate for rate in rates if rate > sample_rate), rates[-1])


def as_tags(tags: Tags | Mapping[str, Any] | None) -> Tags:
    """Return tags that are given as such, as a mapping of keys to texts, or not at all."""
    if tags is None or isinstance(tags, Tags):
        return tags or Tags()
    if not isinstance(tags, Mapping):
        raise OptionError(f"tags must be Tags or a mapping of keys to texts, got {tags!r}")
    return Tags(tags)


def as_bit_rate(bit_rate: float | None) -> int | None:
    """Return a bit rate in bit/s as an integer."""
    if bit_rate is None:
        return None
    return as_count(bit_rate, "bit_rate", minimum=MIN_BIT_RATE, unit="bit/s")


def subtype_of(kind: str, subtype: str | None) -> Subtype:
    """Return the encoding of a file by its extension.

    Parameters
    ----------
    kind : str
        File extension, such as ".wav" or ".flac".
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
    suffixes = [suffix for found in FILE_FORMATS for suffix in found.suffixes]
    found = format_of_path(Path("name" + as_choice(kind, "file extension", suffixes)))
    chosen = found.subtypes[0] if subtype is None else subtype
    return as_choice(chosen, f"subtype of {kind}", found.subtypes)


def _checked_subtype(file_format: FileFormat, path: Path, subtype: str) -> Subtype:
    kind = format_suffix(path).lower()
    kind = kind if kind in file_format.suffixes else file_format.suffixes[0]
    return as_choice(subtype, f"subtype of {kind}", file_format.subtypes)


def warn_ambiguous(target: Target, format: str | Format | None, stacklevel: int) -> None:
    """Warn if a file does not contain the format of its channels, or the delay of its codec."""
    name = "" if format is None else get_format(format).name
    kind = target.file_format.name
    if kind in ("ac3", "eac3"):
        warning = SpatialkitWarning(
            f"{target.path} starts with {DOLBY_DELAY} samples of silence, because "
            f"{target.file_format.title} streams do not contain the delay and the length of the "
            f"audio. In .mp4, {target.subtype} has both"
        )
    elif target.subtype == "OPUS_DISCRETE" and name:
        warning = SpatialkitWarning(
            f"{target.path} does not contain the layout {name!r}: players would treat its channels "
            "as unknown",
            python="; specify format= when reading it",
            command_line="; specify --from when reading it",
        )
    elif not name or target.mask or target.text or kind not in ("wav", "flac"):
        return
    elif kind == "flac":
        warning = SpatialkitWarning(
            f"FLAC has no tag for {name}; other programs would treat the channels of {target.path} "
            "as loudspeaker feeds. Use .wav"
        )
    elif target.file_format.name != "wav":
        return
    else:
        warning = SpatialkitWarning(
            f"{target.path} does not contain the labels and directions of the layout {name!r}, "
            "for which WAV has no tag",
            python="; specify format= when reading it",
            command_line="; specify --from when reading it",
        )
    warnings.warn(warning, stacklevel=stacklevel)


def warn_tags(target: Target, tags: Tags | Mapping[str, Any] | None, stacklevel: int) -> None:
    """Warn if a file cannot contain all tags."""
    for sentence in held_tags(as_tags(tags), target.file_format)[1]:
        warnings.warn(f"{target.path}: {sentence}", SpatialkitWarning, stacklevel=stacklevel)


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
    format_of_path(path)
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


def require_samples(target: Target, samples: int | None) -> None:
    """Reject empty files in formats that do not support them."""
    if samples == 0 and not target.file_format.empty:
        raise AudioFileError(
            f"{target.path} cannot be written: {target.file_format.title} does not support 0 "
            "samples; use .wav"
        )
