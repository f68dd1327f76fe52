"""Vorbis comments (Ogg Vorbis, Opus, FLAC) and the pictures of FLAC.

Sources: Xiph.org, "Ogg Vorbis I format specification: comment field and header specification"; RFC
9639, sections 8.6 and 8.8.
"""

from __future__ import annotations

import base64
import binascii
import struct

from spatialkit.files.tags.numbers import split_numbers
from spatialkit.tags import Picture, Tags

PICTURE_KEY = "metadata_block_picture"
VENDOR = "spatialkit"
_OLD_COVER = "coverart"


def parse_comments(data: bytes) -> Tags:
    """Return the tags in Vorbis comments; what is truncated is left out."""
    fields: dict[str, list[str]] = {}
    pictures: list[Picture] = []
    for entry in _entries(data):
        key, separator, value = entry.partition(b"=")
        name = key.decode("ascii", "replace").strip().lower()
        if not separator or not name.isprintable() or "\ufffd" in name or not name:
            continue
        if name in (PICTURE_KEY, _OLD_COVER):
            pictures += _decoded_picture(value, name)
        elif name != "coverartmime":
            fields.setdefault(name, []).append(value.decode("utf-8", "replace"))
    return Tags(split_numbers(fields), tuple(pictures))


def _entries(data: bytes) -> list[bytes]:
    entries: list[bytes] = []
    at = 0
    number = 1
    while number >= 0 and at + 4 <= len(data):
        (size,) = struct.unpack_from("<I", data, at)
        if at + 4 + size > len(data):
            break
        entries.append(data[at + 4 : at + 4 + size])
        at += 4 + size
        if len(entries) == 1:  # after the vendor, the number of comments
            if at + 4 > len(data):
                break
            number = struct.unpack_from("<I", data, at)[0]
            at += 4
        number -= 1
        if number < 0:
            break
    return entries[1:]


def _decoded_picture(value: bytes, name: str) -> list[Picture]:
    try:
        data = base64.b64decode(value, validate=False)
    except (binascii.Error, ValueError):
        return []
    return [Picture(data)] if name == _OLD_COVER else parse_picture(data)


def parse_picture(data: bytes) -> list[Picture]:
    """Return the picture in a PICTURE block of FLAC; none if it is truncated."""
    try:
        kind, size = struct.unpack_from(">II", data)
        at = 8 + size
        (size,) = struct.unpack_from(">I", data, at)
        description = data[at + 4 : at + 4 + size].decode("utf-8", "replace")
        at += 4 + size + 16
        (size,) = struct.unpack_from(">I", data, at)
    except struct.error:
        return []
    image = data[at + 4 : at + 4 + size]
    return [Picture(image, kind, description)] if image and len(image) == size else []


def build_picture(picture: Picture) -> bytes:
    """Return a PICTURE block of FLAC; 0 stands for an unknown size of the image."""
    mime, description = picture.mime.encode(), picture.description.encode()
    head = struct.pack(">II", picture.kind, len(mime)) + mime
    head += struct.pack(">I", len(description)) + description
    return (
        head
        + struct.pack(">4xIII", 0, 0, 0)[:16]
        + struct.pack(">I", len(picture.data))
        + (picture.data)
    )


def comment_fields(tags: Tags, *, pictures: bool) -> list[tuple[str, str]]:
    """Return keys, in upper case, and texts of Vorbis comments."""
    found = [(key.upper(), text) for key in tags for text in tags[key]]
    if pictures:
        found += [
            (PICTURE_KEY.upper(), base64.b64encode(build_picture(each)).decode())
            for each in tags.pictures
        ]
    return found


def build_comments(fields: list[tuple[str, str]], vendor: str = VENDOR) -> bytes:
    """Return Vorbis comments, without a framing bit."""
    entries = [f"{key}={text}".encode() for key, text in fields]
    name = vendor.encode()
    data = struct.pack("<I", len(name)) + name + struct.pack("<I", len(entries))
    return data + b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)
