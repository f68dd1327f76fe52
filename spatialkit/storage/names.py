"""Names of files that all common file systems accept."""

from __future__ import annotations

import os
import re

__all__ = ["portable_name"]

# Controls, also those of the direction of text, halves of characters, and what Windows forbids.
# U+DC80 to U+DCFF are bytes in names on this machine that are not UTF-8.
_FORBIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udc7f\udd00-\udfff]"
    r'|[/\\:*?"<>|]'
)
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def portable_name(name: str, max_bytes: int) -> str:
    """Return a name in which what some file systems do not accept is replaced by "_".

    Parameters
    ----------
    name : str
        Name of a file or folder, not a path: "/" is replaced, too.
    max_bytes : int
        Largest size in UTF-8; the end of a longer name is cut off.

    Examples
    --------
    >>> portable_name("What?/Ever...", 80), portable_name(".hidden", 80), portable_name("CON", 80)
    ('What__Ever', '_hidden', '_CON')
    """
    kept = _FORBIDDEN.sub("_", name).strip()
    while len(os.fsencode(kept)) > max_bytes:
        kept = kept[:-1]
    kept = kept.rstrip(". ")
    if kept.startswith("."):
        kept = "_" + kept[1:]
    return f"_{kept}" if _RESERVED.fullmatch(kept) or not kept else kept
