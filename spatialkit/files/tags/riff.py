"""Tags of WAV files: the chunks LIST INFO and "id3 ".

Sources: Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", LIST INFO; the
chunk "id3 " contains an ID3v2 tag.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from spatialkit.files.tags.id3 import build_id3, parse_id3
from spatialkit.files.tags.numbers import joined_number, split_numbers
from spatialkit.tags import Tags

_KEYS = {
    **{b"INAM": "title", b"IART": "artist", b"IPRD": "album", b"ICRD": "date", b"IGNR": "genre"},
    **{b"ICMT": "comment", b"ITRK": "tracknumber", b"IPRT": "tracknumber", b"ICOP": "copyright"},
    **{b"IMUS": "composer", b"ISFT": "encoder", b"ILNG": "language", b"ISRC": "source"},
}
_NAMES = {key: name for name, key in reversed(_KEYS.items())}


def parse_chunks(chunks: Mapping[bytes, bytes]) -> Tags:
    """Return the tags in the chunks of a WAV file; ID3 is preferred to LIST INFO."""
    for name in (b"id3 ", b"ID3 "):
        if chunks.get(name, b"").startswith(b"ID3"):
            found = parse_id3(chunks[name])
            if found:
                return found
    return parse_info(chunks.get(b"LIST", b""))


def parse_info(content: bytes) -> Tags:
    """Return the tags in a chunk LIST INFO."""
    fields: dict[str, list[str]] = {}
    at = 4
    while content[:4] == b"INFO" and at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        data = content[at + 8 : at + 8 + size].partition(b"\0")[0]
        if name in _KEYS and data:
            try:
                text = data.decode()
            except UnicodeDecodeError:
                text = data.decode("cp1252", "replace")
            fields.setdefault(_KEYS[name], []).append(text)
        at += 8 + size + size % 2
    return Tags(split_numbers(fields))


def build_chunks(tags: Tags) -> bytes:
    """Return the chunks of tags: the common ones in LIST INFO, all of them in "id3 "."""
    if not tags:
        return b""
    entries = b"".join(
        _chunk(_NAMES[key], _info_text(tags, key).encode() + b"\0")
        for key in tags
        if key in _NAMES and key != "source"
    )
    info = _chunk(b"LIST", b"INFO" + entries) if entries else b""
    return info + _chunk(b"id3 ", build_id3(tags))


def _info_text(tags: Tags, key: str) -> str:
    return joined_number(tags, key, "tracktotal") if key == "tracknumber" else tags.text(key)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)
