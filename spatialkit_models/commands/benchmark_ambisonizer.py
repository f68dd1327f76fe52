"""``spatialkit benchmark ambisonizer``."""

from __future__ import annotations

from pathlib import Path

import click

from spatialkit.commands import toolkit
from spatialkit_models.commands.benchmark_options import (
    SPLITS,
    Report,
    Songs,
    choose_models,
    report_options,
    song_options,
    upmixer_options,
)

EXAMPLES, SECONDS = 40, 10.0


@click.command(
    "ambisonizer",
    epilog="\b\nExamples:\n"
    "  spatialkit benchmark ambisonizer --stems musdb18hq/ --rooms rooms/ --split test\n"
    "  spatialkit benchmark ambisonizer --stems songs/ --protocol stated --figure table.png",
)
@song_options(examples=f"{EXAMPLES}", seconds=f"{SECONDS:g}")
@click.option(
    "--rooms",
    "room_directories",
    metavar="DIR",
    multiple=True,
    type=toolkit.FILE,
    help="Directory of room responses (repeatable); without it no protocol uses rooms.",
)
@click.option(
    "--room-split",
    type=click.Choice(SPLITS),
    help="Split of the rooms; by default that of --split.",
)
@click.option(
    "--room-format",
    metavar="NAME",
    default="ambix1",
    show_default=True,
    help="Ambisonic format of measured responses: ambix1, N3D-ACN-1, fuma1 ...",
)
@click.option(
    "--dry-below",
    type=float,
    metavar="HZ",
    default=150.0,
    show_default=True,
    help="Frequency below which only the direct sound is kept; 0 disables it.",
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(("stated", "random", "uniform", "hand", "mono")),
    help="Type of scenes (repeatable); by default all; random, uniform, hand need --rooms.",
)
@upmixer_options
@report_options
@toolkit.debug_option
def ambisonizer(
    songs: Songs,
    examples: int | None,
    room_directories: tuple[Path, ...],
    room_split: str | None,
    room_format: str,
    dry_below: float,
    protocols: tuple[str, ...],
    names: tuple[str, ...],
    settings: dict[str, str],
    weights: tuple[Path, ...],
    report: Report,
) -> int:
    """Benchmark upmixing to Ambisonics on reference scenes.

    Stems are placed on stages, as mixed and in rooms; the stereo or mono signals of these scenes
    are upmixed. Prints tables in Markdown. Exit status: 1 if a system failed.
    """
    from dataclasses import replace

    from spatialkit_models.ambisonizer.benchmark import (
        RoomChoice,
        baseline_systems,
        benchmark_ambisonizer,
        load_systems,
        named_system,
    )

    report.check()
    systems = [*baseline_systems(), *(named_system(name, settings) for name in names)]
    notes: tuple[str, ...] = ()
    if weights or not names:
        models, notes = choose_models("ambisonizer", weights, load_systems)
        systems += models
    rooms = (
        RoomChoice(room_directories, room_split or songs.split, room_format, dry_below)
        if room_directories
        else None
    )
    results = benchmark_ambisonizer(
        songs.excerpts(SECONDS),
        tuple({system.name: system for system in systems}.values()),
        rooms=rooms,
        protocols=protocols or None,
        examples=EXAMPLES if examples is None else examples,
        progress=True,
    )
    return report.write(replace(results, notes=(*results.notes, *notes)))
