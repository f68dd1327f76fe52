"""``spatialkit benchmark``: a group, which other packages add subcommands to.

They do with entry points in the group ``spatialkit.benchmarks``, each naming a `click.Command`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import toolkit
from spatialkit.commands.plugins import PluginGroup
from spatialkit.errors import OptionError

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
    """Measure upmixers on sounds whose parts are known."""


@command.command(
    "upmix",
    epilog="\b\nExamples:\n  spatialkit benchmark upmix\n"
    "  spatialkit benchmark upmix --stems songs/ --markdown -o table.md",
)
@click.option(
    "--layout",
    type=toolkit.LayoutName(),
    metavar="NAME",
    default="5.1",
    show_default=True,
    help=f"See: spatialkit layouts; or {toolkit.LAYOUT_FILE}.",
)
@click.option(
    "--upmixer",
    "names",
    metavar="NAME",
    multiple=True,
    help="See: spatialkit upmixers; or ffmpeg, for its surround filter. May be repeated. By "
    "default those without models that make loudspeakers, and ffmpeg where it is installed.",
)
@click.option(
    "--stems",
    metavar="DIR",
    type=toolkit.FILE,
    help="Folder of a song with vocals, drums, bass and other in it as .wav, .flac or .ogg, or a "
    "folder of such folders. By default the bundled song.",
)
@click.option("--seconds", type=float, metavar="S", help="At most so much of each song; 30 s.")
@click.option("--seed", type=int, metavar="N", help="Of directions, reverberation and noise.")
@toolkit.json_option
@click.option("--markdown", is_flag=True, help="Print a table in Markdown.")
@click.option(
    "--figure", metavar="FILE", type=toolkit.FILE, help="Draw the table, too: .png, .svg."
)
@click.option("-o", "--output", metavar="OUT", type=toolkit.FILE, help="File for what is printed.")
@toolkit.force_option
@toolkit.debug_option
def upmix(
    layout: str | Layout,
    names: tuple[str, ...],
    stems: Path | None,
    seconds: float | None,
    seed: int | None,
    as_json: bool,
    markdown: bool,
    figure: Path | None,
    output: Path | None,
    force: bool,
) -> int:
    """Measure upmixers where directions and ambience are known.

    Stems are panned in stereo, dry and in a synthetic room; what the upmixers make of that is
    compared with what went in. The measures are explained below the table. Exit status: 1 if an
    upmixer failed.
    """
    from spatialkit.upmixing import SECONDS, SEED, benchmark_upmixers, figure_class

    if as_json and markdown:
        raise OptionError("--json and --markdown exclude each other")
    for path in filter(None, (figure, output)):
        toolkit.check_file(path, force)
    if figure:
        figure_class()
    results = benchmark_upmixers(
        names or None,
        layout=layout,
        stems=stems,
        seconds=SECONDS if seconds is None else seconds,
        seed=SEED if seed is None else seed,
    )
    if as_json:
        text = results.to_json()
    else:
        text = results.to_markdown() if markdown else results.to_text()
    if output:
        toolkit.write_text(output, text)
    else:
        click.echo(text)
    if figure:  # last: what fails here does not take the table with it
        results.figure(figure)
    return 1 if any(row.error for row in results.rows) else 0
