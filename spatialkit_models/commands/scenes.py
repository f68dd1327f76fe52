"""``spatialkit scenes``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import batches, toolkit
from spatialkit.errors import OptionError
from spatialkit.validation import as_count
from spatialkit_models.commands.generation import generate
from spatialkit_models.commands.training_options import splits_option, stems_option

if TYPE_CHECKING:
    from spatialkit_models.data.scenes import PublishedScenes, WXYNormalization

__all__ = ["command", "normalization_option"]

normalization_option = click.option(
    "--normalization",
    type=click.Choice(("N3D", "SN3D")),
    default="N3D",
    show_default=True,
    help="Scale of X and Y in the files of scenes.",
)


@dataclass(frozen=True)
class _Settings:
    """Settings that determine the scenes of a split."""

    datasets: tuple[tuple[str, float], ...]
    splits: tuple[tuple[str, str], ...]
    rooms: tuple[str, ...]
    room_format: str
    seconds: float
    sample_rate: int
    seed: int
    physical: bool
    split: str = "train"


@dataclass(frozen=True)
class _Job:
    folder: Path
    number: int
    settings: _Settings
    normalization: WXYNormalization
    force: bool


def _count(split: str) -> Any:
    return click.option(
        f"--{split}",
        type=int,
        metavar="N",
        default=0,
        show_default=True,
        help=f"Number of scenes of the split {split}.",
    )


@toolkit.command(
    "spatialkit scenes --stems songs/ --rooms rooms/ --out scenes/ \\\n    --train 500 --valid 50",
)
@stems_option()
@click.option(
    "--rooms",
    multiple=True,
    required=True,
    metavar="DIR",
    type=toolkit.FILE,
    help="Directory of first-order room responses, simulated or measured (repeatable).",
)
@click.option(
    "--room-format",
    metavar="FORMAT",
    default="ambix1",
    show_default=True,
    help="Format of measured responses: ambix1, N3D-ACN-1, fuma1 ...",
)
@splits_option
@click.option("--out", required=True, metavar="DIR", type=toolkit.FILE, help="Output directory.")
@_count("train")
@_count("valid")
@_count("test")
@click.option(
    "--seconds",
    type=float,
    metavar="SECONDS",
    default=10.0,
    show_default=True,
    help="Length of a scene in seconds.",
)
@click.option(
    "--sample-rate",
    type=int,
    metavar="HZ",
    default=44100,
    show_default=True,
    help="Sample rate of the files.",
)
@normalization_option
@click.option(
    "--physical", is_flag=True, help="Use the room response of each source's own position."
)
@click.option("--seed", type=int, metavar="N", default=0, show_default=True, help="Random seed.")
@batches.jobs_option
@click.option("--force", is_flag=True, help="Replace existing scenes.")
@toolkit.json_option
def command(
    stems: Sequence[tuple[str, float]],
    rooms: Sequence[Path],
    room_format: str,
    splits: Sequence[tuple[str, str]],
    out: Path,
    train: int,
    valid: int,
    test: int,
    seconds: float,
    sample_rate: int,
    normalization: WXYNormalization,
    physical: bool,
    seed: int,
    jobs: int,
    force: bool,
    as_json: bool,
) -> int:
    """Write training scenes of the published Ambisonizer.

    Stems of a song (one folder per song with vocals, drums, bass and other) are placed at random
    azimuths in a room and written to <split>/<scene>/{W,X,Y}.wav, with the settings in scene.json.
    X points to the front, Y to the left. Complete scenes of an earlier run are skipped. Exit
    status: 1 if a scene failed.
    """
    from spatialkit_models.data.scenes import SPLIT_FOLDERS

    settings = _Settings(
        datasets=tuple((str(path), weight) for path, weight in stems),
        splits=tuple(splits),
        rooms=tuple(map(os.fspath, rooms)),
        room_format=room_format,
        seconds=seconds,
        sample_rate=sample_rate,
        seed=seed,
        physical=physical,
    )
    counts = {"train": train, "valid": valid, "test": test}
    work = []
    for split, count in counts.items():
        if as_count(count, f"--{split}", minimum=0):
            chosen = replace(settings, split=split)
            _open(chosen)  # refuses invalid settings before any scene is written
            work += [
                _Job(
                    out / SPLIT_FOLDERS[split] / f"scene-{number:06}",
                    number,
                    chosen,
                    normalization,
                    force,
                )
                for number in range(count)
            ]
    if not work:
        raise OptionError("the number of scenes is missing: use --train, --valid or --test")
    names = [f"{job.folder.parent.name}/{job.folder.name}" for job in work]
    return generate(_write_scene, work, names, out, unit="scene", jobs=jobs, as_json=as_json)


def _write_scene(job: _Job) -> dict[str, Any]:
    """Generate and write a scene unless it exists."""
    from spatialkit_models.data.scenes import has_wxy, write_wxy

    facts = {
        **asdict(job.settings),
        "number": job.number,
        "normalization": job.normalization,
    }
    if not job.force and has_wxy(job.folder, facts):
        return {"output": str(job.folder), "status": "skipped"}
    scene = _open(job.settings).wxy(job.number)
    write_wxy(job.folder, scene, job.settings.sample_rate, facts, normalization=job.normalization)
    return {"output": str(job.folder)}


@lru_cache(maxsize=3)
def _open(settings: _Settings) -> PublishedScenes:
    """Return the scenes of settings; a process reads the directories once."""
    from spatialkit_models.data.scenes import open_published_scenes

    options = {**asdict(settings), "splits": dict(settings.splits)}
    return open_published_scenes(options.pop("datasets"), options.pop("rooms"), **options)
