"""Tags of Matroska and WebM files, and of containers that PyAV (FFmpeg) reads.

Source: Matroska, "Tagging": the names of tags that differ from those of Vorbis comments.
"""

from __future__ import annotations

from typing import Any

from spatialkit.files.tags.numbers import joined_number, split_numbers
from spatialkit.tags import Picture, Tags

_NAMES = {
    **{"tracknumber": "PART_NUMBER", "date": "DATE_RELEASED", "albumartist": "ALBUM_ARTIST"},
    **{"tracktotal": "TOTAL_PARTS", "title": "title"},
}
_KEYS = {
    **{"part_number": "tracknumber", "date_released": "date", "album_artist": "albumartist"},
    **{"total_parts": "tracktotal", "track": "tracknumber", "disc": "discnumber", "year": "date"},
    **{"wm/year": "date", "wm/tracknumber": "tracknumber", "wm/albumtitle": "album"},
    **{"wm/genre": "genre", "wm/albumartist": "albumartist", "author": "artist"},
    **{"wm/partofset": "discnumber", "wm/composer": "composer", "wm/lyrics": "lyrics"},
}
# Of FFmpeg and of containers, not of the music.
_TECHNICAL = ("duration", "creation_time", "major_brand", "minor_version", "compatible_brands")


def metadata_of(tags: Tags) -> dict[str, str]:
    """Return tags as FFmpeg's metadata; several texts of a key are joined by "; "."""
    found = {_NAMES.get(key, key.upper()): tags.text(key) for key in tags}
    if tags.first("discnumber"):
        found["DISC"] = joined_number(tags, "discnumber", "disctotal")
        del found["DISCNUMBER"]
        found.pop("DISCTOTAL", None)
    return found


def parse_metadata(metadata: dict[str, str], pictures: list[Picture]) -> Tags:
    """Return the tags in FFmpeg's metadata."""
    fields: dict[str, list[str]] = {}
    for name, value in metadata.items():
        key = _KEYS.get(name.lower(), name.lower())
        if key.startswith("lyrics-"):
            key = "lyrics"
        technical = (
            (key in _TECHNICAL)
            or (key == "encoder" and value.startswith("Lavf"))
            or key.startswith(("_statistics", "bps", "number_of_"))
        )
        if not technical and key.isascii() and key.isprintable() and "=" not in key and key:
            fields.setdefault(key, []).append(value)
    return Tags(split_numbers(fields), tuple(pictures))


def pictures_of(container: Any) -> list[Picture]:
    """Return the pictures in a container that PyAV has opened."""
    found = []
    for stream in container.streams:
        if stream.type == "attachment":
            data = bytes(stream.data or b"")
            if str(getattr(stream, "mimetype", "")).startswith("image/") and data:
                found.append(Picture(data))
    covers = [each for each in container.streams.video if _is_cover(each)]
    for packet in container.demux(covers) if covers else ():
        if packet.size and len(found) < len(covers):
            found.append(Picture(bytes(packet)))
        if len(found) >= len(covers):
            break
    return found


def _is_cover(stream: Any) -> bool:
    import av

    return bool(stream.disposition & av.stream.Disposition.attached_pic)
