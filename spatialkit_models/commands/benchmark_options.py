"""What benchmarks of models have in common in the shell: songs, weights, what is written."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit_models.commands.stems import StemRoot

if TYPE_CHECKING:
    from spatialkit_models.evaluation import Benchmark

__all__ = ["SPLITS", "Report", "choose_models", "report_options", "song_options"]

SPLITS = ("train", "valid", "test", "all")


def song_options(*, examples: int, seconds: float) -> Callable[..., Any]:
    """Give a command ``roots``, ``split``, ``examples``, ``seconds`` and ``seed``."""

    def given_default(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def seeded(*, seed: int | None, **options: Any) -> Any:
            from spatialkit_models.evaluation import SEED

            return function(seed=SEED if seed is None else seed, **options)

        return seeded

    return _together(
        click.option(
            "--stems",
            "roots",
            metavar="DIR[:WEIGHT]",
            multiple=True,
            required=True,
            type=StemRoot(),
            help="Folder of songs, each a folder with vocals, drums, bass and other in it as .wav, "
            '.flac or .ogg; or "procedural". May be repeated, and is drawn from in proportion to '
            "its weight.",
        ),
        click.option(
            "--split",
            type=click.Choice(SPLITS),
            default="valid",
            show_default=True,
            help="Of the songs: a folder called train, valid or test says it, or a hash of their "
            "names. Training chose its weights by valid; all takes every song.",
        ),
        click.option(
            "--examples",
            type=int,
            metavar="N",
            default=examples,
            show_default=True,
            help="How many, of --seconds each, of all songs. A model takes some seconds for each.",
        ),
        click.option(
            "--seconds",
            type=float,
            metavar="S",
            default=seconds,
            show_default=True,
            help="Of each example.",
        ),
        click.option("--seed", type=int, metavar="N", help="Of the choice of examples."),
        given_default,
    )


@dataclass(frozen=True)
class Report:
    """Where results go."""

    facts: Path | None
    output: Path | None
    figure: Path | None
    force: bool

    def check(self, *figures: Path | None) -> None:
        """Refuse what cannot or must not be written, ``figures`` of the command too."""
        from spatialkit.results import figure_class

        drawn = (self.figure, *figures)
        for path in filter(None, (self.facts, self.output, *drawn)):
            toolkit.check_file(path, self.force)
        if any(drawn):
            figure_class()

    def write(self, results: Benchmark) -> int:
        """Write or print, and return the exit status."""
        text = results.to_markdown()
        if self.output:
            toolkit.write_text(self.output, text)
        else:
            click.echo(text)
        if self.facts:
            toolkit.write_text(self.facts, results.to_json())
        if self.figure:  # last: what fails here does not take the table with it
            results.figure(self.figure)
        return 1 if any(row.error for row in results.rows) else 0


def report_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``weights`` and ``report``, a `Report`."""

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
            help="Weights of a model, .safetensors with its card beside it. May be repeated. By "
            "default those that are shipped.",
        ),
        click.option(
            "--json",
            "facts",
            metavar="FILE",
            type=toolkit.FILE,
            help="Write every value as JSON, too.",
        ),
        click.option(
            "-o", "--output", metavar="OUT", type=toolkit.FILE, help="File for what is printed."
        ),
        click.option(
            "--figure", metavar="FILE", type=toolkit.FILE, help="Draw the table, too: .png, .svg."
        ),
        toolkit.force_option,
        gathered,
    )(function)


def choose_models(
    kind: str, weights: Sequence[Path], load: Callable[[Sequence[Path]], tuple[Any, ...]]
) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Models of these weights or those of a kind that are shipped, and why there are none."""
    from spatialkit_models.weights import missing_packages, shipped, shipped_names

    if missing := missing_packages():
        if weights:
            raise OptionError(f"measuring a model {missing}")
        return (), (f"Models were not measured: that {missing}.",)
    names = [name for name in shipped_names() if name.startswith(kind)]
    paths = tuple(weights) or tuple(map(shipped, names))
    return load(paths), () if paths else ("Models were not measured: no weights.",)


def _together(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    """One decorator of several, in the order of the help."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate
