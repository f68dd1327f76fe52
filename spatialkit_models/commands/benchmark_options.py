"""Options shared by the benchmarks of models: songs, separators and weights."""

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
    from spatialkit_models.evaluation import ExcerptList, SongExcerpts

__all__ = [
    "SPLITS",
    "Songs",
    "choose_models",
    "separator_options",
    "song_options",
    "weights_option",
    "with_baselines",
]

SPLITS = ("train", "valid", "test", "all")


@dataclass(frozen=True)
class Songs:
    """Songs of a benchmark as specified on the command line; None for values not specified."""

    datasets: tuple[tuple[str, float], ...]
    split: str
    seed: int | None
    seconds: float | None
    starts: tuple[float, ...] | str | None
    listed: ExcerptList | None

    def excerpts(self, seconds: float) -> SongExcerpts:
        """Return the excerpts, by default of the given length in seconds."""
        from spatialkit_models.evaluation import SEED, SongExcerpts

        listed, seed = self.listed, self.seed
        if seed is None:
            seed = SEED if listed is None or listed.seed is None else listed.seed
        if listed:
            return SongExcerpts(
                self.datasets, self.split, listed.seconds, seed, starts=listed.songs
            )
        return SongExcerpts(
            self.datasets, self.split, self.seconds or seconds, seed, starts=self.starts
        )


class _StartTimes(click.ParamType):
    """Parameter ``S,S...`` or ``all``: start times in seconds."""

    name = "starts"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...] | str:
        if not isinstance(value, str) or value == "all":
            return value
        try:
            return tuple(map(float, value.split(",")))
        except ValueError:
            raise OptionError(
                f"--starts must be 'all' or seconds such as 40,136,200, got {value!r}"
            ) from None


def song_options(*, examples: str, seconds: str, required: bool = True) -> Callable[..., Any]:
    """Add options ``songs``, of type `Songs`, and ``examples`` to a command.

    Parameters
    ----------
    examples, seconds : str
        Defaults as text; the command replaces None by them.
    required : bool
        Whether songs are required.
    """

    def gathered(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def with_songs(
            *,
            datasets: tuple[tuple[str, float], ...],
            split: str,
            seed: int | None,
            seconds: float | None,
            starts: tuple[float, ...] | str | None,
            listed: str | None,
            **options: Any,
        ) -> Any:
            from spatialkit_models.evaluation import read_list

            if listed and (starts is not None or seconds is not None):
                raise OptionError("--excerpts lists times and length: omit --starts and --seconds")
            found = read_list(listed) if listed else None
            songs = Songs(datasets, split, seed, seconds, starts, found)
            return function(songs=songs, **options)

        return with_songs

    return toolkit.combined(
        click.option(
            "--stems",
            "datasets",
            metavar="DIR[:WEIGHT]",
            multiple=True,
            required=required,
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
            show_default=examples,
            help="Number of examples, sampled from the songs.",
        ),
        click.option(
            "--seconds",
            type=float,
            metavar="SECONDS",
            show_default=seconds,
            help="Length of each example in seconds.",
        ),
        click.option(
            "--starts",
            type=_StartTimes(),
            metavar="S,S...",
            help="Start times in every song instead of sampled ones, or all: whole songs.",
        ),
        click.option(
            "--excerpts",
            "listed",
            metavar="FILE",
            help='JSON file of songs and start times, or "published" for that of the docs.',
        ),
        click.option("--seed", type=int, metavar="N", help="Random seed of the examples."),
        gathered,
    )


def separator_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add options ``names``, of separators, and ``settings``, texts by key, to a command."""

    def gathered(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def with_settings(
            *, names: tuple[str, ...], settings: tuple[str, ...], **options: Any
        ) -> Any:
            if settings and not names:
                raise OptionError("-O sets options of --separator: pass --separator NAME")
            return function(names=names, settings=toolkit.parse_settings(settings), **options)

        return with_settings

    return toolkit.combined(
        click.option(
            "--separator",
            "names",
            metavar="NAME",
            multiple=True,
            help="Separator instead of the shipped one (see spatialkit separators; repeatable).",
        ),
        click.option(
            "-O",
            "--option",
            "settings",
            type=toolkit.Setting("names", _load_separator),
            metavar="KEY=VALUE",
            multiple=True,
            help="Option of every NAME of --separator (repeatable).",
        ),
        gathered,
    )(function)


def _load_separator(name: str) -> Any:
    from spatialkit_models.separation import load_separator

    return load_separator(name)


weights_option = click.option(
    "--weights",
    metavar="FILE",
    multiple=True,
    type=toolkit.FILE,
    help="Weights of a model (.safetensors; repeatable); by default the bundled ones.",
)


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


def with_baselines(baselines: Sequence[Any], systems: Sequence[Any]) -> list[Any]:
    """Return the baselines whose names no system has, and the systems."""
    names = {each if isinstance(each, str) else each.name for each in systems}
    return [*(each for each in baselines if each.name not in names), *systems]
