"""Format of the channels of files other than WAV, by the rules of their containers.

Sources: RFC 9639, sections 8.6.2 and 9.1.3 (FLAC); Vorbis I, section 4.3.9; RFC 7845, section
5.1.1, and RFC 8486 (Opus). Ogg has no channel mask: the number of channels determines the layout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from spatialkit.files import chunks, coreaudio, flac_masks, mp4_boxes, wave
from spatialkit.files.channels import Channels, by_ambix, by_count, by_labels, by_mask
from spatialkit.files.ogg_opus import PROJECTION, opus_family
from spatialkit.files.pyav import AvFile
from spatialkit.layouts import VORBIS_SYSTEMS, get_layout


def stored_channels(container: str, file: BinaryIO, channels: int) -> tuple[int | None, Channels]:
    """Return the channel mask of a file, None if it has none, and the format of its channels."""
    if container == "FLAC":
        mask = flac_masks.flac_mask(file)
        return mask, by_mask(flac_masks.FLAC_MASKS[channels] if mask is None else mask, channels)
    if container == "W64":
        mask = wave.read_wave64_format(file).mask
        return mask, by_mask(mask or 0, channels)
    reader = _READERS.get(container)
    found = reader(file, channels) if reader else Channels()
    return None, found or by_count(channels)


def _aiff(file: BinaryIO, channels: int) -> Channels:
    return coreaudio.read_layout(chunks.read_chunk(file, chunks.AIFF, b"CHAN"), channels)


def _caf(file: BinaryIO, channels: int) -> Channels:
    return coreaudio.read_layout(chunks.read_chunk(file, chunks.CAF, b"chan"), channels)


def _ogg(file: BinaryIO, channels: int) -> Channels:
    family = opus_family(file)
    if family in (2, PROJECTION):
        return by_ambix(channels)
    if family in (None, 0, 1) and 2 < channels <= len(VORBIS_SYSTEMS):
        system = get_layout(VORBIS_SYSTEMS[channels - 1])
        return by_labels(system.in_order("vorbis").labels)
    return Channels()


_READERS: dict[str, Callable[[BinaryIO, int], Channels]] = {
    "AIFF": _aiff,
    "CAF": _caf,
    "OGG": _ogg,
}


def decoded_channels(sound: AvFile) -> Channels:
    """Return the format of the channels of a file that PyAV reads.

    Decoders return channels in FFmpeg's order and with its labels; the channels of PCM, and of
    decoders without labels, are those of the container.
    """
    labels, channels = sound.labels, sound.channels
    found = mp4_boxes.scene_channels(sound.scene, channels)
    if not found and (sound.subtype.startswith("PCM_") or labels[0] == "NONE"):
        found = coreaudio.read_layout(sound.apple_layout, channels)
        found = found or mp4_boxes.positioned_channels(sound.positions, channels)
    if not found and labels[0] == "AMBI0":
        found = by_ambix(channels)
    return found or by_labels(labels) or by_count(channels)
