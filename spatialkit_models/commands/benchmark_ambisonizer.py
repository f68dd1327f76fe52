"""``spatialkit benchmark ambisonizer``."""

from __future__ import annotations

from pathlib import Path

import click

from spatialkit.commands import toolkit
from spatialkit_models.commands.benchmark_options import (
    SPLITS,
    Report,
    choose_models,
    report_options,
    song_options,
)


@click.command(
    "ambisonizer",
    epilog="\b\nExamples:\n"
    "  spatialkit benchmark ambisonizer --stems musdb18hq/ --rooms rooms/ --split test\n"
    "  spatialkit benchmark ambisonizer --stems songs/ --protocol stated --figure table.png",
)
@song_options(examples=40, seconds=10.0)
@click.option(
    "--rooms",
    "room_roots",
    metavar="DIR",
    multiple=True,
    type=toolkit.FILE,
    help="Folder of room responses, of spatialkit rooms or measured. May be repeated. Without it "
    "what needs rooms is left out.",
)
@click.option(
    "--room-split",
    type=click.Choice(SPLITS),
    help="Of the rooms, as --split is of the songs; by default the same.",
)
@click.option(
    "--room-format",
    metavar="NAME",
    default="ambix1",
    show_default=True,
    help="What measured responses are: ambix1, N3D-ACN-1, fuma1 ...",
)
@click.option(
    "--dry-below",
    type=float,
    metavar="HZ",
    default=150.0,
    show_default=True,
    help="Below this rooms are left out, as from the bass of a mix; 0 keeps them whole.",
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(("stated", "random", "uniform", "hand", "mono")),
    help="Scenes to measure on. May be repeated. By default all; random, uniform and hand need "
    "--rooms.",
)
@report_options
@toolkit.debug_option
def ambisonizer(
    roots: tuple[tuple[str, float], ...],
    split: str,
    examples: int,
    seconds: float,
    seed: int,
    room_roots: tuple[Path, ...],
    room_split: str | None,
    room_format: str,
    dry_below: float,
    protocols: tuple[str, ...],
    weights: tuple[Path, ...],
    report: Report,
) -> int:
    """Measure upmixing to Ambisonics where scenes are known.

    Stems are put on stages, stated ones and in rooms, and what stereo or mono says of them is
    upmixed. What is printed is tables in Markdown. Exit status: 1 if a system failed.
    """
    from dataclasses import replace

    from spatialkit_models.ambisonizer.benchmark import (
        RoomChoice,
        SongExcerpts,
        baseline_systems,
        benchmark_ambisonizer,
        load_systems,
    )

    report.check()
    models, notes = choose_models("ambisonizer", weights, load_systems)
    rooms = (
        RoomChoice(room_roots, room_split or split, room_format, dry_below) if room_roots else None
    )
    results = benchmark_ambisonizer(
        SongExcerpts(roots, split, seconds, seed),
        (*baseline_systems(), *models),
        rooms=rooms,
        protocols=protocols or None,
        examples=examples,
        progress=True,
    )
    return report.write(replace(results, notes=(*results.notes, *notes)))
