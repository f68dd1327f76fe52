"""``spatialkit benchmark``, a group of commands.

Other packages add commands with entry points in the group ``spatialkit.benchmarks``, each naming a
`click.Command`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import toolkit
from spatialkit.commands.plugins import PluginGroup
from spatialkit.errors import OptionError
from spatialkit.upmixing import SECONDS, SEED

if TYPE_CHECKING:
    from spatialkit.layouts import Layout

GROUP = "spatialkit.benchmarks"


@click.group(
    "benchmark",
    cls=PluginGroup,
    plugins=GROUP,
    epilog="\b\nExample:\n  spatialkit benchmark upmix --layout 7.1.4",
)
@toolkit.debug_option
def command() -> None:
    """Measure upmixers on mixes of known stems."""


@command.command(
    "upmix",
    epilog="\b\nExamples:\n  spatialkit benchmark upmix\n"
    "  spatialkit benchmark upmix --stems songs/ --markdown -o table.md\n"
    "  spatialkit benchmark upmix -u foa-pair -u foa-pair:decoder=dirac",
)
@toolkit.layout_option("5.1")
@click.option(
    "-u",
    "--upmixer",
    "names",
    type=toolkit.UpmixerName(),
    metavar="NAME",
    multiple=True,
    help="Name of an upmixer, or NAME:KEY=VALUE,... with options, or ffmpeg (repeatable).",
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
    metavar="S",
    default=SECONDS,
    show_default=True,
    help="Maximum length of each song in seconds.",
)
@click.option(
    "--seed",
    type=int,
    metavar="N",
    default=SEED,
    show_default=True,
    help="Seed of directions, reverberation and noise.",
)
@toolkit.json_option
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
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
    names: tuple[str, ...],
    stems: Path | None,
    seconds: float,
    seed: int,
    as_json: bool,
    markdown: bool,
    figure: Path | None,
    output: Path | None,
    force: bool,
) -> int:
    """Measure upmixers on scenes with known directions.

    Stems (vocals, drums, bass and other, as .wav, .flac or .ogg) are panned in stereo, dry and in
    a synthetic room; the output of the upmixers is compared with the scene. The metrics are
    explained below the table. By default, all upmixers to loudspeakers that use no model are
    measured, and ffmpeg's surround filter where ffmpeg is installed. Exit status: 1 if an upmixer
    failed.
    """
    from spatialkit.upmixing import benchmark_upmixers

    if as_json and markdown:
        raise OptionError("--json and --markdown are mutually exclusive: use one of them")
    for path in filter(None, (figure, output)):
        toolkit.check_file(path, force)
    if figure:
        from spatialkit.plots import new_figure

        new_figure()  # before the work
    with toolkit.isolated_plugins():
        results = benchmark_upmixers(
            names or None, layout=layout, stems=stems, seconds=seconds, seed=seed
        )
    if as_json:
        text = results.to_json()
    else:
        text = results.to_markdown() if markdown else results.to_text()
    if output:
        toolkit.write_text(output, text)
    else:
        toolkit.print_text(text)
    if figure:  # last, so that an error here does not lose the table
        results.figure(figure)
    return 1 if any(row.error for row in results.rows) else 0
