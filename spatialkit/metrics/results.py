"""Table of the metrics of many pairs: files, summary, comparison with other systems."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from spatialkit._json import parse_json, read_text, to_json
from spatialkit.errors import AudioFileError, OptionError
from spatialkit.metrics.comparison import Comparison, compare_systems
from spatialkit.metrics.summary import (
    SUMMARY_HEADER,
    MetricSummary,
    summarize_values,
)
from spatialkit.metrics.table import NAME_COLUMNS, Table
from spatialkit.results import markdown_table
from spatialkit.storage import replace_file
from spatialkit.typing import StrPath

__all__ = ["Results"]

MAX_BYTES = 1 << 28  # of a table that is read


class Results(Table):
    """Metrics of many items, one row per item and one column per metric.

    Parameters
    ----------
    items : sequence of mapping of str to str
        Names of each item by column, such as "reference", "estimate" and "system". A text in
        "error" is the reason for which the item has no values.
    values : mapping of str to array_like, shape (items,)
        Values by metric. NaN is a value that is not defined.

    Examples
    --------
    >>> results = Results([{"reference": "a"}, {"reference": "b"}], {"snr": [10.0, 12.0]})
    >>> results
    Results(2 items, 1 metric: snr)
    >>> results["snr"].mean()
    np.float64(11.0)
    """

    @classmethod
    def joined(cls, systems: Mapping[str, Results]) -> Results:
        """Return the results of several systems in one table, with the column "system"."""
        return cls.from_rows(
            (
                {**item, "system": system},
                {name: float(column[place]) for name, column in results.values.items()},
            )
            for system, results in systems.items()
            for place, item in enumerate(results.items)
        )

    def summary(self, *, resamples: int = 9999, seed: int = 0) -> tuple[MetricSummary, ...]:
        """Return the distribution of each metric over all items.

        Parameters
        ----------
        resamples, seed : int
            As for `bootstrap_interval`.
        """
        return tuple(
            summarize_values(name, column, self.failed, resamples=resamples, seed=seed)
            for name, column in self.values.items()
        )

    def to_markdown(self, *, resamples: int = 9999, seed: int = 0) -> str:
        """Return the summary as a Markdown table, one line per metric."""
        rows = [each.cells() for each in self.summary(resamples=resamples, seed=seed)]
        return markdown_table(SUMMARY_HEADER, rows, left=2)

    def compare(
        self, other: Results, names: tuple[str, str] = ("a", "b"), **options: Any
    ) -> Comparison:
        """Compare these results with those of another system for the same references.

        Parameters
        ----------
        other : Results
            Items are matched by "reference"; those without counterpart are left out.
        names : tuple of str
            Names of both systems.
        **options
            As for `compare_systems`.

        Returns
        -------
        Comparison
        """
        return compare_systems(dict(zip(names, (self, other), strict=True)), **options)

    def plot(self, metrics: str | Sequence[str] | None = None, *, ax: Any = None) -> Any:
        """Plot the values of each system, their mean and its 95 % confidence interval.

        Parameters
        ----------
        metrics : str or sequence of str, optional
            Names of the metrics, one axes each. By default all.
        ax : matplotlib Axes, optional
            Axes to plot one metric into. By default axes in a new figure.

        Returns
        -------
        Axes, or Figure if there are several metrics

        Raises
        ------
        SpatialkitError
            If matplotlib (extra ``plot``) is not installed.
        """
        from spatialkit.metrics.figure import plot_results

        return plot_results(self, metrics, ax)

    def rows(self) -> Iterator[dict[str, str | float]]:
        """Yield each item as a dict of its names and values."""
        for place, item in enumerate(self.items):
            values = {name: float(column[place]) for name, column in self.values.items()}
            yield {**{name: item.get(name, "") for name in self.columns}, **values}

    def to_csv(self, path: StrPath | None = None) -> str:
        """Return the table as CSV, and write it to a file if there is a path.

        A value that is not defined is "nan", one of an item that failed is empty.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*self.columns, *self.metrics])
        for row, failed in zip(self.rows(), self.failed, strict=True):
            names = [row[name] for name in self.columns]
            writer.writerow([*names, *("" if failed else repr(row[name]) for name in self.metrics)])
        return _write(text.getvalue(), path)

    def to_json(self, path: StrPath | None = None) -> str:
        """Return items and summary as JSON, and write them to a file if there is a path.

        A value that is not defined is null; infinities are "inf" and "-inf".
        """
        facts = {"items": list(self.rows()), "summary": [asdict(x) for x in self.summary()]}
        return _write(to_json(facts, indent=1) + "\n", path)

    def to_pandas(self) -> Any:
        """Return the table as a `pandas.DataFrame`.

        Raises
        ------
        OptionError
            If pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise OptionError("to_pandas needs pandas: pip install pandas") from error
        return DataFrame(list(self.rows()), columns=[*self.columns, *self.metrics])

    @classmethod
    def read(cls, path: StrPath) -> Results:
        """Read a table that `to_csv` or `to_json` wrote, or one of another program.

        Parameters
        ----------
        path : str or path
            A ``.json`` file of `to_json`, or CSV with a header. Columns of CSV that contain only
            numbers are metrics, with the exception of names such as "reference" and "system".

        Raises
        ------
        AudioFileError
            If the file cannot be read, or is larger than 256 MiB.
        OptionError
            If it is not such a table.
        """
        text = read_text(path, max_bytes=MAX_BYTES, error=AudioFileError)
        if text.lstrip().startswith("{"):
            return cls.from_json(text, str(path))
        return cls.from_csv(text, str(path))

    @classmethod
    def from_json(cls, text: str, name: str = "the text") -> Results:
        """Return the results that `to_json` wrote; ``name`` is that of the text in errors."""
        items = parse_json(text, name).get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise OptionError(f"{name} is not JSON of results (see Results.to_json)")
        return _from_cells(items, name)

    @classmethod
    def from_csv(cls, text: str, name: str = "the text") -> Results:
        """Return the results in a CSV table; ``name`` is that of the table in errors."""
        try:
            table = csv.DictReader(io.StringIO(text), restval="")
            rows = [{key: cell for key, cell in row.items() if key is not None} for row in table]
        except csv.Error as error:
            raise OptionError(f"{name} is not CSV: {error}") from error
        return _from_cells(rows, name)


def _write(text: str, path: StrPath | None) -> str:
    if path is not None:
        replace_file(path, text.encode())
    return text


def _from_cells(rows: Sequence[Mapping[str, Any]], name: str) -> Results:
    """Return results from rows of cells, texts or numbers."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if not columns:
        raise OptionError(f"{name} has no line below its header: it needs one per item")
    numbers = {
        column: [_number(row.get(column, "")) for row in rows]
        for column in columns
        if column not in NAME_COLUMNS
    }
    metrics = [column for column, found in numbers.items() if all(x is not None for x in found)]
    names = [column for column in columns if column not in metrics]
    items = [{column: str(row.get(column) or "") for column in names} for row in rows]
    values = {
        column: np.array([math.nan if x is None else x for x in numbers[column]])
        for column in metrics
    }
    if not values:
        raise OptionError(
            f"{name} has no column of numbers, such as snr; it has the columns {', '.join(columns)}"
        )
    return Results(items, values)


def _number(cell: Any) -> float | None:
    """Return a cell as a number, NaN if it is empty, None if it is anything else."""
    if cell is None or cell == "":
        return math.nan
    try:
        return None if isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError):
        return None
