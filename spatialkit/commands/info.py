"""``spatialkit info``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import SpatialkitError


@toolkit.command(
    "spatialkit info film.wav",
    "spatialkit info *.wav",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=toolkit.FILE)
@toolkit.json_option
def command(files: tuple[Path, ...], as_json: bool) -> int:
    """Show encoding, length and channel format of audio files.

    With --json: an object for one FILE, a list for several.
    """
    found = []
    failed = 0
    for file in files:
        try:
            found.append(_facts(file))
        except SpatialkitError as error:
            if len(files) == 1:
                raise
            failed += 1
            message = toolkit.message_of(error)
            found.append({"file": str(file), "error": message})
            toolkit.print_error(message, click.get_current_context().obj["debug"])
    if as_json:
        toolkit.print_json(found if len(files) > 1 else found[0])
    elif failed < len(files):
        known = [facts for facts in found if "error" not in facts]
        for number, facts in enumerate(known):
            for line in ([""] if number else []) + _lines(facts):
                toolkit.print_line(line)
    return 1 if failed else 0


def _facts(file: Path) -> dict[str, Any]:
    from spatialkit.files import info

    found = info(file)
    return {
        "file": str(file),
        "container": found.container,
        "encoding": found.subtype,
        "sample_rate": found.sample_rate,
        "channels": found.channels,
        "samples": found.samples,
        "duration": found.duration,
        "format": found.format and found.format.name,
        "labels": list(getattr(found.format, "labels", [])),
        "wave_mask": found.wave_mask,
        "tracks": found.tracks,
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    mask, labels = facts["wave_mask"], " ".join(facts["labels"])
    meaning = f"{facts['format']}: {labels}" if labels else facts["format"]
    meaning = meaning or "format not specified"
    channels = toolkit.counted(facts["channels"], "channel")
    tracks = f", the first of {facts['tracks']} audio tracks" if facts["tracks"] > 1 else ""
    encoding = f"{facts['container']} {facts['encoding']}, {facts['sample_rate']} Hz"
    return [
        f"{facts['file']}: {encoding}{tracks}",
        f"{toolkit.counted(facts['samples'], 'sample')}, {facts['duration']:.2f} s",
        f"{channels}, {meaning} (mask: {'none' if mask is None else f'{mask:#x}'})",
    ]
