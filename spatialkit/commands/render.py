"""``spatialkit render``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit

if TYPE_CHECKING:
    from spatialkit.files import AudioStream
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
    type=toolkit.LayoutName(ambisonics=True),
    metavar="FORMAT",
    required=True,
    help=f"Output format: {toolkit.FORMAT_NAMES}.",
)
@toolkit.reading_options()
@toolkit.force_option
@toolkit.json_option
def command(
    source: Path,
    output: Path,
    target_format: str | Layout,
    reading: dict[str, Any],
    force: bool,
    as_json: bool,
) -> None:
    """Convert any layout or Ambisonic format to any other.

    Channels with the same role in both layouts are copied (left of stereo to left of quad, but not
    the surround of 5.1, at 110 degrees, to the side of 7.1, at 90); in layouts from .json files
    those with the same direction. The other channels are panned. Output with fewer channels is a
    downmix.
    """
    from spatialkit.rendering import as_target, render

    target = as_target(target_format)
    toolkit.check_output(output, [source], force)

    def plan(audio: AudioStream) -> toolkit.Conversion:
        found = toolkit.known_format(source, audio.format, audio.channels)
        return toolkit.Conversion(lambda block: render(block, found, target), target)

    facts = toolkit.convert_file(source, output, reading, plan, force=force)
    toolkit.print_output(facts, as_json)
