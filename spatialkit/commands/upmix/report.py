"""Lines and tables about the written files of ``spatialkit upmix``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def delivery_lines(facts: Mapping[str, Any]) -> list[str]:
    """Return lines about loudness, tags and cover of an output."""
    lines = []
    levels = facts.get("levels") or {}
    if levels:
        lines.append(
            f"loudness {levels['loudness']:.1f} LUFS ({facts['input']} "
            f"{levels['source_loudness']:.1f}), gain {facts['gain_db']:+.1f} dB, "
            f"true peak {levels['true_peak_db']:.1f} dBTP, surround {levels['surround_db']:.1f} dB"
        )
    lines += facts.get("tag_notes", ())
    if facts.get("cover"):
        lines.append(f"cover: {facts['cover']}")
    return lines
