"""``spatialkit render``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import toolkit

if TYPE_CHECKING:
    from spatialkit.layouts import Layout


@toolkit.command(
    "spatialkit render film.wav -o dome.wav --to 7.1.4",
    "spatialkit render scene.wav -o surround.wav --from ambix3 --to 5.1",
)
@toolkit.file_argument
@toolkit.output_option
@click.option(
    "--to",
    "target_format",
    type=toolkit.LayoutName(),
    metavar="FORMAT",
    required=True,
    help=f"A layout, {toolkit.LAYOUT_FILE}, or ambix1 ... ambix7, fuma1 ... fuma3.",
)
@toolkit.from_option
@toolkit.force_option
@toolkit.json_option
def command(
    source: Path,
    output: Path,
    target_format: str | Layout,
    source_format: str | Layout | None,
    force: bool,
    as_json: bool,
) -> None:
    """Turn any layout or Ambisonics into any other.

    Loudspeakers of the same role keep their channels (left of stereo and of quad, but not the
    surround of 5.1, at 110 degrees, and the side of 7.1, at 90), in layouts of your own those of
    the same direction; others are panned. Fewer channels are a downmix.
    """
    from spatialkit.rendering import as_target, render

    target = as_target(target_format)
    toolkit.check_output(output, [source], force)
    audio, found = toolkit.read_with_format(source, source_format)
    rendered = render(audio.samples, found, target)
    facts = toolkit.write_output(output, rendered, audio.sample_rate, target, force)
    toolkit.print_output(facts, as_json)
