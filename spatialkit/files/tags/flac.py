"""Comments and pictures of FLAC files: reading, and replacement in a complete file.

Source: RFC 9639, section 8.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from spatialkit.files.tags.regions import resize_region
from spatialkit.files.tags.vorbis import (
    build_comments,
    build_picture,
    comment_fields,
    parse_comments,
    parse_picture,
)
from spatialkit.tags import Picture, Tags

_PADDING, _COMMENTS, _PICTURE = 1, 4, 6
_LAST = 0x80
MAX_BLOCK_SIZE = 2**24 - 1
# Room for changes by programs that edit tags, which then need not copy the file.
_PADDING_SIZE = 4096
_MASK = "waveformatextensible_channel_mask"


def _blocks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    file.seek(0)
    if file.read(4) != b"fLaC":
        return
    last = 0
    while not last:
        head = file.read(4)
        if len(head) < 4:
            return
        last = head[0] & _LAST
        yield head[0] & 0x7F, file.read(int.from_bytes(head[1:], "big"))


def read_flac(file: BinaryIO) -> Tags:
    """Return the tags of a FLAC file."""
    tags, pictures = Tags(), []
    for kind, content in _blocks(file):
        if kind == _COMMENTS:
            tags = parse_comments(content)
        elif kind == _PICTURE:
            pictures += parse_picture(content)
    return Tags(tags.without([_MASK]).fields, (*tags.pictures, *pictures))


def fits(picture: Picture) -> bool:
    """Return whether a picture fits into a block of FLAC."""
    return len(build_picture(picture)) <= MAX_BLOCK_SIZE


def replace_flac(file: BinaryIO, tags: Tags) -> None:
    """Replace comments and pictures of a complete FLAC file; a channel mask stays."""
    kept, mask = [], Tags()
    for kind, content in _blocks(file):
        if kind == _COMMENTS:
            mask = parse_comments(content)
        elif kind not in (_PADDING, _PICTURE):
            kept.append((kind, content))
    end = file.tell()
    fields = [(_MASK.upper(), mask.first(_MASK))] if mask.first(_MASK) else []
    fields += comment_fields(tags, pictures=False)
    blocks = [*kept, (_COMMENTS, build_comments(fields))]
    blocks += [(_PICTURE, build_picture(picture)) for picture in tags.pictures]
    blocks.append((_PADDING, bytes(_PADDING_SIZE)))
    head = b"fLaC" + b"".join(
        bytes([kind | (_LAST if number == len(blocks) - 1 else 0)])
        + len(content).to_bytes(3, "big")
        + content
        for number, (kind, content) in enumerate(blocks)
    )
    resize_region(file, 0, end, len(head))
    file.seek(0)
    file.write(head)
