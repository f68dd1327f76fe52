"""Columns of metrics and of names for many items."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit.metrics.definitions import METRICS
from spatialkit.validation import unknown_name

# Columns that name an item; other columns of a file that contain only numbers are metrics.
NAME_COLUMNS = ("system", "reference", "estimate", "layout", "read_as", "status", "error")


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Metrics of many items, without the functions of `Results`."""

    items: Sequence[Mapping[str, str]]
    values: Mapping[str, NDArray[np.float64]]

    def __post_init__(self) -> None:
        items = tuple(dict(item) for item in self.items)
        values = {name: np.asarray(x, np.float64) for name, x in self.values.items()}
        for name, column in values.items():
            if column.shape != (len(items),):
                raise OptionError(
                    f"values of {name!r} must have shape ({len(items)},), one per item, got "
                    f"{column.shape}"
                )
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "values", values)

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[Mapping[str, str], Mapping[str, float]]]) -> Self:
        """Return results from the names and the values of each item.

        Parameters
        ----------
        rows : iterable of (mapping of str to str, mapping of str to float)
            A metric that an item lacks is NaN.
        """
        pairs = list(rows)
        found = dict.fromkeys(name for _, scores in pairs for name in scores)
        order = [
            *(name for name in METRICS if name in found),
            *(n for n in found if n not in METRICS),
        ]
        values = {
            name: np.array([scores.get(name, math.nan) for _, scores in pairs]) for name in order
        }
        return cls([names for names, _ in pairs], values)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics."""
        return tuple(self.values)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that name an item."""
        found = dict.fromkeys(name for item in self.items for name in item)
        known = [name for name in NAME_COLUMNS if name in found and name != "error"]
        rest = [name for name in found if name not in NAME_COLUMNS]
        return (*known, *rest, *(["error"] if "error" in found else []))

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Items that could not be evaluated, shape (items,)."""
        return np.array([bool(item.get("error")) for item in self.items], bool)

    @property
    def systems(self) -> tuple[str, ...]:
        """Names in the column "system", in the order of their first item; none without it."""
        return tuple(dict.fromkeys(item["system"] for item in self.items if item.get("system")))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, metric: str) -> NDArray[np.float64]:
        """Return the values of a metric, shape (items,)."""
        if metric not in self.values:
            raise OptionError(unknown_name("metric", metric, self.metrics))
        return self.values[metric]

    def __repr__(self) -> str:
        items, metrics = len(self.items), len(self.values)
        counts = f"{items} item{'s' * (items != 1)}, {metrics} metric{'s' * (metrics != 1)}"
        return f"{type(self).__name__}({counts}: {', '.join(self.metrics)})"

    def select(self, **names: str) -> Self:
        """Return the items with these names, such as ``system="ambience"``."""
        kept = [
            place
            for place, item in enumerate(self.items)
            if all(item.get(column, "") == name for column, name in names.items())
        ]
        return type(self)(
            [self.items[place] for place in kept],
            {name: column[kept] for name, column in self.values.items()},
        )
