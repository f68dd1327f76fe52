"""``spatialkit downmix``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from spatialkit.commands import toolkit
from spatialkit.downmix import DownmixMethod

if TYPE_CHECKING:
    from spatialkit.files import AudioStream
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
    import numpy as np

    from spatialkit.downmix import downmix, downmix_matrix
    from spatialkit.layouts import get_layout

    target = get_layout(target_layout)
    toolkit.check_output(output, [source], force)

    def plan(audio: AudioStream) -> toolkit.Conversion:
        found = toolkit.known_format(source, audio.format, audio.channels)
        # A matrix with phase shifts is a filter.
        filtered = np.iscomplexobj(downmix_matrix(found, target, method=method))
        return toolkit.Conversion(
            lambda block: downmix(block, found, target, method=method), target, whole=filtered
        )

    facts = toolkit.convert_file(source, output, reading, plan, force=force)
    toolkit.print_output(facts, as_json)
