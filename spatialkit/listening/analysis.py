"""Analysis of the answers of listeners."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spatialkit.errors import OptionError
from spatialkit.listening.answers import read_answers
from spatialkit.listening.choice_tables import abx_tables, preference_tables
from spatialkit.listening.mushra_tables import mushra_tables
from spatialkit.listening.tables import Table
from spatialkit.results import to_json
from spatialkit.typing import StrPath

__all__ = ["Analysis", "analyse"]


@dataclass(frozen=True)
class Analysis:
    """Results of a listening test, as `analyse` returns them.

    Attributes
    ----------
    kind : {"abx", "mushra", "preference"}
    title : str
    listeners : tuple of str
        Codes of all listeners.
    tables : tuple of Table
        Statistics; `table` returns one by name.
    notes : tuple of str
        Methods, and what limits the results.
    observations : tuple of dict
        Each answer or rating, for other software: "listener", "item", "question" and so on.
    """

    kind: str
    title: str
    listeners: tuple[str, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    observations: tuple[Mapping[str, Any], ...] = field(repr=False)

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table as dictionaries.

        Parameters
        ----------
        name : str
            Name of one of ``tables``.
        """
        for table in self.tables:
            if table.name == name:
                return table.records()
        known = ", ".join(table.name for table in self.tables)
        raise OptionError(f"unknown table {name!r}; accepted: {known}")

    def to_json(self) -> str:
        """Return everything as JSON; undefined values are null."""
        facts = {
            "kind": self.kind,
            "title": self.title,
            "listeners": list(self.listeners),
            "tables": {table.name: table.records() for table in self.tables},
            "notes": list(self.notes),
            "observations": [dict(each) for each in self.observations],
        }
        return to_json(facts, indent=2) + "\n"

    def to_csv(self) -> str:
        """Return the observations as CSV, one line per answer or rating."""
        file = io.StringIO()
        writer = csv.DictWriter(file, list(self.observations[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.observations)
        return file.getvalue()

    def to_markdown(self) -> str:
        """Return the tables and notes as Markdown."""
        count = len(self.listeners)
        parts = [f"**{self.title}**", f"{count} listener{'' if count == 1 else 's'}."]
        for table in filter(lambda table: table.rows, self.tables):
            parts += [f"**{table.title}**", table.to_markdown()]
        parts.append("\n".join(f"- {note}" for note in self.notes))
        return "\n\n".join(parts) + "\n"

    def figure(self, path: StrPath) -> None:
        """Plot the results to an image file such as .png or .svg (extra ``plot``)."""
        from spatialkit.listening.figures import write_analysis_figure

        write_analysis_figure(self, path)

    def plot(self, *, ax: Any = None) -> Any:
        """Plot the results and return the axes (extra ``plot``): see `plot_analysis`."""
        from spatialkit.listening.figures import plot_analysis

        return plot_analysis(self, ax=ax)


def analyse(files: StrPath | Iterable[StrPath], *, screening: bool = True) -> Analysis:
    """Analyse the answers of a listening test.

    Parameters
    ----------
    files : path or iterable of paths
        JSON files that listeners saved, or folders with them, all of the same test.
    screening : bool
        Whether listeners of a MUSHRA test are excluded by the post-screening of BS.1534-3. The
        table "screening" lists the reasons in any case.

    Returns
    -------
    Analysis
        ABX: exact binomial tests per listener and pooled, with Clopper-Pearson and Wilson
        intervals. Preference: the same per question and pair of conditions, two-sided. MUSHRA:
        post-screening of BS.1534-3, medians with bootstrap intervals, Friedman's test, and
        Wilcoxon's signed-rank tests of all pairs. The p values of several tests are adjusted by
        Holm's method.

    Raises
    ------
    OptionError
        If a file has no answers, or they are of different tests.
    """
    answers = [each for each in read_answers(files) if each.trials]
    if not answers:
        raise OptionError("files have no answers but those for practice")
    first = answers[0].test
    if first["kind"] == "mushra":
        tables, notes, observations = mushra_tables(answers, screening=screening)
    else:
        build = abx_tables if first["kind"] == "abx" else preference_tables
        tables, notes, observations = build(answers)
    return Analysis(
        first["kind"],
        first["title"],
        tuple(each.listener for each in answers),
        tuple(tables),
        tuple(notes),
        tuple(observations),
    )
