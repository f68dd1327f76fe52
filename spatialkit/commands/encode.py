"""``spatialkit encode``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from spatialkit.ambisonics import Capsules
from spatialkit.commands import directions, toolkit
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.files import AudioStream

MICROPHONES = get_args(Capsules)


@toolkit.command(
    "spatialkit encode voice.wav -o scene.wav --azimuth 30 --order 3",
    "spatialkit encode capsules.wav -o scene.wav --a-format zoom-h3-vr",
    "spatialkit encode bee.wav -o scene.wav --azimuth 0:180 --elevation 0:45",
)
@toolkit.file_argument
@toolkit.output_option
@toolkit.reading_options(formats="")
@directions.direction_options
@click.option(
    "--order", type=int, metavar="N", default=1, show_default=True, help="Ambisonic order, 1 to 7."
)
@click.option(
    "--a-format",
    "geometry",
    type=toolkit.Name(MICROPHONES),
    metavar="MICROPHONE",
    help="IN is the A-format of a microphone, in place of directions: "
    f"{toolkit.one_of(MICROPHONES)}; or its capsules in order, such as FLU,FRD,BLD,BRU.",
)
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
    order: int,
    geometry: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Encode static or moving sources to Ambisonics (AmbiX)."""
    from spatialkit.ambisonics import a_to_b, encode_ambisonics
    from spatialkit.layouts import AmbisonicFormat

    target = AmbisonicFormat(order)
    toolkit.check_output(output, [source], force)

    if geometry and (azimuth is not None or trajectories or order != 1 or distance is not None):
        raise OptionError(
            "--a-format excludes --azimuth, --distance, --trajectory and --order: omit them"
        )

    def plan(audio: AudioStream) -> toolkit.Conversion:
        if geometry:
            order: Any = geometry.split(",") if "," in geometry else geometry
            return toolkit.Conversion(partial(a_to_b, geometry=order), target)
        place = partial(encode_ambisonics, order=target.order)
        encode, moves = directions.placement(
            audio,
            place,
            azimuth=azimuth,
            elevation=elevation,
            distance=distance,
            trajectories=trajectories,
        )
        return toolkit.Conversion(encode, target, whole=moves)

    facts = toolkit.convert_file(source, output, reading, plan, force=force)
    toolkit.print_output(facts, as_json)
