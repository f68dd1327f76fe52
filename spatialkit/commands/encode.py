"""``spatialkit encode``."""

from __future__ import annotations

from pathlib import Path

import click

from spatialkit.commands import _common, _directions


@_common.command(
    "spatialkit encode voice.wav -o scene.wav --azimuth 30 --order 3",
    "spatialkit encode bee.wav -o scene.wav --azimuth 0:180 --elevation 0:45",
)
@_common.file_argument
@_common.output_option
@_directions.azimuth_option
@_directions.elevation_option
@click.option(
    "--order", type=int, metavar="N", default=1, show_default=True, help="Ambisonic order, 1 to 7."
)
@_common.force_option
@_common.json_option
def command(
    source: Path,
    output: Path,
    azimuth: _directions.Points,
    elevation: _directions.Points,
    order: int,
    force: bool,
    as_json: bool,
) -> None:
    """Encode sources, at rest or moving, to Ambisonics.

    Each channel of IN is a source. Points of a path are equally spaced over the file.
    """
    from spatialkit.ambisonics import encode_ambisonics
    from spatialkit.layouts import AmbisonicFormat

    target = AmbisonicFormat(order)
    _common.check_output(output, [source], force)
    audio = _common.read_input(source)
    places = _directions.to_arrays(len(audio.samples), azimuth=azimuth, elevation=elevation)
    encoded = encode_ambisonics(audio.samples, *places, order=order)
    facts = _common.write_output(output, encoded, audio.sample_rate, target, force)
    _common.print_output(facts, as_json)
