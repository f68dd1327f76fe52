"""``spatialkit info``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import SpatialkitError

if TYPE_CHECKING:
    from spatialkit.files.adm import AdmInfo

HRTF_SUFFIXES = (".sofa", ".mhr")


@toolkit.command(
    "spatialkit info film.wav",
    "spatialkit info *.wav",
    "spatialkit info head.sofa",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=toolkit.FILE)
@toolkit.truncated_option
@toolkit.json_option
def command(files: tuple[Path, ...], on_truncated: str | None, as_json: bool) -> int:
    """Show encoding, length and channel format of audio files.

    Of HRTFs (.sofa, .mhr): directions, taps, sample rate and licence.

    With --json: an object for one FILE, a list for several.
    """
    found = []
    failed = 0
    for file in files:
        try:
            found.append(_facts(file, on_truncated or "error"))
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


def _facts(file: Path, on_truncated: Any) -> dict[str, Any]:
    from spatialkit.files import info

    if file.suffix.lower() in HRTF_SUFFIXES:
        return _hrtf_facts(file)
    found = info(file, on_truncated=on_truncated)
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
        **({"adm": _adm_facts(found.adm)} if found.adm else {}),
    }


def _adm_facts(adm: AdmInfo) -> dict[str, Any]:
    """Return programme and parts of ADM metadata."""
    return {
        "programme": adm.programme,
        "programmes": adm.programmes,
        "parts": [
            {
                "name": part.name,
                "content": part.content,
                "kind": part.kind,
                "pack": part.pack,
                "tracks": list(part.tracks),
                "format": part.format and part.format.name,
                "blocks": [len(blocks) for blocks in part.blocks],
                "unsupported": list(part.unsupported),
            }
            for part in adm.parts
        ],
    }


def _adm_lines(adm: dict[str, Any]) -> list[str]:
    lines = [f"ADM programme {adm['programme']!r}, {toolkit.counted(len(adm['parts']), 'part')}"]
    for part in adm["parts"]:
        tracks = toolkit.counted(len(part["tracks"]), "track")
        facts = [f"{part['kind']} {part['format'] or part['pack']}", tracks]
        if part["blocks"]:
            facts.append(toolkit.counted(sum(part["blocks"]), "block"))
        if part["unsupported"]:
            facts.append("not supported: " + ", ".join(part["unsupported"]))
        lines.append(f"  {part['name']!r}: {'; '.join(facts)}")
    return lines


def _hrtf_facts(file: Path) -> dict[str, Any]:
    from spatialkit.binaural import read_hrtf

    hrtf = read_hrtf(file)
    count, _, taps = hrtf.ir.shape
    return {
        "file": str(file),
        "hrtf": hrtf.name,
        "licence": hrtf.licence,
        "sample_rate": hrtf.sample_rate,
        "directions": count,
        "taps": taps,
        "elevation_min": float(hrtf.elevation.min()),
        "elevation_max": float(hrtf.elevation.max()),
    }


def _hrtf_lines(facts: dict[str, Any]) -> list[str]:
    elevations = f"{facts['elevation_min']:g} to {facts['elevation_max']:g} degrees"
    duration = 1000.0 * facts["taps"] / facts["sample_rate"]
    return [
        f"{facts['file']}: HRTF {facts['hrtf']!r}, {facts['sample_rate']} Hz",
        f"{toolkit.counted(facts['directions'], 'direction')}, elevation {elevations}; "
        f"{facts['taps']} taps, {duration:.1f} ms",
        f"licence: {facts['licence']}",
    ]


def _lines(facts: dict[str, Any]) -> list[str]:
    if "hrtf" in facts:
        return _hrtf_lines(facts)
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
        *(_adm_lines(facts["adm"]) if "adm" in facts else []),
    ]
