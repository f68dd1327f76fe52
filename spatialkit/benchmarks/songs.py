"""Songs with stems as source of stimuli."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError

__all__ = ["STEMS", "Song", "find_songs", "read_song"]

STEMS = ("vocals", "drums", "bass", "other")
ENDINGS = (".wav", ".flac", ".ogg")
MIN_SAMPLES = 32768


@dataclass(frozen=True, eq=False)
class Song:
    """The stems of one song."""

    name: str
    stems: Mapping[str, NDArray[np.float32]]
    """Stereo stems of equal length, shape (2, samples)."""
    sample_rate: int


def find_songs(folder: str | os.PathLike[str] | None) -> dict[str, dict[str, Path]]:
    """Return the stem files of each song in a directory, or of the bundled song for None.

    The directory contains the stems of one song, or one subdirectory per song.

    Raises
    ------
    AudioFileError
        If the directory does not exist, or contains no song with all four stems.
    """
    if folder is None:
        from spatialkit.sample import sample_path

        return {"francium": {stem: sample_path(stem) for stem in STEMS}}
    root = Path(folder)
    if not root.is_dir():
        raise AudioFileError(f"{root} is not a directory")
    places = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    found = {place.resolve().name: _stem_files(place) for place in places}
    songs = {name: files for name, files in found.items() if len(files) == len(STEMS)}
    if not songs:
        raise AudioFileError(
            f"{root} contains no song; a song is a directory with {', '.join(STEMS)} as "
            f"{', '.join(ENDINGS)}"
        )
    return songs


def _stem_files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for stem in STEMS:
        for ending in ENDINGS:
            path = folder / f"{stem}{ending}"
            if path.is_file():
                found.setdefault(stem, path)
    return found


def read_song(name: str, files: Mapping[str, Path], seconds: float) -> Song:
    """Read an excerpt of at most ``seconds`` of a song in which all stems are active."""
    from spatialkit.files import read

    stems: dict[str, NDArray[np.float32]] = {}
    rate = 0
    for stem, path in files.items():
        audio = read(path)
        if len(audio.samples) > 2:
            raise AudioFileError(
                f"{path} has {len(audio.samples)} channels; stems must be mono or stereo"
            )
        if rate not in (0, audio.sample_rate):
            raise AudioFileError(f"{path} has {audio.sample_rate} Hz, other stems have {rate} Hz")
        rate = audio.sample_rate
        stems[stem] = np.broadcast_to(audio.samples, (2, audio.samples.shape[1]))
    length = min(samples.shape[1] for samples in stems.values())
    kept = min(round(seconds * rate), length)
    if kept < MIN_SAMPLES:
        raise AudioFileError(
            f"the stems of {name} are too short: {kept / rate:.2f} s, "
            f"at least {MIN_SAMPLES / rate:.2f} s are needed"
        )
    start = _loudest_start([samples[:, :length] for samples in stems.values()], kept, rate)
    excerpts = {stem: samples[:, start : start + kept] for stem, samples in stems.items()}
    return Song(name, excerpts, rate)


def _loudest_start(stems: list[NDArray[np.float32]], kept: int, rate: int) -> int:
    """Return the first sample of the excerpt that maximizes the level of its softest stem.

    The level of a stem is relative to its own loudest excerpt, so that its level in the mix is
    irrelevant. Excerpts start at whole seconds.
    """
    starts = np.arange(0, stems[0].shape[1] - kept + 1, rate)
    softest = np.full(len(starts), np.inf)
    for samples in stems:
        energy = np.concatenate([[0.0], np.cumsum(np.sum(samples**2, axis=0, dtype=np.float64))])
        excerpts = energy[starts + kept] - energy[starts]
        if excerpts.max() > 0.0:
            softest = np.minimum(softest, excerpts / excerpts.max())
    return int(starts[np.argmax(softest)])
