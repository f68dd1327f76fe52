"""``spatialkit info``."""

from __future__ import annotations

from pathlib import Path

import click

from spatialkit.commands import _common


@_common.command(
    "spatialkit info film.wav",
)
@click.argument("file", type=_common.FILE)
@_common.json_option
def command(file: Path, as_json: bool) -> None:
    """Show what a sound file holds and says about its channels."""
    from spatialkit.files import info

    found = info(file)
    labels = list(found.format.labels) if found.format else []
    facts = {
        "file": str(file),
        "container": found.container,
        "encoding": found.subtype,
        "sample_rate": found.sample_rate,
        "channels": found.channels,
        "samples": found.samples,
        "duration": found.duration,
        "format": found.format and found.format.name,
        "labels": labels,
        "wave_mask": found.wave_mask,
    }
    if as_json:
        _common.print_json(facts)
        return
    mask = "none" if found.wave_mask is None else f"{found.wave_mask:#x}"
    meaning = f"{facts['format']}: {' '.join(labels)}" if labels else "not said by the file"
    click.echo(f"{file}: {found.container} {found.subtype}, {found.sample_rate} Hz")
    click.echo(f"{found.samples} samples, {found.duration:.2f} s")
    click.echo(f"{found.channels} channels, {meaning} (mask: {mask})")
