"""Listening tests as one HTML file, without server, framework or outside URL."""

from __future__ import annotations

import base64
import html
import json
from importlib.resources import files
from string import Template

from spatialkit.errors import OptionError
from spatialkit.listening.definition import ListeningTest

SCRIPTS = ("player.js", "session.js", "screens.js")
# Browsers refuse texts of 512 MB.
MAX_BYTES = 400_000_000


def page_of(test: ListeningTest) -> bytes:
    """Return the HTML file of a test."""
    size = sum(len(data) for data in test.audio.values()) * 4 // 3
    if size > MAX_BYTES:
        raise OptionError(
            f"the page would have {size / 1e6:.0f} MB, and browsers load at most "
            f"{MAX_BYTES / 1e6:.0f} MB; specify shorter excerpts or fewer items"
        )
    audio = "\n".join(
        f'<script type="text/plain" id="audio-{place}">{base64.b64encode(data).decode()}</script>'
        for place, data in enumerate(test.audio.values())
    )
    # "<" would end or change the script element in which the text is.
    definition = json.dumps(test.definition(), ensure_ascii=False).replace("<", "\\u003c")
    template = Template(_text("page.html"))
    page = template.substitute(
        title=html.escape(test.title),
        style=_text("style.css").rstrip(),
        definition=definition,
        audio=audio,
        script="\n".join(_text(name) for name in SCRIPTS),
    )
    return page.encode()


def _text(name: str) -> str:
    return (files("spatialkit.listening") / "page" / name).read_text(encoding="utf-8")
