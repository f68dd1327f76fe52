"""``spatialkit listening-test analyse``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.listening import Analysis

SUFFIXES = (".json", ".csv", ".md")


@click.command(
    "analyse",
    epilog="\b\nExamples:\n  spatialkit listening-test analyse answers/\n"
    "  spatialkit listening-test analyse P01.json P02.json -o results.json \\\n"
    "    --figure results.png",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=toolkit.FILE)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=toolkit.FILE,
    help="Write results: .json, .md, or .csv with a line per answer.",
)
@click.option("--figure", metavar="FILE", type=toolkit.FILE, help="Also plot them (.png, .svg).")
@click.option("--no-screening", is_flag=True, help="Exclude no listener of a MUSHRA test.")
@toolkit.force_option
@toolkit.json_option
@toolkit.debug_option
def analyse(
    files: tuple[Path, ...],
    output: Path | None,
    figure: Path | None,
    no_screening: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Analyse the answers of a listening test.

    FILE is a file that a listener saved, or a folder with them; or mushra.csv of webMUSHRA and the
    definition.json of its test. Prints tables in Markdown: exact
    binomial tests with Clopper-Pearson and Wilson intervals for ABX and preference; post-screening
    of BS.1534-3, medians with bootstrap intervals, Friedman's test and Wilcoxon's signed-rank tests
    with Holm's correction for MUSHRA.
    """
    from spatialkit.listening import analyse

    writers: dict[str, Callable[[Analysis], str]] = {
        ".json": lambda found: found.to_json(),
        ".csv": lambda found: found.to_csv(),
        ".md": lambda found: found.to_markdown(),
    }
    if output is not None and output.suffix.lower() not in writers:
        raise OptionError(
            f"unsupported output extension {output.suffix!r}; use {toolkit.one_of(SUFFIXES)}"
        )
    for path in filter(None, (output, figure)):
        toolkit.check_file(path, force)
    found = analyse(files, screening=not no_screening)
    if figure is not None:
        found.figure(figure)
    if output is not None:
        toolkit.write_text(output, writers[output.suffix.lower()](found).rstrip("\n"))
    if as_json:
        toolkit.print_text(found.to_json().rstrip("\n"))
    elif output is None:
        toolkit.print_text(found.to_markdown().rstrip("\n"))
