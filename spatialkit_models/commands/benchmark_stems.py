"""``spatialkit benchmark stems``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import toolkit
from spatialkit_models.commands.benchmark_options import (
    Songs,
    choose_models,
    separator_options,
    song_options,
    weights_option,
)

if TYPE_CHECKING:
    from spatialkit_models.evaluation import System

EXAMPLES, SECONDS = 40, 10.0


@click.command(
    "stems",
    epilog="\b\nExamples:\n"
    "  spatialkit benchmark stems --stems musdb18hq/ --split test --separator demucs\n"
    "  spatialkit benchmark stems --stems song/ --split all --starts all --protocol mixed",
)
@song_options(examples=f"{EXAMPLES}", seconds=f"{SECONDS:g}")
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(("mixed", "panned")),
    help="Songs as mixed, or mono stems panned to the configurations; by default both.",
)
@separator_options
@weights_option
@toolkit.report_options
@toolkit.debug_option
def stems(
    songs: Songs,
    examples: int | None,
    protocols: tuple[str, ...],
    names: tuple[str, ...],
    settings: dict[str, str],
    weights: tuple[Path, ...],
    report: toolkit.Report,
) -> int:
    """Benchmark separators on songs with stems.

    Prints the SDR of each stem, for masks also cross-entropy and calibration, beside ideal ratio
    masks and constant masks. Exit status: 1 if a system failed.
    """
    from dataclasses import replace

    from spatialkit_models.separation.benchmark import (
        PROTOCOLS,
        benchmark_separators,
        load_systems,
        oracle_systems,
        separator_system,
    )

    report.check()
    excerpts = songs.excerpts(SECONDS)
    rate = excerpts.sample_rate
    with toolkit.isolated_plugins():
        systems: list[System] = [*oracle_systems()]
        systems += [separator_system(name, settings, rate) for name in names]
        notes: tuple[str, ...] = ()
        if weights or not names:
            models, notes = choose_models(
                "separator", weights, lambda _: load_systems(weights, rate)
            )
            systems += models
        results = benchmark_separators(
            excerpts,
            systems,
            protocols=protocols or tuple(PROTOCOLS),
            examples=EXAMPLES if examples is None else examples,
            progress=True,
        )
    return report.write(replace(results, notes=(*results.notes, *notes)))
