"""Options shared by the benchmark commands: songs, weights and output files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit_models.commands.stems import StemDataset

if TYPE_CHECKING:
    from spatialkit.results import Benchmark

__all__ = ["SPLITS", "Report", "choose_models", "report_options", "song_options"]

SPLITS = ("train", "valid", "test", "all")


def song_options(*, examples: int, seconds: float) -> Callable[..., Any]:
    """Add options ``datasets``, ``split``, ``examples``, ``seconds`` and ``seed`` to a command."""

    def given_default(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def seeded(*, seed: int | None, **options: Any) -> Any:
            from spatialkit_models.evaluation import SEED

            return function(seed=SEED if seed is None else seed, **options)

        return seeded

    return _together(
        click.option(
            "--stems",
            "datasets",
            metavar="DIR[:WEIGHT]",
            multiple=True,
            required=True,
            type=StemDataset(),
            help='Dataset directory of songs with stems, or "procedural" (repeatable).',
        ),
        click.option(
            "--split",
            type=click.Choice(SPLITS),
            default="valid",
            show_default=True,
            help="Split of the songs; training selected the weights on valid.",
        ),
        click.option(
            "--examples",
            type=int,
            metavar="N",
            default=examples,
            show_default=True,
            help="Number of examples.",
        ),
        click.option(
            "--seconds",
            type=float,
            metavar="S",
            default=seconds,
            show_default=True,
            help="Length of each example in seconds.",
        ),
        click.option("--seed", type=int, metavar="N", help="Random seed of the examples."),
        given_default,
    )


@dataclass(frozen=True)
class Report:
    """Output files of a benchmark."""

    facts: Path | None
    output: Path | None
    figure: Path | None
    force: bool

    def check(self, *figures: Path | None) -> None:
        """Raise an error if an output, or one of ``figures``, exists or cannot be written."""
        from spatialkit.results import figure_class

        images = (self.figure, *figures)
        for path in filter(None, (self.facts, self.output, *images)):
            toolkit.check_file(path, self.force)
        if any(images):
            figure_class()

    def write(self, results: Benchmark) -> int:
        """Write or print the results and return the exit status."""
        text = results.to_markdown()
        if self.output:
            toolkit.write_text(self.output, text)
        else:
            click.echo(text)
        if self.facts:
            toolkit.write_text(self.facts, results.to_json())
        if self.figure:  # last, so that a failure does not lose the table
            results.figure(self.figure)
        return 1 if any(row.error for row in results.rows) else 0


def report_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add options ``weights`` and ``report``, a `Report`, to a command."""

    def gathered(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def reporting(
            *,
            facts: Path | None,
            output: Path | None,
            figure: Path | None,
            force: bool,
            **options: Any,
        ) -> Any:
            return function(report=Report(facts, output, figure, force), **options)

        return reporting

    return _together(
        click.option(
            "--weights",
            metavar="FILE",
            multiple=True,
            type=toolkit.FILE,
            help="Weights of a model (.safetensors; repeatable); by default the bundled ones.",
        ),
        click.option(
            "--json",
            "facts",
            metavar="FILE",
            type=toolkit.FILE,
            help="Also write all values as JSON.",
        ),
        click.option(
            "-o",
            "--output",
            metavar="OUT",
            type=toolkit.FILE,
            help="File for the tables, instead of stdout.",
        ),
        click.option(
            "--figure",
            metavar="FILE",
            type=toolkit.FILE,
            help="Also plot the first table (.png, .svg).",
        ),
        toolkit.force_option,
        gathered,
    )(function)


def choose_models(
    kind: str, weights: Sequence[Path], load: Callable[[Sequence[Path]], tuple[Any, ...]]
) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Return the models of given weights, or the bundled ones of a kind, and notes.

    Parameters
    ----------
    kind : str
        Name of the model, such as "style-vae".
    weights : sequence of Path
        Files of weights; empty for the bundled ones.
    load : callable
        Function of paths that returns systems.
    """
    from spatialkit_models.weights import missing_packages, shipped, shipped_names

    if missing := missing_packages():
        if weights:
            raise OptionError(f"evaluating a model {missing}")
        return (), (f"Models were not evaluated: that {missing}.",)
    names = [name for name in shipped_names() if name.startswith(kind)]
    paths = tuple(weights) or tuple(map(shipped, names))
    return load(paths), () if paths else ("Models were not evaluated: no weights.",)


def _together(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    """Combine decorators into one, in the order of the help."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate
