"""``spatialkit compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError


@toolkit.command(
    "spatialkit compare mine.csv theirs.csv",
    "spatialkit compare scores.csv --figure scores.png --bibtex scores.bib",
)
@click.argument("tables", nargs=-1, required=True, type=toolkit.FILE)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Metric or group of metrics to compare (repeatable). By default all.",
)
@click.option(
    "--baseline",
    metavar="NAME",
    help="System that the others are compared with. By default all pairs of systems.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0.0, 1.0),
    metavar="P",
    default=0.05,
    show_default=True,
    help="Largest adjusted p value that counts as significant.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    show_default=True,
    help="Seed of the bootstrap.",
)
@click.option(
    "-o",
    "--output",
    type=toolkit.FILE,
    metavar="FILE",
    help="File for tables and statement (.md, .json or .csv). By default they are printed.",
)
@click.option(
    "--figure", type=toolkit.FILE, metavar="FILE", help="Figure of all values (.png, .svg, .pdf)."
)
@click.option(
    "--bibtex", type=toolkit.FILE, metavar="FILE.bib", help="References of metrics and statistics."
)
@toolkit.force_option
@toolkit.json_option
def command(
    tables: tuple[Path, ...],
    metrics: tuple[str, ...],
    baseline: str | None,
    alpha: float,
    seed: int,
    output: Path | None,
    figure: Path | None,
    bibtex: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Compare systems by the metrics of the same items.

    TABLES are files of "spatialkit evaluate -o scores.csv", or of other programs: CSV with a header
    and columns of numbers. One table contains the systems in its column system, or each table is
    one system, with the name of the file. Items are matched by their reference.

    The output has the mean of each metric with its 95 % interval (bootstrap), paired differences
    with interval, Wilcoxon's signed-rank test, Holm's correction for all tests, an effect size, and
    the significant differences in words.
    """
    from spatialkit.metrics import Results, compare_systems
    from spatialkit.plots import write_figure

    extensions = (".md", ".json", ".csv")
    if output and output.suffix.lower() not in extensions:
        raise OptionError(
            f"unsupported output extension {output.suffix!r}; use {', '.join(extensions)}"
        )
    for path in filter(None, (output, figure, bibtex)):
        toolkit.check_outputs([path], tables, force)
        toolkit.check_file(path, force)
    systems = _systems([(path, Results.read(path)) for path in tables])
    comparison = compare_systems(
        systems, metrics=metrics or None, baseline=baseline, alpha=alpha, seed=seed
    )
    if figure:
        joined = Results.joined(systems)
        plot = joined.plot(comparison.metrics)
        write_figure(getattr(plot, "figure", plot), figure)
    if bibtex:
        toolkit.write_text(bibtex, comparison.bibtex())
    if output:
        texts: dict[str, Any] = {
            ".md": lambda: comparison.to_markdown() + "\n",
            ".json": comparison.to_json,
            ".csv": comparison.to_csv,
        }
        toolkit.write_text(output, texts[output.suffix.lower()]())
    if as_json:
        toolkit.print_text(comparison.to_json().rstrip("\n"))
    elif output:
        toolkit.print_text(comparison.statement())
    else:
        toolkit.print_text(comparison.to_markdown())
    return 0


def _systems(tables: list[tuple[Path, Any]]) -> dict[str, Any]:
    """Return the results by system, from one table or several."""
    found: dict[str, Any] = {}
    for path, results in tables:
        parts = {name: results.select(system=name) for name in results.systems}
        if len(tables) > 1 and len(parts) <= 1:
            name = next(iter(parts), path.stem)
            parts = {path.stem if name in found else name: results}
        for name, part in parts.items():
            if name in found:
                raise OptionError(
                    f"the system {name!r} is in more than one table; rename a file or a system"
                )
            found[name] = part
    if len(found) < 2:
        raise OptionError(
            f"{tables[0][0]} contains {len(found)} systems; a comparison needs two: pass two "
            "tables, or one whose column system names two"
        )
    return found
