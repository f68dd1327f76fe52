"""Meaning of the channels of a file: conversion of masks, labels and Ambisonic indices to formats.

Sources: Microsoft, "Multiple channel audio data and WAVE files" (masks); FFmpeg,
libavutil/channel_layout.h (names and order of channels that have no bit in WAVE).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import LayoutError, OptionError
from spatialkit.layouts import (
    WAVE_BITS,
    AmbisonicFormat,
    Format,
    Layout,
    Normalization,
    get_format,
    get_layout,
    layout_names,
    layout_of_labels,
    mirrored,
)

# Default masks by number of channels, in every container.
COMMON_MASKS = {1: 0x4, 2: 0x3}
_MAX_NAME = 64
# FFmpeg's names of loudspeakers that have no bit in WAVE.
_FFMPEG_LABELS = {"WL": "FWL", "WR": "FWR", "BFC": "B+000", "BFL": "B+045", "BFR": "B-045"}
# 22.2 in the order of FFmpeg.
_FFMPEG_22_2 = {
    "FL": "M+060",
    "FR": "M-060",
    "FC": "M+000",
    "LFE": "LFE1",
    "BL": "M+135",
    "BR": "M-135",
    "FLC": "M+030",
    "FRC": "M-030",
    "BC": "M+180",
    "SL": "M+090",
    "SR": "M-090",
    "TC": "T+000",
    "TFL": "U+045",
    "TFC": "U+000",
    "TFR": "U-045",
    "TBL": "U+135",
    "TBC": "U+180",
    "TBR": "U-135",
    "LFE2": "LFE2",
    "TSL": "U+090",
    "TSR": "U-090",
    "BFC": "B+000",
    "BFL": "B+045",
    "BFR": "B-045",
}


@dataclass(frozen=True)
class Channels:
    """Format of the channels that a file contains.

    Parameters
    ----------
    format : Layout or AmbisonicFormat, optional
        None if the file does not specify a format that is supported.
    order : ndarray of int, optional
        Order that sorts the channels of the file to ``format``; None: unchanged.
    note : str
        Content of the file that ``format`` does not express, or an assumption; for a warning.
    conflict : str
        Statement of the file that contradicts its number of channels; for an error.
    """

    format: Format | None = None
    order: NDArray[np.intp] | None = None
    note: str = ""
    conflict: str = ""

    def __bool__(self) -> bool:
        """Return whether the file specifies anything."""
        return bool(self.format or self.note or self.conflict)


def by_count(channels: int) -> Channels:
    """Return the default of files that do not specify a format: mono and stereo are known."""
    return by_mask(COMMON_MASKS[channels], channels) if channels in COMMON_MASKS else Channels()


def by_text(text: str, channels: int) -> Channels:
    """Return the format with a name or the layout in JSON, if it has this number of channels."""
    is_json = text.startswith("{")
    if text.lower().endswith(".json") or (len(text) > _MAX_NAME and not is_json):
        return Channels()  # never the path of a file
    try:
        found = Layout.from_json(text) if is_json else get_format(text)
    except LayoutError:
        return Channels()
    printable = all(map(str.isprintable, (found.name, *getattr(found, "labels", ()))))
    return Channels(found) if printable and found.n_channels == channels else Channels()


def by_mask(mask: int, channels: int) -> Channels:
    """Return the format of channels in WAVE order with a channel mask; 0 is none.

    Bits that WAVE does not define specify nothing. If the mask of a mono or stereo file has more
    bits, the default applies. If it has fewer bits than there are channels, the others are those
    without a bit in WAVE.
    """
    labels = [label for label, bit in WAVE_BITS.items() if mask & bit]
    if mask >> 18 or not labels or (channels in COMMON_MASKS and len(labels) > channels):
        return by_count(channels)
    extra = _labels_without_bit(labels, channels - len(labels))
    if len(labels) + len(extra) != channels:
        return Channels(conflict=f"channel mask {mask:#x}")
    note = (
        f"has the channel mask {mask:#x}, which specifies {len(labels)} of its {channels} channels;"
        f" the others are read as {' '.join(extra)}"
        if extra
        else ""
    )
    found = by_labels([*labels, *extra])
    return Channels(found.format, found.order, note)


def _labels_without_bit(labels: Sequence[str], number: int) -> tuple[str, ...]:
    """Return the labels of channels after those of a mask; empty if they cannot be inferred.

    These are the wide and top side channels of our 9.1.4 and 9.1.6, the last channels of FFmpeg's
    22.2, or the pair of middle tops of Dolby's 5.1.2, 7.0.2 and 7.1.2 and of FFmpeg's 9.1.6.
    """
    for named in map(get_layout, layout_names()):
        first, others = named.labels[: len(labels)], named.labels[len(labels) :]
        if first == tuple(labels) and len(others) == number and not set(others) & set(WAVE_BITS):
            return others
    if len(labels) == len(WAVE_BITS) and number == len(_FFMPEG_22_2) - len(labels):
        return tuple(_FFMPEG_22_2)[len(labels) :]
    pairs = all(mirrored(label) in labels for label in labels)
    return ("TSL", "TSR") if number == 2 and pairs and "FL" in labels else ()


def by_labels(labels: Sequence[str]) -> Channels:
    """Return the format of channels with labels of FFmpeg, everyday layouts or BS.2051."""
    if set(labels) == set(_FFMPEG_22_2):
        labels = [_FFMPEG_22_2[label] for label in labels]
    found = layout_of_labels([_FFMPEG_LABELS.get(label, label) for label in labels])
    if found is None:
        return Channels()
    return Channels(found[0], _changed(found[1]))


def by_ambisonics(acn: Sequence[int], normalization: Normalization) -> Channels:
    """Return the format of Ambisonic channels with these indices (ACN), in any order."""
    order = math.isqrt(len(acn)) - 1
    if sorted(acn) == list(range((order + 1) ** 2)):
        with suppress(LayoutError, OptionError):  # the order is not supported
            return Channels(AmbisonicFormat(order, normalization), _changed(np.argsort(acn)))
    return Channels(
        note=f"has {len(acn)} Ambisonic channels ({normalization}), which are not those of an "
        "order that is supported"
    )


def by_ambix(channels: int) -> Channels:
    """Return the format of AmbiX channels, which a stereo pair for headphones may follow."""
    for scene in (channels, channels - 2):
        if math.isqrt(max(scene, 0)) ** 2 == scene and scene >= 4:
            found = by_ambisonics(range(scene), "SN3D")
            break
    else:
        return Channels(note=f"has {channels} channels, which are not those of an Ambisonic order")
    if scene == channels or found.format is None:
        return found
    return Channels(
        note=f"contains {found.format.name} in its first {scene} channels and stereo for "
        "headphones, without head rotation, in the last 2"
    )


def _changed(order: NDArray[np.intp]) -> NDArray[np.intp] | None:
    """Return the order, None if it does not change anything."""
    return None if np.array_equal(order, np.arange(len(order))) else order
