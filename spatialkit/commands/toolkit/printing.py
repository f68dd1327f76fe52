"""Printing of output summaries, errors, warnings, tables and JSON."""

from __future__ import annotations

import math
import textwrap
import traceback
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from spatialkit._json import to_json
from spatialkit.commands.toolkit.messages import message_of

WIDTH = 80


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: "1 channel", "2 channels"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def decibels(amplitude: float) -> float:
    """Return 20 log10 of an amplitude, -inf for 0."""
    return 20.0 * math.log10(amplitude) if amplitude > 0.0 else -math.inf


def print_output(facts: dict[str, Any], as_json: bool, source: Path | None = None) -> None:
    """Print the facts that `write_output` returns, in one line or as JSON.

    A fact "read_as", the assumed format of ``source``, is printed in a second line.
    """
    if as_json:
        print_json(facts)
        return
    peak = round(facts["peak_db"], 1) + 0.0  # no "-0.0"
    order = " in WAVE order" if facts["reordered"] else ""
    channels = counted(facts["channels"], "channel")
    print_line(
        f"{facts['output']}: {facts['format'] or 'format not specified'}{order}, "
        f"{channels}, {facts['duration']:.2f} s at {facts['sample_rate']} Hz, peak {peak:.1f} dB"
    )
    if "read_as" in facts:
        print_line(f"  {source} read as {facts['read_as']}")
    if "true_peak_db" in facts:
        print_line(f"  {overload(facts['true_peak_db'])}")


def overload(true_peak_db: float, name: str = "") -> str:
    """Return a sentence on a floating-point file beyond full scale."""
    return (
        f"{name or 'file'} exceeds full scale: true peak {true_peak_db:+.1f} dBTP; most players "
        "clip it"
    )


def print_error(sentence: str, debug: bool) -> None:
    """Print an error in one line on stderr, after the current traceback if ``debug`` is set."""
    if debug:
        print_text(traceback.format_exc().rstrip("\n"), err=True)
    print_line(f"Error: {sentence}", err=True)


def print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning in one line on stderr; can replace `warnings.showwarning`."""
    print_line(f"warning: {message_of(message)}", err=True)


def print_line(text: str, *, err: bool = False) -> None:
    """Print one line on stdout, or on stderr, with escapes as by `printable`."""
    click.echo(printable(text), err=err)


def print_text(text: str, *, err: bool = False) -> None:
    """Print lines of text on stdout, or on stderr, with escapes as by `printable`."""
    for line in text.split("\n"):
        print_line(line, err=err)


def printable(text: str) -> str:
    """Return text in which every character that is not printable is an escape sequence.

    Names of files, tags and texts of plug-ins may contain line breaks, control sequences of a
    terminal, marks that reverse the direction of writing, and bytes that are not UTF-8.
    """
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":  # a wide space
        return character
    return character.encode("unicode_escape").decode()


def print_json(facts: Any) -> None:
    """Print JSON over several lines: NaN is null, infinities are "inf" and "-inf"."""
    click.echo(to_json(facts, indent=2))  # escapes all but ASCII


def json_line(facts: Any) -> str:
    """Return the JSON that `print_json` prints as one line with a line break."""
    return to_json(facts) + "\n"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns of text; the last column is wrapped at the width of the terminal."""
    lines = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) + 2 for column in zip(*lines, strict=True)][:-1]
    for row in lines:
        first = "".join(f"{cell:<{width}}" for cell, width in zip(row[:-1], widths, strict=True))
        print_wrapped(first + row[-1], rest=sum(widths))


def print_wrapped(text: str, *, first: int = 0, rest: int = 0) -> None:
    """Print a paragraph of at most 80 columns.

    Parameters
    ----------
    text : str
    first, rest : int
        Indentation of the first line and of the other lines, in columns.
    """
    click.echo(
        textwrap.fill(
            printable(text.replace("\n", " ")),
            WIDTH,
            initial_indent=" " * first,
            subsequent_indent=" " * rest,
            break_on_hyphens=False,
        )
    )
