"""``spatialkit rotate``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit

if TYPE_CHECKING:
    from spatialkit.files import AudioStream
    from spatialkit.layouts import AmbisonicFormat


def _angle(name: str, help: str) -> Callable[..., Any]:
    return click.option(name, type=float, metavar="DEG", default=0.0, show_default=True, help=help)


@toolkit.command(
    "spatialkit rotate scene.wav -o rotated.wav --yaw 90",
    "spatialkit rotate recording.wav -o level.wav --pitch -8 --roll 3",
)
@toolkit.file_argument
@toolkit.output_option
@_angle("--yaw", "Rotation of the scene to the left.")
@_angle("--pitch", "Rotation of its front upwards.")
@_angle("--roll", "Rotation of its left side upwards.")
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

    Roll first, then pitch, then yaw. A recording is levelled by the orientation of its microphone:
    --pitch -8 if its front hung 8 degrees too low, --yaw 20 if it pointed 20 degrees to the left.
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
