"""Figures of the results of listening tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from spatialkit.errors import OptionError
from spatialkit.plots import PALETTE, new_figure, write_figure
from spatialkit.typing import StrPath

__all__ = ["plot_analysis", "write_analysis_figure"]

COLOR = PALETTE[0]


class Results(Protocol):
    """Results that can be plotted: an `Analysis`."""

    @property
    def kind(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def listeners(self) -> Sequence[str]: ...
    def table(self, name: str) -> list[dict[str, Any]]: ...


def plot_analysis(analysis: Results, *, question: str | None = None, ax: Any = None) -> Any:
    """Plot the results of a listening test.

    ABX and preference: proportion of answers with its exact 95 % interval, and the line of
    guessing. MUSHRA: quartiles and median of each condition, and the interval of the median.

    Parameters
    ----------
    analysis : Analysis
    question : str, optional
        Question of a MUSHRA test; by default the first one.
    ax : matplotlib Axes, optional
        By default those of a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SpatialkitError
        If matplotlib (extra ``plot``) is not installed.
    """
    if ax is None:
        ax = new_figure(height=1.2 + 0.45 * _rows(analysis, question)).subplots()
    if analysis.kind == "mushra":
        _plot_ratings(ax, _ratings(analysis, question))
    else:
        _plot_proportions(ax, analysis)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def write_analysis_figure(analysis: Results, path: StrPath) -> None:
    """Plot the results to an image file, with a panel per question of a MUSHRA test."""
    questions: Sequence[str | None] = [None]
    if analysis.kind == "mushra" and analysis.table("conditions"):
        questions = list(dict.fromkeys(row["question"] for row in analysis.table("conditions")))
    rows = max(_rows(analysis, question) for question in questions)
    figure = new_figure(1.5 + 5.0 * len(questions), 1.4 + 0.45 * rows)
    panels = figure.subplots(1, len(questions), squeeze=False)[0]
    for ax, question in zip(panels, questions, strict=True):
        plot_analysis(analysis, question=question, ax=ax)
        if len(questions) > 1:
            ax.set_title(question, fontsize=10)
    figure.suptitle(analysis.title, fontsize=11)
    write_figure(figure, path)


def _ratings(analysis: Results, question: str | None) -> list[dict[str, Any]]:
    rows = analysis.table("conditions")
    if not rows:
        raise OptionError("all listeners are excluded: pass screening=False to include them")
    known = list(dict.fromkeys(row["question"] for row in rows))
    if question is not None and question not in known:
        raise OptionError(f"unknown question {question!r}; accepted: {', '.join(known)}")
    return [row for row in rows if row["question"] == (question or known[0])]


def _rows(analysis: Results, question: str | None) -> int:
    if analysis.kind == "mushra":
        return len(_ratings(analysis, question))
    rows = len(analysis.table("pooled"))
    return rows + (len(analysis.listeners) if analysis.kind == "abx" else 0)


def _plot_ratings(ax: Any, rows: Sequence[dict[str, Any]]) -> None:
    for place, row in enumerate(rows):
        ax.barh(place, row["q3"] - row["q1"], left=row["q1"], height=0.55, color=COLOR, alpha=0.25)
        ax.plot([row["low"], row["high"]], [place, place], color=COLOR, linewidth=2.5)
        ax.plot(row["median"], place, "o", color=COLOR, markersize=7)
    ax.set_yticks(range(len(rows)), [row["condition"] for row in rows])
    ax.invert_yaxis()
    ax.set_xlim(-1.0, 101.0)
    ax.set_xticks(range(0, 101, 20))
    ax.grid(axis="x", color="0.85")
    ax.set_axisbelow(True)
    ax.set_xlabel("rating (median, its 95 % interval, quartiles)")


def _plot_proportions(ax: Any, analysis: Results) -> None:
    pooled = analysis.table("pooled")
    pairs = {(row["first"], row["second"]) for row in pooled if "first" in row}
    rows = [(_label(row, len(pairs)), row) for row in pooled]
    if analysis.kind == "abx":
        rows += [(row["listener"], row) for row in analysis.table("listeners")]
    for place, (_, row) in enumerate(rows):
        percent = [100.0 * row[name] for name in ("exact_low", "proportion", "exact_high")]
        ax.plot([percent[0], percent[2]], [place, place], color=COLOR, linewidth=2.5)
        ax.plot(percent[1], place, "o", color=COLOR, markersize=7)
        text = f"{row.get('correct', row.get('chosen'))} of {row['trials']}"
        style = {"textcoords": "offset points", "ha": "center", "fontsize": 8}
        ax.annotate(text, (percent[1], place), (0, 7), **style)
    ax.axvline(50.0, color="0.4", linestyle="--", linewidth=1.0)
    ax.set_yticks(range(len(rows)), [label for label, _ in rows])
    ax.set_ylim(len(rows) - 0.5, -0.7)
    ax.set_xlim(0.0, 101.0)
    noun = "correct answers" if analysis.kind == "abx" else "answers for the first condition"
    if len(pairs) == 1:
        noun = "answers for {}, not {}".format(*pairs.pop())
    ax.set_xlabel(f"{noun}, %\n(exact 95 % interval; dashed: guessing)")


def _label(row: dict[str, Any], pairs: int) -> str:
    if "question" not in row:
        return "all listeners"
    return (
        row["question"] if pairs == 1 else f"{row['question']}:\n{row['first']} or {row['second']}"
    )
