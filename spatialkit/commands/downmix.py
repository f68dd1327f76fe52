"""``spatialkit downmix``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from spatialkit.commands import toolkit
from spatialkit.downmix import DownmixMethod

if TYPE_CHECKING:
    from spatialkit.layouts import Layout

METHODS = get_args(DownmixMethod)


@toolkit.command(
    "spatialkit downmix film.wav -o stereo.wav",
    "spatialkit downmix film.wav -o small.wav --to 5.1 --from 7.1.4",
)
@toolkit.file_argument
@toolkit.output_option
@click.option(
    "--to",
    "target_layout",
    type=toolkit.LayoutName(),
    metavar="NAME",
    default="stereo",
    show_default=True,
    help=f"Output layout with fewer channels, or {toolkit.LAYOUT_FILE}.",
)
@click.option(
    "--method",
    type=toolkit.Name(METHODS),
    metavar="NAME",
    default="itu",
    show_default=True,
    help="Downmix rule: itu (BS.775), sum, dplii (Lt/Rt matrix) or iamf.",
)
@toolkit.reading_options()
@toolkit.force_option
@toolkit.json_option
def command(
    source: Path,
    output: Path,
    target_layout: str | Layout,
    method: DownmixMethod,
    reading: dict[str, Any],
    force: bool,
    as_json: bool,
) -> None:
    """Downmix surround to fewer channels.

    The LFE is omitted. Levels are not normalized: peaks can exceed full scale, which .wav files
    (float) store unchanged; before other encodings, the output is scaled down, with a warning.
    """
    from spatialkit.downmix import downmix
    from spatialkit.layouts import get_layout

    target = get_layout(target_layout)
    toolkit.check_output(output, [source], force)
    audio, found = toolkit.read_with_format(source, **reading)
    mixed = downmix(audio.samples, found, target, method=method)
    facts = toolkit.write_output(output, mixed, audio.sample_rate, target, force)
    toolkit.print_output(facts, as_json)
