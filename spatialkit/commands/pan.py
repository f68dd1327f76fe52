"""``spatialkit pan``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import directions, toolkit

if TYPE_CHECKING:
    from spatialkit.files import AudioStream
    from spatialkit.layouts import Layout
    from spatialkit.setups import LoudspeakerSetup


@toolkit.command(
    "spatialkit pan voice.wav -o left.wav --azimuth 30",
    "spatialkit pan duo.wav -o dome.wav --azimuth 45,-45 --layout 7.1.4",
    "spatialkit pan bee.wav -o around.wav --azimuth 0:90:180:270:360",
    "spatialkit pan voice.wav -o voice-in-room.wav --azimuth 30 --setup room.json",
    "spatialkit pan bee.wav -o around.wav --trajectory bee.csv --layout 7.1.4",
)
@toolkit.file_argument
@toolkit.output_option
@toolkit.reading_options(formats="")
@directions.direction_options
@click.option(
    "--spread",
    type=directions.Angles(),
    default="0",
    show_default=True,
    help="Width of a source in degrees, 0 to 360.",
)
@toolkit.layout_option("5.0")
@toolkit.setup_option
@toolkit.force_option
@toolkit.json_option
def command(
    source: Path,
    output: Path,
    reading: dict[str, Any],
    azimuth: directions.Points | None,
    elevation: directions.Points,
    distance: directions.Points | None,
    trajectories: tuple[Path, ...],
    spread: directions.Points,
    layout: str | Layout,
    setup: LoudspeakerSetup | None,
    force: bool,
    as_json: bool,
) -> None:
    """Pan static or moving sources to loudspeakers with VBAP."""
    from spatialkit.layouts import get_layout
    from spatialkit.panning import vbap_pan

    target = get_layout(toolkit.layout_of(setup, layout))
    toolkit.check_output(output, [source], force)

    def plan(audio: AudioStream) -> toolkit.Conversion:
        pan, moves = directions.placement(
            audio,
            partial(vbap_pan, layout=target),
            azimuth=azimuth,
            elevation=elevation,
            distance=distance,
            trajectories=trajectories,
            spread=spread,
        )
        return toolkit.Conversion(pan, target, whole=moves)

    facts = toolkit.convert_file(source, output, reading, plan, force=force, setup=setup)
    toolkit.print_output(facts, as_json)
