"""Format of the channels that are read: the one in the file, or the one that is requested."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError, LayoutError, SpatialkitWarning
from spatialkit.files.channels import Channels
from spatialkit.files.inspection import FileInfo
from spatialkit.layouts import Format, Layout, get_format, same_channels

# Mask of 7.1 with wide front channels, which libsndfile and others write for any 8 channels.
AMBIGUOUS_MASK = 0xFF


def format_to_read(
    header: FileInfo, stored: Channels, format: str | Format | None, force: bool
) -> tuple[Format | None, NDArray[np.intp] | None]:
    """Return the format of the channels that are read, and their order in the file.

    Raises
    ------
    AudioFileError
        If the file or the requested format contradicts the number of channels.
    LayoutError
        If the file contains another format than the requested one, unless ``force`` is set.
    """
    if format is not None:
        requested = get_format(format)
        agrees = _agrees(header, requested, force or bool(stored.note))
        return requested, stored.order if agrees else None
    if stored.conflict:
        raise AudioFileError(
            f"the {stored.conflict} of {header.path} contradicts its number of channels, "
            f"{header.channels}",
            python="; specify format=",
            command_line="; add --from",
        )
    return stored.format, stored.order


def doubts(header: FileInfo, stored: Channels, is_requested: bool) -> Iterator[SpatialkitWarning]:
    """Yield warnings about what may not be right in the samples that are read."""
    path = header.path
    is_ambiguous = (header.wave_mask, header.channels) == (
        AMBIGUOUS_MASK,
        AMBIGUOUS_MASK.bit_count(),
    )
    if stored.note and not is_requested:
        yield SpatialkitWarning(
            f"{path} {stored.note}",
            python="; specify format= for another format",
            command_line="; add --from for another format",
        )
    elif is_ambiguous and not is_requested:
        yield SpatialkitWarning(
            f"{path} has the channel mask 0xff (7.1 with wide fronts), which many programs "
            "write for any 8 channels",
            python='; for ordinary 7.1 pass format="7.1"',
            command_line="; for ordinary 7.1 add --from 7.1",
        )
    if header.tracks > 1:
        yield SpatialkitWarning(
            f"{path} has {header.tracks} audio tracks; only the default one is read "
            f"({header.subtype}, channels: {header.channels})"
        )


def _agrees(header: FileInfo, format: Format, force: bool) -> bool:
    """Return whether a file contains the requested format; refuse another one unless forced."""
    if format.n_channels != header.channels:
        raise AudioFileError(
            f"{header.path} has {header.channels} channels, but format {format.name!r} has "
            f"{format.n_channels}"
        )
    if header.format is None:
        return False
    if same_channels(header.format, format):
        return True
    # Mono and stereo are assumed if there is no mask.
    stated = header.wave_mask != AMBIGUOUS_MASK if header.wave_mask else header.channels > 2
    if stated and not force:
        raise LayoutError(
            f"{header.path} contains the format {_described(header.format)}, requested is "
            f"{_described(format)}",
            python="; omit it, or pass force_format=True to replace the format of the file",
            command_line="; omit it, or add --force-format to replace the format of the file",
        )
    return False


def _described(format: Format) -> str:
    """Return the name of a format, with the order of its channels."""
    return (
        f"{format.name!r} ({' '.join(format.labels)})"
        if isinstance(format, Layout)
        else repr(format.name)
    )
