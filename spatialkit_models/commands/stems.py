"""Parameter type of dataset directories."""

from __future__ import annotations

from typing import Any

import click

from spatialkit.errors import OptionError

__all__ = ["StemDataset"]


class StemDataset(click.ParamType):
    """Parameter ``DIR`` or ``DIR:WEIGHT``: a dataset of `ExcerptConfig`.

    Text after the last colon is a weight only if it is a number, as names may contain colons.
    """

    name = "stems"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        folder, _, weight = value.rpartition(":")
        try:
            found = (folder, float(weight)) if folder else (value, 1.0)
        except ValueError:
            return value, 1.0
        if not 0.0 < found[1] < float("inf"):
            raise OptionError(
                f"the weight in --stems {value} must be a number above 0, got {weight}"
            )
        return found
