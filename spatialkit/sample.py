"""A bundled song excerpt for demonstrations, examples and tests."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from spatialkit.validation import as_choice

__all__ = ["sample_path"]

SAMPLE_NAMES = ("mixture", "vocals", "drums", "bass", "other")


def sample_path(name: str = "mixture") -> Path:
    """Return the path of the bundled song excerpt: 30 s of stereo at 44.1 kHz, Ogg Vorbis.

    The song is "Francium" by Software-Entwicklungskit (CC0 1.0). ``spatialkit/data/README.md``
    documents its origin and its limits.

    Parameters
    ----------
    name : {"mixture", "vocals", "drums", "bass", "other"}
        The stereo mixture, or one of the four stems of which it is the sum.

    Examples
    --------
    >>> sample_path("drums").name
    'francium-drums.ogg'
    """
    name = as_choice(name, "sample name", SAMPLE_NAMES)
    return Path(str(files("spatialkit") / "data" / f"francium-{name}.ogg"))
