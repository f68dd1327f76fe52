"""``spatialkit render``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import rotation, toolkit
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spatialkit.files import AudioStream
    from spatialkit.layouts import Layout
    from spatialkit.setups import LoudspeakerSetup

BINAURAL = "binaural"


def method_names() -> tuple[str, ...]:
    """Return the names of the designs of binaural filters."""
    from spatialkit.binaural import METHODS

    return METHODS


class TargetName(toolkit.LayoutName):
    """Name of a format, path of a .json file with a layout, or "binaural"."""

    def __init__(self) -> None:
        super().__init__(ambisonics=True)

    def names(self) -> tuple[str, ...]:
        return (*super().names(), BINAURAL)


@toolkit.command(
    "spatialkit render film.wav -o dome.wav --to 7.1.4",
    "spatialkit render scene.wav -o surround.wav --from ambix3 --to 5.1",
    "spatialkit render film.wav -o room.wav --setup room.json",
    "spatialkit render film.wav -o headphones.wav --to binaural --hrtf head.sofa",
    "spatialkit render film.wav -o ears.wav --to binaural --orientation head.csv",
)
@toolkit.file_argument
@toolkit.output_option
@click.option(
    "--to",
    "target_format",
    type=TargetName(),
    metavar="FORMAT",
    help=f"Output format: {toolkit.FORMAT_NAMES}, or binaural (headphones). "
    "Required without --setup.",
)
@toolkit.setup_option
@toolkit.hrtf_option("HRTF", default=None)
@click.option(
    "--method",
    type=toolkit.Name(method_names),
    metavar="NAME",
    help="Design of the filters, such as magls or time-aligned. By default auto.",
)
@click.option(
    "--order",
    type=int,
    metavar="N",
    help="Ambisonic order through which loudspeakers are rendered, 1 to 7. By default none.",
)
@rotation.rotation_options
@click.option(
    "--lfe-gain",
    type=float,
    metavar="GAIN",
    help="Gain of the LFE, such as 3.16 for +10 dB. By default 0, without LFE.",
)
@toolkit.reading_options()
@toolkit.force_option
@toolkit.json_option
def command(
    source: Path,
    output: Path,
    target_format: str | Layout | None,
    setup: LoudspeakerSetup | None,
    reading: dict[str, Any],
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Convert between layouts, Ambisonics and headphones.

    Channels with the same role in both layouts are copied (left of stereo to left of quad, but not
    the surround of 5.1, at 110 degrees, to the side of 7.1, at 90); in layouts from .json files
    those with the same direction. The other channels are panned. Output with fewer channels is a
    downmix.

    Files with ADM metadata of objects (ITU-R BS.2076) are rendered as ITU-R BS.2127 specifies.

    --to binaural renders loudspeakers by one pair of head-related responses each, and Ambisonics by
    filters of magnitude least squares, and prints the loudness (BS.1770) of both files. The options
    from --hrtf to --lfe-gain apply to it only. A head that turns to the left is a negative yaw; the
    points of a path such as 0:-45:0 are equally spaced over the file.
    """
    from spatialkit.layouts import get_format
    from spatialkit.rendering import is_binaural, render

    binaural = {name: value for name, value in options.items() if value is not None}
    goal = toolkit.layout_of(setup, target_format, "target_format")
    if "format" not in reading and _has_objects(source):
        toolkit.check_output(output, [source], force)
        facts = _render_objects(source, output, goal, binaural, reading, force, setup)
        toolkit.print_output(facts, as_json)
        return
    if is_binaural(goal):
        toolkit.check_output(output, [source], force)
        facts = _render_binaural(source, output, binaural, reading, force)
        toolkit.print_output(facts, as_json)
        if not as_json:
            toolkit.print_line(f"  {_binaural_line(facts, source)}")
        return
    if binaural:
        option = next(iter(binaural)).replace("_", "-")
        given = f"--to {goal}" if setup is None else "--setup"
        raise OptionError(f"--{option} requires --to binaural, got {given}")
    target = get_format(goal)
    toolkit.check_output(output, [source], force)

    def plan(audio: AudioStream) -> toolkit.Conversion:
        found = toolkit.known_format(source, audio.format, audio.channels)
        return toolkit.Conversion(lambda block: render(block, found, target), target)

    facts = toolkit.convert_file(source, output, reading, plan, force=force, setup=setup)
    toolkit.print_output(facts, as_json)


def _has_objects(source: Path) -> bool:
    """Return whether a file has ADM metadata of objects, or of several beds."""
    if source.suffix.lower() not in (".wav", ".bw64", ".rf64"):
        return False
    from spatialkit.files import info

    adm = info(source, on_truncated="warn").adm
    parts = () if adm is None else adm.parts
    return len(parts) > 1 or any(part.kind == "Objects" for part in parts)


def _render_objects(
    source: Path,
    output: Path,
    goal: str | Layout,
    options: dict[str, Any],
    reading: dict[str, Any],
    force: bool,
    setup: LoudspeakerSetup | None,
) -> dict[str, Any]:
    """Render the beds and objects of a file, and return the facts about the output."""
    from spatialkit.files import write_stream
    from spatialkit.layouts import get_format
    from spatialkit.objects import read_adm
    from spatialkit.rendering import is_binaural, render

    if reading:
        raise OptionError(
            "--start, --duration, --sample-rate and --truncated have no effect on objects, which "
            "are rendered whole"
        )
    form = get_format("stereo" if is_binaural(goal) else goal)
    scene = read_adm(source)
    if is_binaural(goal):
        options = {"sample_rate": scene.sample_rate, **options}
    rendered = render(scene, target=goal, **options)
    if setup is not None:
        rendered = setup.apply(rendered, scene.sample_rate)
    with write_stream(
        output,
        scene.sample_rate,
        format=form,
        samples=scene.samples,
        peak_guard=True,
        overwrite=force,
    ) as target:
        target.write(rendered)
    return toolkit.written_facts(output, form, target)


def _render_binaural(
    source: Path, output: Path, options: dict[str, Any], reading: dict[str, Any], force: bool
) -> dict[str, Any]:
    """Render a file for headphones, and return its facts with the loudness of both files."""
    from spatialkit.binaural import read_hrtf
    from spatialkit.layouts import Layout, get_layout
    from spatialkit.metrics import LoudnessMeter
    from spatialkit.upmixing import Headphones

    angles = {name: options.pop(name, None) for name in ("yaw", "pitch", "roll")}
    turned = rotation.read_rotation(angles, options.pop("orientation", None))
    headphones = Headphones(options.pop("hrtf", "ku100"), **turned)
    read_hrtf(headphones.hrtf)  # an error ends the command early
    stereo = get_layout("stereo")
    meters: list[LoudnessMeter] = []

    def plan(audio: AudioStream) -> toolkit.Conversion:
        found = toolkit.known_format(source, audio.format, audio.channels)
        rendered = headphones.stream(found, audio.sample_rate, audio.duration, **options)
        # The loudness of Ambisonics is not defined.
        layouts = [stereo, *([found] if isinstance(found, Layout) else [])]
        meters.extend(LoudnessMeter(layout, audio.sample_rate) for layout in layouts)

        def convert(block: NDArray[Any]) -> NDArray[Any]:
            ears = rendered.process(block)
            for meter, samples in zip(meters, (ears, block), strict=False):
                meter.add(samples)
            return ears

        return toolkit.Conversion(convert, stereo)

    facts = toolkit.convert_file(source, output, reading, plan, force=force)
    loudness = [float(meter.finish()) for meter in meters]
    facts |= {"hrtf": headphones.hrtf, "loudness": loudness[0] + facts["gain_db"]}
    return facts | ({"source_loudness": loudness[1]} if len(loudness) > 1 else {})


def _binaural_line(facts: dict[str, Any], source: Path) -> str:
    line = f"for headphones, HRTF {facts['hrtf']}; loudness {facts['loudness']:.1f} LUFS"
    if "source_loudness" in facts:
        line += f", {source} {facts['source_loudness']:.1f} LUFS"
    return line
