"""Pictures of objects: `spatialkit.plots`, imported when something is drawn."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["plots"]


def plots() -> Any:
    """Return the module `spatialkit.plots`.

    Layouts, audio and results draw themselves, but are below the plots in the order of imports:
    this is the only import upwards, at the time of drawing.
    """
    return import_module("spatialkit.plots")
