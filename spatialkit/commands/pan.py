"""``spatialkit pan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import _common, _directions

if TYPE_CHECKING:
    from spatialkit.layouts import Layout


@_common.command(
    "spatialkit pan voice.wav -o left.wav --azimuth 30",
    "spatialkit pan duo.wav -o dome.wav --azimuth 45,-45 --layout 7.1.4",
    "spatialkit pan bee.wav -o around.wav --azimuth 0:90:180:270:360",
)
@_common.file_argument
@_common.output_option
@_directions.azimuth_option
@_directions.elevation_option
@click.option(
    "--spread",
    type=_directions.Angles(),
    default="0",
    show_default=True,
    help="Degrees, 0 to 360: how wide a source is; written as --azimuth.",
)
@_common.layout_option
@_common.force_option
@_common.json_option
def command(
    source: Path,
    output: Path,
    azimuth: _directions.Points,
    elevation: _directions.Points,
    spread: _directions.Points,
    layout: str | Layout,
    force: bool,
    as_json: bool,
) -> None:
    """Pan sources to loudspeakers, at rest or moving (VBAP).

    Each channel of IN is a source. Points of a path are equally spaced over the file.
    """
    from spatialkit.layouts import get_layout
    from spatialkit.panning import vbap_pan

    target = get_layout(layout)
    _common.check_output(output, [source], force)
    audio = _common.read_input(source)
    places = _directions.to_arrays(
        len(audio.samples), azimuth=azimuth, elevation=elevation, spread=spread
    )
    panned = vbap_pan(audio.samples, places[0], places[1], layout=target, spread=places[2])
    facts = _common.write_output(output, panned, audio.sample_rate, target, force)
    _common.print_output(facts, as_json)
