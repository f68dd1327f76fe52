"""``spatialkit decode``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import toolkit
from spatialkit.errors import LayoutError

if TYPE_CHECKING:
    from spatialkit.layouts import Layout


@toolkit.command(
    "spatialkit decode scene.wav -o room.wav --layout 7.1.4",
    "spatialkit decode b-format.wav -o quad.wav --from fuma1 --layout quad",
)
@toolkit.file_argument
@toolkit.output_option
@toolkit.layout_option
@click.option(
    "--from",
    "source_format",
    metavar="FORMAT",
    help="ambix1 ... ambix7 or fuma1 ... fuma3; by default AmbiX of the order that the number of "
    "channels has.",
)
@click.option(
    "--decoder",
    metavar="NAME",
    default="allrad",
    show_default=True,
    help="allrad, epad, mode-matching or sampling.",
)
@click.option(
    "--weights",
    metavar="NAME",
    default="max-re",
    show_default=True,
    help="max-re, basic, in-phase or dual-band.",
)
@toolkit.force_option
@toolkit.json_option
def command(
    source: Path,
    output: Path,
    layout: str | Layout,
    source_format: str | None,
    decoder: str,
    weights: str,
    force: bool,
    as_json: bool,
) -> None:
    """Decode Ambisonics to loudspeakers."""
    from spatialkit.ambisonics import decode_ambisonics
    from spatialkit.layouts import AmbisonicFormat, get_layout

    target = get_layout(layout)
    toolkit.check_output(output, [source], force)
    audio = toolkit.read_input(source, source_format)
    scene = audio.format or AmbisonicFormat()
    if not isinstance(scene, AmbisonicFormat):
        raise LayoutError(
            f"{source} is {scene.name!r}, not Ambisonics: say with --from which order, or render it"
        )
    decoded = decode_ambisonics(
        audio.samples,
        target,
        decoder=decoder,
        weights=weights,
        sample_rate=audio.sample_rate,
        normalization=scene.normalization,
        channel_order=scene.channel_order,
    )
    facts = toolkit.write_output(output, decoded, audio.sample_rate, target, force)
    if audio.format is None:
        facts["read_as"] = f"ambix{math.isqrt(len(audio.samples)) - 1}"
    toolkit.print_output(facts, as_json)
    if "read_as" in facts and not as_json:
        click.echo(f"  {source} read as {facts['read_as']}")
