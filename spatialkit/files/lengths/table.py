"""Extents of files, by the first bytes or by the demuxer of their container."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, cast

from spatialkit.files.demuxers import SIGNATURES
from spatialkit.files.lengths import codecs, containers, pcm
from spatialkit.files.lengths.extent import Extent, Part, bytes_at, lacking, size_of
from spatialkit.files.lengths.flac import flac_extent
from spatialkit.files.lengths.mpeg import mpeg_extent
from spatialkit.files.lengths.ogg import ogg_extent
from spatialkit.files.lengths.tags import next_start, tags_start
from spatialkit.files.views import View

# By first bytes.
_EXTENTS: tuple[tuple[bytes, Callable[[BinaryIO], Extent]], ...] = (
    (rb"(RIFF|RF64|BW64)....WAVE", pcm.wave_extent),
    (rb"riff\x2e\x91\xcf\x11", pcm.wave64_extent),
    (rb"FORM....(AIF|8SV|16SV)", pcm.iff_extent),
    (rb"caff", pcm.caf_extent),
    (rb"\.snd|dns\.", pcm.au_extent),
    (rb"Creative Voice", pcm.voc_extent),
    (rb"NIST_1A", pcm.nist_extent),
    (rb"2BIT", pcm.avr_extent),
    (rb"fLaC", flac_extent),
    (rb"OggS", ogg_extent),
    (rb"\xff[\xe2-\xef\xf2-\xf7\xfa-\xff]", mpeg_extent),
)
# By FFmpeg's demuxer.
_ENDS: dict[str, Callable[[BinaryIO], int]] = {
    "mov": containers.mov_end,
    "matroska": containers.matroska_end,
    "asf": containers.asf_end,
    "avi": containers.avi_end,
    "flv": containers.flv_end,
    "mpegts": containers.mpegts_end,
    "mpeg": containers.mpeg_end,
    "ape": containers.ape_end,
    "tta": containers.tta_end,
    "mpc8": containers.mpc8_end,
    "dsf": containers.dsf_end,
    "iff": containers.dsdiff_end,
    "wv": codecs.wavpack_end,
    "amr": codecs.amr_end,
}
# Demuxers that take what follows the audio, such as a tag, for audio.
_TRIMMED = ("wv", "tta", "ape", "amr")


def extent_of(file: BinaryIO, demuxer: str | None) -> Extent:
    """Return the extent of an open file, which FFmpeg reads with a demuxer if there is one.

    Raises
    ------
    ValueError
        If the sizes in the header contradict each other.
    """
    head = bytes_at(file, 0, 16)
    size = size_of(file)
    for signature, examine in _EXTENTS:
        if re.match(signature, head, re.DOTALL):
            extent = examine(file)
            return _joined(file, demuxer, extent, signature)
    if demuxer in codecs.FRAME_SIZES:
        end = codecs.frames_end(file, codecs.FRAME_SIZES[demuxer])
        part = Part(0, tags_start(file, size))
        return Extent((part,), "its last frame is cut off" if end > size else "")
    if demuxer in _ENDS:
        end = _ENDS[demuxer](file)
        part = Part(0, min(end, size)) if demuxer in _TRIMMED and end else Part()
        extent = Extent((part,), lacking(end, size), end)
        return _joined(file, demuxer, extent, SIGNATURES[demuxer])
    return Extent()


def _joined(file: BinaryIO, demuxer: str | None, extent: Extent, signature: bytes) -> Extent:
    """Return an extent with the parts of the file that begins at its end, if there is one."""
    end = extent.end or 0
    at = next_start(file, end) if end > 0 else 0
    if at <= 0 or not re.match(signature, bytes_at(file, at, 200), re.DOTALL):
        return extent
    rest = extent_of(cast(BinaryIO, View(file, at)), demuxer)
    parts = (replace(part, end=end) if part.end is None else part for part in extent.parts)
    return Extent(
        (*parts, *(_moved(part, at) for part in rest.parts)), extent.missing or rest.missing
    )


def _moved(part: Part, offset: int) -> Part:
    """Return a part of a view as one of the file in which the view begins at ``offset``."""
    return Part(
        part.start + offset,
        None if part.end is None else part.end + offset,
        part.prefix,
        {place + offset: content for place, content in part.replaced.items()},
    )
