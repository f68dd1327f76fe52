"""``spatialkit render``."""

from __future__ import annotations

from pathlib import Path

import click

from spatialkit.commands import _common


@_common.command(
    "spatialkit render film.wav -o dome.wav --to 7.1.4",
    "spatialkit render scene.wav -o surround.wav --from ambix3 --to 5.1",
)
@_common.file_argument
@_common.output_option
@click.option(
    "--to",
    "target_format",
    metavar="FORMAT",
    required=True,
    help="A layout, or ambix1 ... ambix7, fuma1 ... fuma3.",
)
@_common.from_option
@_common.force_option
@_common.json_option
def command(
    source: Path,
    output: Path,
    target_format: str,
    source_format: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Turn any layout or Ambisonics into any other.

    Loudspeakers that both have keep their channels, others are panned; fewer channels are a
    downmix.
    """
    from spatialkit.rendering import as_target, render

    target = as_target(target_format)
    _common.check_output(output, [source], force)
    audio, found = _common.read_known(source, source_format)
    rendered = render(audio.samples, found, target)
    facts = _common.write_output(output, rendered, audio.sample_rate, target, force)
    _common.print_output(facts, as_json)
