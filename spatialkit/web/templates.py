"""Pages from templates: styles, scripts, data and sound in one HTML file."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template
from typing import Any

__all__ = ["embedded_audio", "embedded_json", "fill_template", "shared_file"]


def fill_template(
    package: str,
    folder: str,
    scripts: Sequence[str] = (),
    *,
    page: str = "page.html",
    shared: Sequence[str] = (),
    **parts: str,
) -> bytes:
    """Return a page: its template, style and scripts, and texts in the places of their names.

    "$head" in the template is the start of the document up to its style, without ``</head>``.

    Parameters
    ----------
    package, folder : str
        Package, and folder in it that contains the template, "style.css" and the scripts.
    scripts : sequence of str
        Names of the scripts, in order.
    page : str
        Name of the template.
    shared : sequence of str
        Names of shared scripts, which come first.
    **parts : str
        Texts by name; "$name" in the template is their place.
    """
    place = files(package) / folder
    template = Template((place / page).read_text(encoding="utf-8"))
    texts = [shared_file(name) for name in shared]
    texts += [(place / name).read_text(encoding="utf-8") for name in scripts]
    style = shared_file("theme.css") + (place / "style.css").read_text(encoding="utf-8")
    head = Template(shared_file("head.html")).substitute(style=style).rstrip()
    page = template.substitute(head=head, script="\n".join(texts), **parts)
    return page.encode("utf-8", "backslashreplace")  # of file names that are not UTF-8


def shared_file(name: str) -> str:
    """Return the text of a script, a style or a part of templates that several pages use."""
    return (files("spatialkit.web") / "site" / name).read_text(encoding="utf-8")


def embedded_json(value: Any) -> str:
    r"""Return a value as JSON for a ``script`` element, which "<" could end or change.

    Examples
    --------
    >>> embedded_json({"title": "</script>"})
    '{"title": "\\u003c/script>"}'
    """
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def embedded_audio(encoded: Iterable[bytes]) -> str:
    """Return files as ``script`` elements "audio-0", "audio-1" ... in base64.

    Examples
    --------
    >>> embedded_audio([b"abc"])
    '<script type="text/plain" id="audio-0">YWJj</script>'
    """
    return "\n".join(
        f'<script type="text/plain" id="audio-{number}">{base64.b64encode(data).decode()}</script>'
        for number, data in enumerate(encoded)
    )
