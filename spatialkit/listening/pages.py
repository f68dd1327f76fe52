"""Listening tests as one HTML file, without server, framework or outside URL."""

from __future__ import annotations

import html

from spatialkit.errors import OptionError
from spatialkit.listening.definition import ListeningTest
from spatialkit.web import embedded_audio, embedded_json, fill_template

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
    return fill_template(
        "spatialkit.listening",
        "page",
        SCRIPTS,
        shared=["versions.js"],
        title=html.escape(test.title),
        definition=embedded_json(test.definition()),
        audio=embedded_audio(test.audio.values()),
    )
