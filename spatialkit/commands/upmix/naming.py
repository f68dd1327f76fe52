"""Names of output files from a template with tags."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from spatialkit.errors import OptionError
from spatialkit.storage import portable_name

# Fields of a template, and the text for a file without such a tag.
FIELDS = {
    "artist": "Unknown Artist",
    "albumartist": "",
    "album": "Unknown Album",
    "title": "",
    "track": "",
    "disc": "",
    "date": "",
    "year": "",
    "genre": "",
    "name": "",
    "layout": "",
    "upmixer": "",
}
# Longest name of a file or folder in bytes: most file systems have 255, and temporary names and the
# version for headphones are longer.
MAX_NAME_BYTES = 180


class _Formatter(string.Formatter):
    """Formatter of a template whose numbers may have a width: "{track:02}"."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec and str(value).isdecimal():
            return format(int(value), format_spec)
        return str(value)

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        return kwargs[field_name], field_name


def check_template(template: str) -> None:
    """Reject a template with unknown fields, or whose names would all be equal.

    Raises
    ------
    OptionError
    """
    try:
        fields = [
            (name, spec) for _, name, spec, _ in _Formatter().parse(template) if name is not None
        ]
    except ValueError as error:
        raise OptionError(f"--name {template!r} is invalid: {error}") from error
    for name, spec in fields:
        if name not in FIELDS:
            accepted = ", ".join(f"{{{each}}}" for each in FIELDS)
            raise OptionError(f"--name has the unknown field {{{name}}}; accepted: {accepted}")
        if spec and not re.fullmatch(r"0?\d", spec):
            raise OptionError(
                f"--name {{{name}:{spec}}} is invalid; a width is such as {{track:02}}"
            )
    if not {name for name, _ in fields} & {"title", "name", "track"}:
        raise OptionError(
            f"--name {template!r} gives the same name to all songs; use {{title}}, {{name}} or "
            "{track}"
        )


def name_of(
    source: Path, below: PurePosixPath, template: str, facts: Mapping[str, str]
) -> PurePosixPath:
    """Return the path of an output, without suffix, relative to the output folder.

    Parameters
    ----------
    source : Path
        Source file, whose tags are read.
    below : PurePosixPath
        Subfolder of the source, which a template with "/" replaces.
    template : str
        Checked template; "/" separates folders.
    facts : mapping
        Values of the fields layout and upmixer.
    """
    from spatialkit.files import read_tags

    tags = read_tags(source)
    values = {name: tags.text(name) for name in FIELDS}
    values |= {
        "track": tags.first("tracknumber"),
        "disc": tags.first("discnumber"),
        "year": tags.first("date")[:4],
        "albumartist": tags.text("albumartist") or tags.text("artist"),
        "title": tags.text("title") or source.stem,
        "name": source.stem,
        **facts,
    }
    # A "/" in a tag makes no folder.
    values = {name: (values[name] or FIELDS[name]).replace("/", "_") for name in FIELDS}
    filled = _Formatter().vformat(template, (), values)
    parts = [portable_name(part, MAX_NAME_BYTES) for part in filled.split("/") if part.strip()]
    return PurePosixPath(*([] if "/" in template else [below]), *parts)
