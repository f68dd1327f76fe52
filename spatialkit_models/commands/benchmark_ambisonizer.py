"""``spatialkit benchmark ambisonizer``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit_models.commands.benchmark_options import (
    SPLITS,
    Songs,
    choose_models,
    song_options,
    weights_option,
    with_baselines,
)
from spatialkit_models.commands.scenes import normalization_option

if TYPE_CHECKING:
    from spatialkit.layouts import Layout
    from spatialkit_models.data.scenes import WXYNormalization

EXAMPLES, SECONDS = 40, 10.0


@click.command(
    "ambisonizer",
    epilog="\b\nExamples:\n"
    "  spatialkit benchmark ambisonizer --stems musdb18hq/ --rooms rooms/ --split test\n"
    "  spatialkit benchmark ambisonizer --stems songs/ --protocol stated --figure table.png\n"
    "  spatialkit benchmark ambisonizer --stems songs/ --layout 7.1.4",
)
@song_options(examples=f"{EXAMPLES}", seconds=f"{SECONDS:g}", required=False)
@click.option(
    "--scenes",
    metavar="DIR",
    type=toolkit.FILE,
    help="Evaluate on scenes in this directory (see spatialkit scenes), without --stems.",
)
@normalization_option
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
@click.option(
    "--stem-sdr",
    "stem_sdrs",
    type=float,
    metavar="DB",
    multiple=True,
    help="Protocol stated: also upmix from stems of this mean SDR (repeatable).",
)
@click.option(
    "--layout",
    type=toolkit.LayoutName(),
    metavar="NAME",
    help="Protocol stated: also decode to NAME by allrad and dirac, and measure the stems.",
)
@toolkit.system_options(
    toolkit.upmixer_option(
        "Upmixer instead of the models, NAME or NAME:KEY=VALUE,... (repeatable)."
    )
)
@weights_option
@toolkit.report_options
@toolkit.debug_option
def ambisonizer(
    songs: Songs,
    examples: int | None,
    scenes: Path | None,
    normalization: WXYNormalization,
    room_directories: tuple[Path, ...],
    room_split: str | None,
    room_format: str,
    dry_below: float,
    protocols: tuple[str, ...],
    stem_sdrs: tuple[float, ...],
    layout: str | Layout | None,
    systems: toolkit.Systems,
    stimuli: Path | None,
    weights: tuple[Path, ...],
    report: toolkit.Report,
) -> int:
    """Benchmark upmixing to Ambisonics on reference scenes.

    Stems are placed on stages, as mixed and in rooms; the stereo or mono signals of these scenes
    are upmixed. With --scenes, files <split>/<scene>/{W,X,Y}.wav are the reference scenes, from
    "spatialkit scenes" or from the script of the authors of the published network. Prints tables in
    Markdown. Exit status: 1 if a system failed.
    """
    from dataclasses import replace

    from spatialkit.benchmarks import StimulusWriter
    from spatialkit.layouts import get_format
    from spatialkit_models.ambisonizer.benchmark import (
        RoomChoice,
        baseline_systems,
        benchmark_ambisonizer,
        benchmark_scene_files,
        load_systems,
        stem_system,
    )

    if scenes and (songs.datasets or songs.listed or songs.starts or room_directories or protocols):
        raise OptionError(
            "--scenes excludes --stems, --excerpts, --starts, --rooms and --protocol: use either"
        )
    if not scenes and not songs.datasets:
        raise OptionError("--stems is missing: pass songs with stems, or --scenes")
    if stem_sdrs and (scenes or (protocols and "stated" not in protocols)):
        raise OptionError("--stem-sdr needs --protocol stated")
    if layout and (scenes or (protocols and "stated" not in protocols)):
        raise OptionError("--layout needs --protocol stated")
    if stimuli and (systems or weights or stem_sdrs):
        raise OptionError("--write-stimuli measures nothing: omit systems, --weights, --stem-sdr")
    report.check()
    writer = StimulusWriter(stimuli) if stimuli else None
    foa = get_format("foa")
    with toolkit.isolated_plugins():
        candidates: list[Any] = [*systems.given(foa)]
        notes: tuple[str, ...] = ()
        if not writer and (weights or not systems):
            models, notes = choose_models("ambisonizer", weights, load_systems)
            candidates += models
        candidates += [stem_system(value) for value in stem_sdrs]
        chosen = with_baselines(baseline_systems(), candidates)
        report.check_baseline(chosen)
        excerpts = songs.excerpts(SECONDS)
        count = EXAMPLES if examples is None else examples
        if scenes:
            from spatialkit_models.data.scenes import WXYFiles

            files = WXYFiles(
                scenes,
                songs.split,
                excerpts.seconds,
                seed=excerpts.seed,
                normalization=normalization,
            )
            results = benchmark_scene_files(
                files, chosen, examples=count, progress=True, stimuli=writer
            )
        else:
            rooms = (
                RoomChoice(room_directories, room_split or songs.split, room_format, dry_below)
                if room_directories
                else None
            )
            results = benchmark_ambisonizer(
                excerpts,
                chosen,
                rooms=rooms,
                protocols=protocols or None,
                examples=count,
                layout=layout,
                progress=True,
                stimuli=writer,
            )
    return report.write(replace(results, notes=(*results.notes, *notes)), writer)
