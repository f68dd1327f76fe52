"""``spatialkit rotate``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit

if TYPE_CHECKING:
    from spatialkit.files import AudioStream
    from spatialkit.layouts import AmbisonicFormat


@toolkit.command(
    "spatialkit rotate scene.wav -o turned.wav --yaw 90",
    "spatialkit rotate recording.wav -o level.wav --pitch -8 --roll 3",
)
@toolkit.file_argument
@toolkit.output_option
@click.option("--yaw", type=float, default=0.0, show_default=True, help="Degrees to the left.")
@click.option(
    "--pitch", type=float, default=0.0, show_default=True, help="Degrees by which the front rises."
)
@click.option(
    "--roll",
    type=float,
    default=0.0,
    show_default=True,
    help="Degrees by which the left side rises.",
)
@toolkit.reading_options(formats=toolkit.SCENE_NAMES)
@toolkit.force_option
@toolkit.json_option
def command(
    source: Path,
    output: Path,
    yaw: float,
    pitch: float,
    roll: float,
    reading: dict[str, Any],
    force: bool,
    as_json: bool,
) -> None:
    """Rotate an Ambisonic scene.

    Roll first, then pitch, then yaw.
    """
    from spatialkit.ambisonics import rotate_ambisonics

    toolkit.check_output(output, [source], force)

    def plan(audio: AudioStream, scene: AmbisonicFormat) -> toolkit.Conversion:
        rotate = partial(
            rotate_ambisonics,
            yaw=yaw,
            pitch=pitch,
            roll=roll,
            normalization=scene.normalization,
            channel_order=scene.channel_order,
        )
        return toolkit.Conversion(rotate, scene)

    facts = toolkit.convert_scene(source, output, reading, plan, force=force)
    toolkit.print_output(facts, as_json, source)
