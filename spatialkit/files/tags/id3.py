"""ID3 tags: versions 1, 2.2, 2.3 and 2.4 are read, 2.4 is written (chunk "id3 " of WAV).

Source: M. Nilsson, "ID3 tag version 2.4.0 - Native Frames" and the structure documents of the three
versions.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from spatialkit.files.tags.genres import genre_name
from spatialkit.files.tags.numbers import joined_number, split_numbers
from spatialkit.tags import Picture, Tags

# Keys of text frames; those of version 2.2 are mapped to them first.
FRAMES = {
    **{"TIT2": "title", "TPE1": "artist", "TALB": "album", "TPE2": "albumartist"},
    **{"TRCK": "tracknumber", "TPOS": "discnumber", "TDRC": "date", "TYER": "date"},
    **{"TCON": "genre", "TCOM": "composer", "TCOP": "copyright", "TSRC": "isrc"},
    **{"TEXT": "lyricist", "TPE3": "conductor", "TPE4": "remixer", "TIT1": "grouping"},
    **{"TIT3": "subtitle", "TPUB": "label", "TBPM": "bpm", "TKEY": "key", "TLAN": "language"},
    **{"TDOR": "originaldate", "TORY": "originaldate", "TMED": "media", "TMOO": "mood"},
    **{"TSOA": "albumsort", "TSOP": "artistsort", "TSOT": "titlesort", "TSO2": "albumartistsort"},
    **{"TSST": "discsubtitle", "TCMP": "compilation", "TENC": "encodedby", "TSSE": "encoder"},
    **{"TLEN": "length", "TSOC": "composersort", "TOPE": "originalartist"},
}
_OLD_FRAMES = {
    **{"TT2": "TIT2", "TP1": "TPE1", "TAL": "TALB", "TP2": "TPE2", "TRK": "TRCK", "TPA": "TPOS"},
    **{"TYE": "TYER", "TCO": "TCON", "TCM": "TCOM", "TCR": "TCOP", "TRC": "TSRC", "TXT": "TEXT"},
    **{"TP3": "TPE3", "TP4": "TPE4", "TT1": "TIT1", "TT3": "TIT3", "TPB": "TPUB", "TBP": "TBPM"},
    **{"TKE": "TKEY", "TLA": "TLAN", "TOR": "TORY", "TEN": "TENC", "TSS": "TSSE", "TLE": "TLEN"},
    **{"TXX": "TXXX", "COM": "COMM", "ULT": "USLT", "PIC": "APIC", "UFI": "UFID", "TCP": "TCMP"},
}
_WRITTEN = {key: frame for frame, key in reversed(FRAMES.items()) if frame not in ("TYER", "TORY")}
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_MUSICBRAINZ = "http://musicbrainz.org"
# Descriptions of TXXX by which MusicBrainz Picard names its keys.
DESCRIPTIONS = {
    "MusicBrainz Album Id": "musicbrainz_albumid",
    "MusicBrainz Artist Id": "musicbrainz_artistid",
    "MusicBrainz Album Artist Id": "musicbrainz_albumartistid",
    "MusicBrainz Release Group Id": "musicbrainz_releasegroupid",
    "MusicBrainz Release Track Id": "musicbrainz_releasetrackid",
    "MusicBrainz Track Id": "musicbrainz_trackid",
    "MusicBrainz Work Id": "musicbrainz_workid",
    "MusicBrainz Album Type": "releasetype",
    "MusicBrainz Album Status": "releasestatus",
    "MusicBrainz Album Release Country": "releasecountry",
    "Acoustid Id": "acoustid_id",
    "ARTISTS": "artists",
}
KEYS_OF_DESCRIPTIONS = {name.lower(): key for name, key in DESCRIPTIONS.items()}
DESCRIPTIONS_OF_KEYS = {key: name for name, key in DESCRIPTIONS.items()}


def parse_id3(data: bytes) -> Tags:
    """Return the tags in an ID3v2 tag, which starts with "ID3"."""
    fields: dict[str, list[str]] = {}
    pictures: list[Picture] = []
    for name, content in _frames(data):
        if name == "APIC":
            pictures += _parse_picture(content)
        elif name == "UFID":
            owner, _, identifier = content.partition(b"\0")
            if owner.decode("latin-1") == _MUSICBRAINZ:
                fields["musicbrainz_trackid"] = [identifier.decode("utf-8", "replace")]
        elif name in ("COMM", "USLT"):
            _add_language_text(fields, name, content)
        elif name == "TXXX":
            description, *values = _texts(content)
            key = KEYS_OF_DESCRIPTIONS.get(description.lower(), description.lower())
            if re.fullmatch(r"[\x20-\x3c\x3e-\x7d]+", key):
                fields.setdefault(key, []).extend(values)
        elif name in FRAMES:
            values = _texts(content)
            if name == "TCON":
                values = [genre for value in values for genre in _genres(value)]
            fields.setdefault(FRAMES[name], []).extend(values)
        elif name in ("TDAT", "TIME") and content:
            continue  # day and time of version 2.3, whose year is TYER
    return Tags(split_numbers(fields), tuple(pictures))


def _add_language_text(fields: dict[str, list[str]], name: str, content: bytes) -> None:
    description, *values = _texts(content[:1] + content[4:])
    if name == "USLT":
        fields.setdefault("lyrics", []).extend(values)
    elif description.lower().startswith("itun"):
        fields.setdefault(description.lower(), []).extend(values)
    else:
        fields.setdefault("comment", []).extend(values)


def _genres(value: str) -> list[str]:
    """Return the genres in "(17)Rock", "17" or "Rock"."""
    found = [genre_name(int(number)) for number in re.findall(r"\((\d{1,3})\)", value)]
    rest = re.sub(r"^(\(\d{1,3}\))+", "", value).strip()
    if rest.isdecimal() and len(rest) <= 3:
        rest = genre_name(int(rest))
    return [*filter(None, found), *([rest] if rest and rest not in found else [])]


def _texts(content: bytes) -> list[str]:
    """Return the texts of a frame, which start with their encoding; at least one."""
    encoding = _ENCODINGS.get(content[0] if content else 0, "latin-1")
    wide = encoding.startswith("utf-16")
    data = content[1:]
    if wide:
        data = data[: len(data) // 2 * 2]
        ends = [at for at in range(0, len(data), 2) if data[at : at + 2] == b"\0\0"]
    else:
        ends = [at for at, byte in enumerate(data) if byte == 0]
    parts, start = [], 0
    for end in (*ends, len(data)):
        parts.append(data[start:end])
        start = end + (2 if wide else 1)
    texts = [_decoded(part, encoding) for part in parts]
    return texts if len(texts) == 1 or texts[-1] else texts[:-1]


def _decoded(part: bytes, encoding: str) -> str:
    if encoding == "utf-16" and part[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16-le"
    return part.decode(encoding, "replace").lstrip("\ufeff")


def _parse_picture(content: bytes) -> list[Picture]:
    mime_end = content.find(b"\0", 1)
    if mime_end < 0 or mime_end + 2 > len(content):
        return []
    kind = content[mime_end + 1]
    rest = content[mime_end + 2 :]
    wide = content[0] in (1, 2)
    end = next((at for at in range(0, len(rest) - 1, 2) if rest[at : at + 2] == b"\0\0"), -1)
    end = end if wide else rest.find(b"\0")
    if end < 0:
        return []
    description = _decoded(rest[:end], _ENCODINGS.get(content[0], "latin-1"))
    image = rest[end + (2 if wide else 1) :]
    return [Picture(image, kind, description)] if image else []


def _frames(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield names, of version 2.4, and contents of frames."""
    version, flags = data[3], data[5]
    end = 10 + synchsafe(data[6:10])
    body = data[10:end]
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\x00", b"\xff")
    at = 0
    if flags & 0x40 and version >= 3 and len(body) >= 4:
        size = int.from_bytes(body[:4], "big")
        at = 4 + size if version == 3 else synchsafe(body[:4])
    head = 6 if version == 2 else 10
    while at + head <= len(body) and body[at]:
        name = body[at : at + head // 2 - (head == 10)].decode("latin-1")
        size = int.from_bytes(body[at + 3 : at + 6], "big")
        frame_flags = 0
        if version >= 3:
            raw = body[at + 4 : at + 8]
            size = synchsafe(raw) if version == 4 else int.from_bytes(raw, "big")
            frame_flags = body[at + 9]
        content = body[at + head : at + head + size]
        at += head + size
        if version == 2:
            if name == "PIC":  # three letters instead of a media type
                content = content[:1] + content[1:4] + b"\0" + content[4:]
            name = _OLD_FRAMES.get(name, name)
        elif version == 4:
            if frame_flags & 0x0C:  # compressed or encrypted
                continue
            content = content[4:] if frame_flags & 1 else content
            if frame_flags & 2 or flags & 0x80:
                content = content.replace(b"\xff\x00", b"\xff")
        elif frame_flags & 0xC0:
            continue
        if content:
            yield name, content


def synchsafe(data: bytes) -> int:
    """Return an integer of 7 bits per byte."""
    value = 0
    for byte in data[:4]:
        value = value << 7 | byte & 0x7F
    return value


def parse_id3v1(data: bytes) -> Tags:
    """Return the tags in the last 128 bytes of a file, which start with "TAG"."""
    places = {"title": (3, 33), "artist": (33, 63), "album": (63, 93), "date": (93, 97)}
    fields = {key: [_v1_text(data[start:end])] for key, (start, end) in places.items()}
    comment = data[97:127]
    if comment[28] == 0 and comment[29]:
        fields["tracknumber"] = [str(comment[29])]
        comment = comment[:28]
    fields["comment"] = [_v1_text(comment)]
    fields["genre"] = [genre_name(data[127])]
    return Tags(fields)


def _v1_text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("latin-1").strip()


def build_id3(tags: Tags) -> bytes:
    """Return an ID3v2.4 tag in UTF-8."""
    frames = []
    numbers = {
        "TRCK": joined_number(tags, "tracknumber", "tracktotal"),
        "TPOS": joined_number(tags, "discnumber", "disctotal"),
    }
    for key in tags:
        texts = "\0".join(tags[key]).encode()
        if key in ("tracktotal", "disctotal"):
            continue
        if key == "musicbrainz_trackid":
            content = _MUSICBRAINZ.encode() + b"\0" + tags.first(key).encode()
            frames.append(("UFID", content))
        elif key in ("comment", "lyrics"):
            name = "COMM" if key == "comment" else "USLT"
            for number, text in enumerate(tags[key]):
                mark = str(number or "").encode()
                frames.append((name, b"\3XXX" + mark + b"\0" + text.encode()))
        elif key in _WRITTEN:
            name = _WRITTEN[key]
            frames.append((name, b"\3" + (numbers[name].encode() if name in numbers else texts)))
        else:
            description = DESCRIPTIONS_OF_KEYS.get(key, key.upper()).encode()
            frames.append(("TXXX", b"\3" + description + b"\0" + texts))
    for picture in tags.pictures:
        head = b"\3" + picture.mime.encode() + b"\0" + bytes([picture.kind & 0xFF])
        frames.append(("APIC", head + picture.description.encode() + b"\0" + picture.data))
    body = b"".join(
        name.encode() + _to_synchsafe(len(content)) + b"\0\0" + content for name, content in frames
    )
    return b"ID3\4\0\0" + _to_synchsafe(len(body)) + body


def _to_synchsafe(size: int) -> bytes:
    return struct.pack(">4B", *(size >> shift & 0x7F for shift in (21, 14, 7, 0)))
