"""Validation of paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from spatialkit.errors import AudioFileError, SpatialkitError
from spatialkit.validation.values import shown

__all__ = ["as_path"]


def as_path(
    value: Any, name: str = "path", *, error: type[SpatialkitError] = AudioFileError
) -> Path:
    """Return a path as a path object.

    Parameters
    ----------
    value : str or path
    name : str
        Name of the argument, for error messages.
    error : type
        Class of the error that is raised, a subclass of `spatialkit.SpatialkitError`.

    Raises
    ------
    AudioFileError
        Or ``error``: if the value is neither text nor a path object, or has a null character.

    Examples
    --------
    >>> as_path("music/song.wav").name
    'song.wav'
    """
    try:
        if not isinstance(value, (str, os.PathLike)):
            raise TypeError
        path = Path(value)
    except TypeError:  # also of path objects of bytes
        raise error(f"{name} must be text or a path object, got {shown(value)}") from None
    if "\0" in str(path):
        raise error(f"{name} must not contain a null character, got {shown(str(path))}")
    return path
