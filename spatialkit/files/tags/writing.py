"""Tags that an output format contains, and their addition to complete files."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import BinaryIO

from spatialkit.files.formats import FileFormat
from spatialkit.files.tags import ape, flac, ogg
from spatialkit.tags import Tags

_WITH_PICTURES = ("riff", "vorbis", "mp4", "matroska", "ape")


def tags_held(tags: Tags, file_format: FileFormat) -> tuple[Tags, list[str]]:
    """Return the tags that a format contains, and sentences about the others."""
    kind, name = file_format.tags, file_format.title
    if not tags:
        return tags, []
    if not kind:
        return Tags(), [f"{name} contains no tags; dropped: {listed(tags)}"]
    pictures = tags.pictures if kind in _WITH_PICTURES and file_format.name != "webm" else ()
    if file_format.name == "flac":
        pictures = tuple(filter(flac.fits, pictures))
    sentences = []
    if len(pictures) < len(tags.pictures):
        number = len(tags.pictures) - len(pictures)
        sentences.append(f"{name} cannot contain {number} of {len(tags.pictures)} pictures")
    joined = [key for key in tags if len(tags[key]) > 1 and kind in ("matroska", "caf")]
    if joined:
        sentences.append(f"several texts are joined by ';': {', '.join(joined)}")
    return replace(tags, pictures=pictures), sentences


def listed(tags: Tags) -> str:
    """Return the keys of tags as text, with the number of pictures."""
    number = len(tags.pictures)
    pictures = [f"{number} picture{'s' * (number > 1)}"] if number else []
    return ", ".join([*tags, *pictures])


def complete_tags(file: BinaryIO, tags: Tags, file_format: FileFormat) -> None:
    """Add tags to a file that is otherwise complete, if its encoder does not write them earlier."""
    if not tags:
        return
    if file_format.name == "flac":
        flac.replace_flac(file, tags)
    elif file_format.tags == "vorbis":
        ogg.replace_comments(file, tags)
    elif file_format.tags == "ape":
        file.seek(0, os.SEEK_END)
        file.write(ape.build_ape(tags))
