"""``spatialkit benchmark upmix``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.benchmarks import SCENES, SECONDS, SEED
from spatialkit.commands import toolkit
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.layouts import Layout

__all__ = ["upmix"]


@click.command(
    "upmix",
    epilog="\b\nExamples:\n  spatialkit benchmark upmix\n"
    "  spatialkit benchmark upmix --stems songs/ --markdown -o table.md\n"
    "  spatialkit benchmark upmix -u foa-pair -u foa-pair:decoder=dirac\n"
    "  spatialkit benchmark upmix -u ambience \\\n"
    "    --command 'mine@5.1=python3 mine.py {input} {output}' --baseline ambience",
)
@toolkit.layout_option("5.1")
@toolkit.system_options(
    toolkit.upmixer_option(
        "Upmixer, or NAME:KEY=VALUE,... with options; ffmpeg; coderynx (repeatable)."
    )
)
@click.option(
    "--stems",
    metavar="DIR",
    type=toolkit.FILE,
    help="Folder with the stems of a song, or with such folders. By default the bundled song.",
)
@click.option(
    "--seconds",
    type=float,
    metavar="SECONDS",
    default=SECONDS,
    show_default=True,
    help="Maximum length of each song in seconds.",
)
@click.option(
    "--scenes",
    type=int,
    metavar="N",
    default=SCENES,
    show_default=True,
    help="Sets of directions per song, each dry and in a room.",
)
@click.option(
    "--seed",
    type=int,
    metavar="N",
    default=SEED,
    show_default=True,
    help="Seed of directions, reverberation and noise.",
)
@toolkit.baseline_option
@toolkit.json_option
@click.option("--markdown", is_flag=True, help="Print a Markdown table, with intervals.")
@toolkit.values_option
@click.option(
    "--figure", metavar="FILE", type=toolkit.FILE, help="Also draw the table (.png, .svg)."
)
@click.option(
    "-o", "--output", metavar="OUT", type=toolkit.FILE, help="Write the results to a file instead."
)
@toolkit.force_option
@toolkit.debug_option
def upmix(
    layout: str | Layout,
    systems: toolkit.Systems,
    stimuli: Path | None,
    stems: Path | None,
    seconds: float,
    scenes: int,
    seed: int,
    baseline: str | None,
    as_json: bool,
    markdown: bool,
    values: Path | None,
    figure: Path | None,
    output: Path | None,
    force: bool,
) -> int:
    """Measure upmixers on scenes with known directions.

    Stems (vocals, drums, bass and other, as .wav, .flac or .ogg) are panned in stereo, dry and in
    a synthetic room; the output of the upmixers is compared with the scene. The metrics are
    explained below the table. By default, all upmixers to loudspeakers that use no model are
    measured, and the programs ffmpeg (its surround filter) and coderynx (upmixer) where they are
    installed: about 3 minutes. Exit status: 1 if an upmixer failed.

    A --command is called once per scene, without a shell, with the paths of a stereo WAV file and
    of the WAV file to write. Its channels have the order of FORMAT, by default that of --layout
    (see spatialkit layouts).
    """
    from spatialkit.benchmarks import benchmark_upmixers, write_upmix_stimuli
    from spatialkit.layouts import get_layout

    if as_json and markdown:
        raise OptionError("--json and --markdown are mutually exclusive: use one of them")
    if stimuli:
        if systems:
            raise OptionError("--write-stimuli measures nothing: omit the systems")
        count = write_upmix_stimuli(stimuli, stems=stems, seconds=seconds, scenes=scenes, seed=seed)
        toolkit.print_line(f"{stimuli}: {count} stimuli")
        return 0
    for path in filter(None, (figure, output, values)):
        toolkit.check_file(path, force)
    if figure:
        from spatialkit.plots import new_figure

        new_figure()  # before the work
    target = get_layout(layout)
    given = systems.given(target) if systems else None
    toolkit.check_baseline(baseline, given)
    with toolkit.isolated_plugins():
        results = benchmark_upmixers(
            given, layout=target, stems=stems, seconds=seconds, scenes=scenes, seed=seed
        )
    if as_json:
        text = results.to_json(baseline=baseline)
    else:
        text = results.to_markdown() if markdown else results.to_text()
        if baseline is not None:
            text = f"{text}\n\n{results.compare(baseline).to_markdown()}"
    if values:
        toolkit.write_text(values, results.to_csv())
    if output:
        toolkit.write_text(output, text)
    else:
        toolkit.print_text(text)
    if figure:  # last, so that an error here does not lose the table
        results.figure(figure)
    return 1 if any(row.error for row in results.rows) else 0
