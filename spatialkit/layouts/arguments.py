"""Checks of the arguments of `Layout`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import LayoutError, OptionError
from spatialkit.validation import as_array, as_count, shown


def as_labels(labels: Any, name: str) -> tuple[str, ...]:
    """Return unique labels of a layout; numbers are converted."""
    try:
        found = tuple(
            str(label if isinstance(label, str) else as_count(label, "label")) for label in labels
        )
    except (TypeError, OptionError) as error:
        raise LayoutError(
            f"labels of layout {name!r} must be a sequence of names, got {shown(labels)}"
        ) from error
    repeated = sorted({label for label in found if found.count(label) > 1})
    if repeated:
        raise LayoutError(f"layout {name!r} has the label {', '.join(repeated)} more than once")
    return found


def as_lfe(is_lfe: Any, labels: tuple[str, ...], name: str) -> NDArray[np.bool_]:
    """Return which channels are LFE; by default those whose label starts with "LFE"."""
    if is_lfe is None:
        return np.array([label.startswith("LFE") for label in labels], dtype=bool)
    found = as_array(is_lfe, f"is_lfe of layout {name!r}", LayoutError)
    if found.dtype.kind not in "biu":
        raise LayoutError(
            f"is_lfe of layout {name!r} must be True or False per channel, got {shown(is_lfe)}"
        )
    return found.astype(bool)
