"""APEv2 tags (WavPack, Monkey's Audio, Musepack).

Source: Hydrogenaudio, "APEv2 specification".
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from spatialkit.files.tags.numbers import joined_number, split_numbers
from spatialkit.tags import Picture, Tags

_FOOTER = struct.Struct("<8sIIII8x")
_MAGIC = b"APETAGEX"
_VERSION = 2000
_HAS_HEADER, _IS_HEADER, _BINARY = 1 << 31, 1 << 29, 2
_KEYS = {
    **{"album artist": "albumartist", "track": "tracknumber", "disc": "discnumber"},
    **{"year": "date", "media": "media", "debut album": "originalalbum"},
}
_NAMES = {
    **{"albumartist": "Album Artist", "tracknumber": "Track", "discnumber": "Disc"},
    **{"date": "Year", "title": "Title", "artist": "Artist", "album": "Album", "genre": "Genre"},
    **{"comment": "Comment", "composer": "Composer", "lyrics": "Lyrics", "copyright": "Copyright"},
}
_COVERS = {"cover art (front)": 3, "cover art (back)": 4, "cover art (other)": 0}
_MAX_SIZE = 2**28


def read_ape(file: BinaryIO) -> Tags:
    """Return the tags at the end of a file; none if there are none."""
    end = file.seek(0, 2)
    for place in (end - 32, end - 128 - 32):  # before a tag of ID3v1
        if place < 0:
            break
        file.seek(place)
        magic, _, size, number, _ = _FOOTER.unpack(file.read(_FOOTER.size))
        if magic == _MAGIC and 32 <= size <= min(place + 32, _MAX_SIZE):
            file.seek(place + 32 - size)
            return parse_items(file.read(size - 32), number)
    return Tags()


def parse_items(data: bytes, number: int) -> Tags:
    """Return the tags in the items of an APEv2 tag."""
    fields: dict[str, list[str]] = {}
    pictures: list[Picture] = []
    at = 0
    for _ in range(number):
        if at + 8 > len(data):
            break
        size, flags = struct.unpack_from("<II", data, at)
        end = data.find(b"\0", at + 8)
        if end < 0 or end + 1 + size > len(data):
            break
        key = data[at + 8 : end].decode("ascii", "replace").lower()
        value = data[end + 1 : end + 1 + size]
        at = end + 1 + size
        if key in _COVERS:
            image = value.partition(b"\0")[2]
            pictures += [Picture(image, _COVERS[key])] if image else []
        elif not flags & 6 and key.isascii() and key.isprintable() and "=" not in key:
            texts = value.decode("utf-8", "replace").split("\0")
            fields.setdefault(_KEYS.get(key, key), []).extend(texts)
    return Tags(split_numbers(fields), tuple(pictures))


def build_ape(tags: Tags) -> bytes:
    """Return an APEv2 tag, with header and footer."""
    items = []
    for key in tags:
        if key in ("tracktotal", "disctotal"):
            continue
        text = "\0".join(tags[key])
        if key in ("tracknumber", "discnumber"):
            text = joined_number(tags, key, key.replace("number", "total"))
        items.append(_item(_NAMES.get(key, key.upper()), text.encode(), 0))
    for name, kind in (("Cover Art (Front)", 3), ("Cover Art (Back)", 4)):
        for picture in tags.pictures:
            if picture.kind == kind or (kind == 3 and picture == tags.cover()):
                content = f"cover{picture.suffix}".encode() + b"\0" + picture.data
                items.append(_item(name, content, _BINARY))
                break
    body = b"".join(items)

    def end(flags: int) -> bytes:
        size = len(body) + _FOOTER.size
        return _FOOTER.pack(_MAGIC, _VERSION, size, len(items), _HAS_HEADER | flags)

    return end(_IS_HEADER) + body + end(0)


def _item(key: str, value: bytes, flags: int) -> bytes:
    return struct.pack("<II", len(value), flags) + key.encode() + b"\0" + value
