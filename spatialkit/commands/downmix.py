"""``spatialkit downmix``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import _common

if TYPE_CHECKING:
    from spatialkit.layouts import Layout


@_common.command(
    "spatialkit downmix film.wav -o stereo.wav",
    "spatialkit downmix film.wav -o small.wav --to 5.1 --from 7.1.4",
)
@_common.file_argument
@_common.output_option
@click.option(
    "--to",
    "target_layout",
    type=_common.LayoutName(),
    metavar="NAME",
    default="stereo",
    show_default=True,
    help=f"Layout with fewer channels, or {_common.OWN}.",
)
@click.option(
    "--method",
    metavar="NAME",
    default="itu",
    show_default=True,
    help="itu, sum, dplii (Lt/Rt) or iamf.",
)
@_common.from_option
@_common.force_option
@_common.json_option
def command(
    source: Path,
    output: Path,
    target_layout: str | Layout,
    method: str,
    source_format: str | Layout | None,
    force: bool,
    as_json: bool,
) -> None:
    """Fold surround down to fewer channels.

    The LFE is left out. Nothing is normalized: peaks may pass full scale, which WAV keeps.
    """
    from spatialkit.downmix import downmix
    from spatialkit.layouts import get_layout

    target = get_layout(target_layout)
    _common.check_output(output, [source], force)
    audio, found = _common.read_known(source, source_format)
    folded = downmix(audio.samples, found, target, method=method)
    facts = _common.write_output(output, folded, audio.sample_rate, target, force)
    _common.print_output(facts, as_json)
