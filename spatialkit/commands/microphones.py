"""``spatialkit microphones``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.files import AudioStream
    from spatialkit.layouts import AmbisonicFormat

Numbers = tuple[float, ...]


class NumberList(click.ParamType):
    """Numbers separated by commas, one per microphone."""

    name = "NUMBERS"

    def convert(self, value: Any, param: Any, ctx: Any) -> Numbers:
        if not isinstance(value, str):
            return value
        try:
            return tuple(float(number) for number in value.split(","))
        except ValueError:
            raise OptionError(
                f"{param.opts[0]} must be a number, or one per microphone such as 60,-60, "
                f"got {value!r}"
            ) from None


@toolkit.command(
    "spatialkit microphones scene.wav -o stereo.wav --azimuth 60,-60",
    "spatialkit microphones scene.wav -o top.wav --azimuth 0 --elevation 90",
)
@toolkit.file_argument
@toolkit.output_option
@click.option(
    "--azimuth",
    type=NumberList(),
    required=True,
    help="Azimuths of the microphones in degrees, positive to the left: 60,-60.",
)
@click.option(
    "--elevation",
    type=NumberList(),
    default="0",
    show_default=True,
    help="Elevation in degrees, -90 to 90: one value, or one per microphone.",
)
@click.option(
    "--pattern",
    type=NumberList(),
    default="0.5",
    show_default=True,
    help="0 omnidirectional, 0.5 cardioid, 1 figure of eight: one value, or one per microphone.",
)
@toolkit.reading_options(formats=toolkit.SCENE_NAMES)
@toolkit.force_option
@toolkit.json_option
def command(
    source: Path,
    output: Path,
    azimuth: Numbers,
    elevation: Numbers,
    pattern: Numbers,
    reading: dict[str, Any],
    force: bool,
    as_json: bool,
) -> None:
    """Record an Ambisonic scene with virtual microphones.

    OUT has one channel per azimuth; two are written as stereo. A plane wave on the axis of a
    microphone has gain 1. The file is processed in blocks, in constant memory.
    """
    import numpy as np

    from spatialkit.ambisonics import virtual_microphones

    toolkit.check_output(output, [source], force)

    def plan(audio: AudioStream, scene: AmbisonicFormat) -> toolkit.Conversion:
        record = partial(
            virtual_microphones,
            azimuth=azimuth,
            elevation=elevation if len(elevation) > 1 else elevation[0],
            pattern=pattern if len(pattern) > 1 else pattern[0],
            normalization=scene.normalization,
            channel_order=scene.channel_order,
        )
        channels = len(record(np.zeros((audio.channels, 0), np.float32)))
        return toolkit.Conversion(record, None, channels)

    facts = toolkit.convert_scene(source, output, reading, plan, force=force)
    toolkit.print_output(facts, as_json, source)
