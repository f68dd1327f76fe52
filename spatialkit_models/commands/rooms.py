"""``spatialkit rooms``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from spatialkit.commands import batches, toolkit
from spatialkit.errors import AudioFileError
from spatialkit.validation import as_count, as_sample_rate
from spatialkit_models.commands.generation import generate

__all__ = ["command"]


@dataclass(frozen=True)
class _Settings:
    """Settings that determine a room, stored with it."""

    seed: int
    number: int
    directions: int
    rt60: tuple[float, float]
    sample_rate: int


@dataclass(frozen=True)
class _Job:
    folder: Path
    settings: _Settings
    force: bool


@toolkit.command(
    "spatialkit rooms --out rooms/ --count 500",
    "spatialkit rooms --out dry/ --count 100 --rt60 0.15 0.4 --directions 12 --jobs 8",
)
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=toolkit.FILE,
    help="Output directory; each room is a subdirectory room-00000 and so on.",
)
@click.option(
    "--count",
    required=True,
    type=int,
    metavar="N",
    help="Number of rooms; complete existing rooms are skipped.",
)
@click.option(
    "--directions",
    type=int,
    metavar="N",
    default=8,
    show_default=True,
    help="Number of sources around the receiver, 1 to 64, with one response each.",
)
@click.option(
    "--rt60",
    type=(float, float),
    metavar="MIN MAX",
    default=(0.15, 1.5),
    show_default=True,
    help="Range of the reverberation time in seconds, 0.1 to 3.",
)
@click.option(
    "--sample-rate",
    type=int,
    metavar="HZ",
    default=44100,
    show_default=True,
    help="Sample rate of responses.",
)
@click.option("--seed", type=int, metavar="N", default=0, show_default=True, help="Random seed.")
@batches.jobs_option
@click.option("--force", is_flag=True, help="Replace existing rooms.")
@toolkit.json_option
def command(
    out: Path,
    count: int,
    directions: int,
    rt60: tuple[float, float],
    sample_rate: int,
    seed: int,
    jobs: int,
    force: bool,
    as_json: bool,
) -> int:
    """Simulate first-order room responses for training.

    Each direction is a .flac file of four channels in AmbiX; room.json contains sizes, absorption,
    directions, distances, and required and measured RT60 (T20 of W). A room depends only on the
    seed and its number. Exit status: 1 if a room failed.
    """
    from spatialkit_models.data.rooms import check_rt60, import_tracer

    as_count(count, "--count")
    as_count(directions, "--directions", maximum=64)
    as_sample_rate(sample_rate, "--sample-rate", minimum=8000, maximum=192000)
    as_count(seed, "--seed", minimum=0)
    check_rt60(rt60)
    import_tracer()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(f"directory {out} cannot be created: {error.strerror}") from error
    names = [f"room-{number:05}" for number in range(count)]
    work = [
        _Job(out / name, _Settings(seed, number, directions, rt60, sample_rate), force)
        for number, name in enumerate(names)
    ]
    return generate(_make_room, work, names, out, unit="room", jobs=jobs, as_json=as_json)


def _make_room(job: _Job) -> dict[str, Any]:
    """Simulate and write a room unless it exists."""
    from spatialkit_models.data.rooms import is_whole, simulate_room, write_room

    settings = {**asdict(job.settings), "rt60": list(job.settings.rt60)}
    if not job.force and is_whole(job.folder, settings):
        return {"output": str(job.folder), "status": "skipped"}
    room = simulate_room(**asdict(job.settings))
    write_room(job.folder, room.responses, room.sample_rate, {"settings": settings, **room.facts})
    return {"output": str(job.folder), "rt60": room.facts["rt60"]}
