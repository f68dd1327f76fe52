"""Tags of MP4, M4A and QuickTime files: the box ilst.

Source: Apple, "QuickTime File Format", metadata; the names are those of iTunes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from spatialkit.files.tags.genres import genre_name
from spatialkit.files.tags.id3 import DESCRIPTIONS_OF_KEYS, KEYS_OF_DESCRIPTIONS
from spatialkit.files.tags.numbers import split_numbers
from spatialkit.tags import Picture, Tags

_KEYS = {
    **{"\xa9nam": "title", "\xa9ART": "artist", "aART": "albumartist", "\xa9alb": "album"},
    **{"\xa9day": "date", "\xa9gen": "genre", "\xa9cmt": "comment", "\xa9lyr": "lyrics"},
    **{"\xa9wrt": "composer", "cprt": "copyright", "\xa9grp": "grouping", "\xa9too": "encodedby"},
    **{"soal": "albumsort", "soar": "artistsort", "sonm": "titlesort", "soaa": "albumartistsort"},
    **{"soco": "composersort", "desc": "description"},
}
_NAMES = {key: name for name, key in _KEYS.items()}
_NUMBERS = {"trkn": ("tracknumber", "tracktotal"), "disk": ("discnumber", "disctotal")}
_INTEGERS = {"tmpo": "bpm", "cpil": "compilation"}
_ITUNES = "com.apple.iTunes"
_TEXT, _JPEG, _PNG, _INTEGER = 1, 13, 14, 21
_MAX_SIZE = 2**28


def read_ilst(file: BinaryIO) -> bytes:
    """Return the content of the box ilst of a file, empty if there is none."""
    start, end = 0, file.seek(0, 2)
    for name in (b"moov", b"udta", b"meta", b"ilst"):
        place = _find(file, start, end, name)
        if place is None:
            return b""
        start, end = place
        if name == b"meta":
            file.seek(start)
            # A full box in MP4, a plain one in QuickTime.
            start += 4 if file.read(8)[4:8] != b"hdlr" else 0
    file.seek(start)
    return file.read(min(end - start, _MAX_SIZE))


def _find(file: BinaryIO, start: int, end: int, name: bytes) -> tuple[int, int] | None:
    """Return start and end of the content of the first box with a name in a range."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return None
        size, kind = struct.unpack_from(">I4s", head)
        content = start + 8
        if size == 1 and len(head) == 16:
            size, content = int.from_bytes(head[8:], "big"), start + 16
        stop = end if size == 0 else min(start + size, end)
        if stop < content:
            return None
        if kind == name:
            return content, stop
        start = stop
    return None


def _boxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            return
        yield kind.decode("latin-1"), data[at + 8 : at + size]
        at += size


def parse_ilst(content: bytes) -> Tags:
    """Return the tags in a box ilst."""
    fields: dict[str, list[str]] = {}
    pictures: list[Picture] = []
    for name, item in _boxes(content):
        parts = list(_boxes(item))
        values = [data[8:] for kind, data in parts if kind == "data" and len(data) >= 8]
        if name == "covr":
            pictures += [Picture(value) for value in values if value]
        elif name == "----":
            described = {kind: data[4:].decode("utf-8", "replace") for kind, data in parts}
            key = described.get("name", "")
            key = KEYS_OF_DESCRIPTIONS.get(key.lower(), key.lower())
            if key and key.isascii() and key.isprintable() and "=" not in key:
                texts = [value.decode("utf-8", "replace") for value in values]
                fields.setdefault(key, []).extend(texts)
        elif name in _NUMBERS and values:
            numbers = struct.unpack(">HH", values[0][2:6].ljust(4, b"\0"))
            for key, number in zip(_NUMBERS[name], numbers, strict=True):
                fields[key] = [str(number)] if number else []
        elif name == "gnre" and values:
            number = int.from_bytes(values[0][:2], "big") - 1
            fields.setdefault("genre", [genre_name(number)] if number >= 0 else [])
        elif name in _INTEGERS and values:
            number = int.from_bytes(values[0], "big")
            fields[_INTEGERS[name]] = [str(number)] if number else []
        elif name in _KEYS:
            texts = [value.decode("utf-8", "replace") for value in values]
            fields.setdefault(_KEYS[name], []).extend(texts)
    return Tags(split_numbers(fields), tuple(pictures))


def build_ilst(tags: Tags) -> bytes:
    """Return the content of a box ilst."""
    items: list[bytes] = []
    done: set[str] = set()
    for name, keys in _NUMBERS.items():
        numbers = [tags.first(key) for key in keys]
        if all(not text or (text.isdecimal() and int(text) < 2**16) for text in numbers):
            done.update(keys)
            if any(numbers):
                packed = struct.pack(">2xHH", *(int(text or 0) for text in numbers))
                items.append(_item(name, [packed + (b"\0\0" if name == "trkn" else b"")], 0))
    for name, key in _INTEGERS.items():
        text = tags.first(key)
        if text.isdecimal() and int(text) < 2**15:
            done.add(key)
            size = 2 if name == "tmpo" else 1
            items.append(_item(name, [int(text).to_bytes(2, "big")[-size:]], _INTEGER))
    for key in tags:
        if key in done:
            continue
        values = [text.encode() for text in tags[key]]
        if key in _NAMES:
            items.append(_item(_NAMES[key], values, _TEXT))
        else:
            description = DESCRIPTIONS_OF_KEYS.get(key, key.upper())
            head = _box("mean", bytes(4) + _ITUNES.encode())
            head += _box("name", bytes(4) + description.encode())
            items.append(_box("----", head + b"".join(_data(value, _TEXT) for value in values)))
    covers = [_data(each.data, _PNG if "png" in each.mime else _JPEG) for each in tags.pictures]
    if covers:
        items.append(_box("covr", b"".join(covers)))
    return b"".join(items)


def build_user_data(tags: Tags) -> bytes:
    """Return the box udta with tags."""
    handler = _box("hdlr", bytes(8) + b"mdirappl" + bytes(9))
    return _box("udta", _box("meta", bytes(4) + handler + _box("ilst", build_ilst(tags))))


def _item(name: str, values: list[bytes], kind: int) -> bytes:
    return _box(name, b"".join(_data(value, kind) for value in values))


def _data(value: bytes, kind: int) -> bytes:
    return _box("data", struct.pack(">II", kind, 0) + value)


def _box(kind: str, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind.encode("latin-1")) + content
