"""``spatialkit benchmark stems``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
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
    "  spatialkit benchmark stems --stems song/ --split all --starts all --protocol mixed\n"
    "  spatialkit benchmark stems --stems song/ --split all \\\n"
    "    --command 'mine=python3 separate.py {input} {output}' --baseline mine",
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
@click.option(
    "--command",
    "commands",
    metavar="[NAME=]TEXT",
    multiple=True,
    help="Program that writes stems to the folder {output} (repeatable).",
)
@toolkit.timeout_option
@weights_option
@toolkit.report_options
@toolkit.debug_option
def stems(
    songs: Songs,
    examples: int | None,
    protocols: tuple[str, ...],
    names: tuple[str, ...],
    settings: dict[str, str],
    commands: tuple[str, ...],
    timeout: float,
    weights: tuple[Path, ...],
    report: toolkit.Report,
) -> int:
    """Benchmark separators on songs with stems.

    Prints the SDR of each stem, for masks also cross-entropy and calibration, beside ideal ratio
    masks and constant masks. Exit status: 1 if a system failed.

    A --command is called once per example, without a shell, with the paths of a stereo WAV file and
    of an existing folder, to which it writes vocals, drums, bass and other, as Demucs does.
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
        systems += [_program(text, rate, timeout) for text in commands]
        notes: tuple[str, ...] = ()
        if weights or not (names or commands):
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


def _program(text: str, sample_rate: int, timeout: float) -> System:
    """Return the system of a ``--command``."""
    from spatialkit.benchmarks import named_value
    from spatialkit_models.separation import command_separator

    name, form, command = named_value(text)
    if form:
        raise OptionError(f"stems are stereo: omit @{form} from --command {text!r}")
    return command_separator(command, sample_rate, name=name, timeout=timeout)
