"""Tags of files, without importing their parsers and builders before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from spatialkit.files.formats import FileFormat, format_of_path
from spatialkit.tags import Tags
from spatialkit.typing import StrPath

__all__ = ["complete_tags", "held_tags", "read_tags"]


def read_tags(path: StrPath) -> Tags:
    """Read the tags of an audio file.

    Parameters
    ----------
    path : str or path
        WAV, FLAC, Ogg, Opus, MP3, MP4, M4A, QuickTime, CAF, AIFF, WavPack, Monkey's Audio or
        Musepack; with the extra ``av`` also Matroska, WebM, WMA and others.

    Returns
    -------
    Tags
        Empty if the file has none, and damaged tags are left out: they never prevent reading.

    Raises
    ------
    AudioFileError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from spatialkit import write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/a.flac", np.zeros((2, 480)), 48000, tags={"title": "Song"})
    ...     read_tags(f"{folder}/a.flac").first("title")
    'Song'
    """
    from spatialkit.files.tags.reading import tags_of

    return tags_of(path)


def held_tags(tags: Tags, file_format: FileFormat | StrPath) -> tuple[Tags, list[str]]:
    """Return the tags that a file can contain, and sentences about the others.

    Parameters
    ----------
    tags : Tags
    file_format : FileFormat, str or path
        Format of the file, or its path.

    Returns
    -------
    tags : Tags
    sentences : list of str
    """
    if not isinstance(file_format, FileFormat):
        file_format = format_of_path(Path(file_format))
    if not tags:
        return tags, []
    from spatialkit.files.tags.writing import tags_held

    return tags_held(tags, file_format)


def complete_tags(file: BinaryIO, tags: Tags, file_format: FileFormat) -> None:
    """Add tags to a file that is otherwise complete, if its encoder does not write them earlier."""
    if tags:
        from spatialkit.files.tags import writing

        writing.complete_tags(file, tags, file_format)
