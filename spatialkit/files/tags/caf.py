"""Tags of CAF files: the chunk "info".

Source: Apple, "Core Audio Format Specification 1.0", Information chunk.
"""

from __future__ import annotations

import struct

from spatialkit.files.tags.numbers import joined_number, split_numbers
from spatialkit.tags import Tags

_NAMES = {
    **{"tracknumber": "track number", "date": "recorded date", "comment": "comments"},
    **{"encoder": "encoding application", "lyricist": "lyricist", "key": "key signature"},
}
_KEYS = {name: key for key, name in _NAMES.items()} | {"year": "date", "time signature": "time"}


def parse_info(content: bytes) -> Tags:
    """Return the tags in a chunk "info"."""
    texts = content[4:].split(b"\0")
    fields: dict[str, list[str]] = {}
    for key, value in zip(texts[::2], texts[1::2], strict=False):
        name = key.decode("utf-8", "replace").lower()
        if name and name.isascii() and name.isprintable() and "=" not in name:
            text = value.decode("utf-8", "replace")
            fields.setdefault(_KEYS.get(name, name), []).append(text)
    return Tags(split_numbers(fields))


def build_info(tags: Tags) -> bytes:
    """Return the content of a chunk "info"; empty without texts."""
    entries = []
    for key in tags:
        if key == "tracktotal" and tags.first("tracknumber"):
            continue
        text = tags.text(key)
        if key == "tracknumber":
            text = joined_number(tags, key, "tracktotal")
        entries.append(f"{_NAMES.get(key, key)}\0{text}\0".encode())
    return struct.pack(">I", len(entries)) + b"".join(entries) if entries else b""
