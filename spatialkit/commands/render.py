"""``spatialkit render``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import _common

if TYPE_CHECKING:
    from spatialkit.layouts import Layout


@_common.command(
    "spatialkit render film.wav -o dome.wav --to 7.1.4",
    "spatialkit render scene.wav -o surround.wav --from ambix3 --to 5.1",
)
@_common.file_argument
@_common.output_option
@click.option(
    "--to",
    "target_format",
    type=_common.LayoutName(),
    metavar="FORMAT",
    required=True,
    help=f"A layout, {_common.OWN}, or ambix1 ... ambix7, fuma1 ... fuma3.",
)
@_common.from_option
@_common.force_option
@_common.json_option
def command(
    source: Path,
    output: Path,
    target_format: str | Layout,
    source_format: str | Layout | None,
    force: bool,
    as_json: bool,
) -> None:
    """Turn any layout or Ambisonics into any other.

    Loudspeakers of the same role keep their channels (left of stereo and of quad, but not the
    surround of 5.1, at 110 degrees, and the side of 7.1, at 90), in layouts of your own those of
    the same direction; others are panned. Fewer channels are a downmix.
    """
    from spatialkit.rendering import as_target, render

    target = as_target(target_format)
    _common.check_output(output, [source], force)
    audio, found = _common.read_known(source, source_format)
    rendered = render(audio.samples, found, target)
    facts = _common.write_output(output, rendered, audio.sample_rate, target, force)
    _common.print_output(facts, as_json)
