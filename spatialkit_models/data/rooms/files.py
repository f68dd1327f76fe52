"""Rooms on disk: one directory per simulated room, and directories of measured responses."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit import files
from spatialkit.ambisonics import convert_ambisonics
from spatialkit.errors import AudioFileError, OptionError
from spatialkit.layouts import AmbisonicFormat
from spatialkit.storage import replace_file, replacing_folder
from spatialkit.validation import as_choice, as_number, read_json, require_finite
from spatialkit_models.data.songs import FOLDERS
from spatialkit_models.stem_names import SPLITS

__all__ = ["Room", "RoomFile", "find_rooms", "is_whole", "split_rooms", "write_room"]

FACTS = "room.json"
SUFFIXES = (".wav", ".flac")
HELD_OUT = 0.1
AMBIX = AmbisonicFormat(1)


@dataclass(frozen=True, eq=False)
class RoomFile:
    """Room response on disk.

    Parameters
    ----------
    paths : tuple of Path
        One file of four channels, or files of W, X, Y and optionally Z.
    format : AmbisonicFormat
        Format of the four channels; for separate files only its normalization is used.
    azimuth : float, optional
        Azimuth of the source in degrees, if known.
    """

    paths: tuple[Path, ...]
    format: AmbisonicFormat = AMBIX
    azimuth: float | None = None

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        """Return the response (4, samples) in AmbiX."""
        if len(self.paths) == 1:
            samples = files.read(self.paths[0], format=self.format, sample_rate=sample_rate).samples
            form = self.format
        else:
            sounds = [files.read(path, sample_rate=sample_rate).samples for path in self.paths]
            for path, sound in zip(self.paths, sounds, strict=True):
                if sound.shape != (1, sounds[0].shape[1]):
                    raise AudioFileError(
                        f"{path} must be mono and as long as {self.paths[0].name}, got "
                        f"{sound.shape[0]} channels of {sound.shape[1]} samples"
                    )
            samples = np.zeros((4, sounds[0].shape[1]), np.float32)
            samples[: len(sounds)] = np.concatenate(sounds)
            form = AmbisonicFormat(1, self.format.normalization, "FuMa")
        require_finite(samples, str(self.paths[0]))
        converted: NDArray[np.float32] = convert_ambisonics(samples, form, AMBIX)
        return converted


@dataclass(frozen=True, eq=False)
class Room:
    """Room with its responses on disk.

    Parameters
    ----------
    path : Path
        Directory of the room, or file of a single response.
    responses : tuple of RoomFile
    """

    path: Path
    responses: tuple[RoomFile, ...]

    @property
    def name(self) -> str:
        """Name of the directory, or of the file without its suffix."""
        return self.path.stem if self.path.suffix.lower() in SUFFIXES else self.path.name


def find_rooms(root: str | os.PathLike[str], format: AmbisonicFormat = AMBIX) -> tuple[Room, ...]:
    """Find all responses in a directory, grouped by room.

    A response is a .wav or .flac file of four channels, or a directory with separate files of W, X,
    Y and optionally Z. Responses in one directory belong to one room; directly in ``root``, and in
    directories named train, valid or test, each response is a separate room. Rooms of `spatialkit
    rooms` specify their directions in room.json; others are estimated when they are read.

    Parameters
    ----------
    root : str or path
        Directory, searched with its subdirectories.
    format : AmbisonicFormat
        Format of measured responses.

    Returns
    -------
    tuple of Room
        Sorted by path.

    Raises
    ------
    AudioFileError
        If the directory does not exist or contains no response, or a file is not a response.
    """
    root = Path(os.path.abspath(root))
    if not root.is_dir():
        raise AudioFileError(f"{root} is not a directory; it must contain <room>/<direction>.wav")
    rooms: dict[Path, list[RoomFile]] = {}
    for folder, below, names in os.walk(root, followlinks=True):
        below[:] = sorted(name for name in below if not name.startswith("."))
        here = Path(folder)
        if FACTS in names:
            rooms[here] = _written(here)
            continue
        single = _components(here, names)
        if single:
            rooms.setdefault(_room_of(here, root), []).append(RoomFile(single, format))
            continue
        for name in sorted(names):
            path = here / name
            if path.suffix.lower() in SUFFIXES and not name.startswith("."):
                _require_channels(path)
                rooms.setdefault(_room_of(path, root), []).append(RoomFile((path,), format))
    if not rooms:
        raise AudioFileError(
            f"{root} contains no response: no {' or '.join(SUFFIXES)} file of four channels, and "
            "no directory with W, X and Y"
        )
    return tuple(Room(path, tuple(found)) for path, found in sorted(rooms.items()))


def _room_of(response: Path, root: Path) -> Path:
    """Return the directory of the room of a response, or the response itself."""
    parent = response.parent
    separate = response == root or parent == root or parent.name.lower() in FOLDERS
    return response if separate else parent


def _components(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Return the files W, X, Y and optionally Z of a directory."""
    found = {}
    for name in sorted(names):
        stem, suffix = os.path.splitext(name)
        if suffix.lower() in SUFFIXES and stem.upper() in ("W", "X", "Y", "Z"):
            found[stem.upper()] = folder / name
    if not found:
        return ()
    missing = [name for name in "WXY" if name not in found]
    if missing:
        raise AudioFileError(f"{folder} has {', '.join(found)} but lacks {', '.join(missing)}")
    return tuple(found[name] for name in "WXYZ" if name in found)


def _require_channels(path: Path) -> None:
    channels = files.info(path).channels
    if channels != 4:
        raise AudioFileError(
            f"{path} is not a first-order response: it must have 4 channels, got {channels}"
        )


def _written(folder: Path) -> list[RoomFile]:
    """Return the responses of a room that `write_room` wrote."""
    facts = _read_facts(folder)
    try:
        found = [
            RoomFile((_file_in(folder, one),), AMBIX, as_number(one["azimuth"], "azimuth"))
            for one in facts["responses"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise AudioFileError(
            f"{folder / FACTS} does not list file and azimuth of its responses"
        ) from error
    for one in found:
        _require_channels(one.paths[0])
    return found


def _file_in(folder: Path, facts: Mapping[str, Any]) -> Path:
    """Return the path of a response, or raise a ValueError if it is outside of the directory."""
    name = facts["file"]
    if Path(name).name != name or "\0" in name:
        raise ValueError(f"{name!r} is not the name of a file")
    return folder / name


def _read_facts(folder: Path) -> dict[str, Any]:
    return read_json(folder / FACTS, error=AudioFileError)


def split_rooms(
    rooms: Sequence[Room], split: str, *, splits: Mapping[str, str] | None = None
) -> tuple[Room, ...]:
    """Return the rooms of one split; each room belongs to exactly one split.

    The split of a room is determined by the first rule that applies:

    1. ``splits`` contains its name.
    2. Its parent directory is named train, valid (or val, validation) or test.
    3. By a hash of its name one tenth of all rooms belong to "test", one tenth to "valid", the
       others to "train". With three rooms or more each split has at least one.

    Parameters
    ----------
    rooms : sequence of Room
    split : {"train", "valid", "test"}
    splits : mapping of str to str, optional
        Splits by room name.

    Returns
    -------
    tuple of Room
        Possibly empty.

    Raises
    ------
    OptionError
        If ``splits`` contains a room that does not exist.

    Examples
    --------
    >>> rooms = [Room(Path(name), ()) for name in ("hall", "kitchen", "studio")]
    >>> [len(split_rooms(rooms, split)) for split in ("train", "valid", "test")]
    [1, 1, 1]
    """
    split = as_choice(split, "split", SPLITS)
    splits = {
        name: as_choice(chosen, f"split of {name!r}", SPLITS)
        for name, chosen in (splits or {}).items()
    }
    names = {room.name for room in rooms}
    for name in splits:
        if name not in names:
            raise OptionError(f"splits contains {name!r}, but there is no room of this name")
    decided = {
        room.name: splits.get(room.name) or FOLDERS.get(room.path.parent.name.lower())
        for room in rooms
    }
    hashed = sorted((_hash(name), name) for name, known in decided.items() if known is None)
    for rank, (value, name) in enumerate(hashed):
        decided[name] = "train"
        if len(hashed) >= 3:
            if value < HELD_OUT or rank == 0:
                decided[name] = "test"
            elif value < 2 * HELD_OUT or "valid" not in decided.values():
                decided[name] = "valid"
    return tuple(room for room in rooms if decided[room.name] == split)


def _hash(name: str) -> float:
    """Return a hash from 0 to 1 that is the same on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def write_room(
    folder: Path,
    responses: Sequence[NDArray[np.float32]],
    sample_rate: int,
    facts: Mapping[str, Any],
) -> None:
    """Write responses and facts of a room to a directory, which is created only when complete.

    ``facts["responses"]`` has one entry per response, to which file, length and hash are added. An
    existing room in the directory is replaced; other contents are an error.
    """
    with replacing_folder(folder) as draft:
        _require_own(folder)
        listed = []
        for place, (samples, known) in enumerate(zip(responses, facts["responses"], strict=True)):
            path = draft / f"direction-{place:02}.flac"
            # FLAC, at 40 % of the size of WAV, has no tag for AmbiX: the facts specify the format.
            files.write(path, samples, sample_rate)
            listed.append(
                {
                    "file": path.name,
                    **known,
                    "samples": samples.shape[1],
                    "sha256": _digest(path),
                }
            )
        text = json.dumps({**facts, "responses": listed}, indent=1, allow_nan=False)
        replace_file(draft / FACTS, f"{text}\n".encode())


def _require_own(folder: Path) -> None:
    """Raise an error if the directory contains files that `write_room` did not write."""
    for path in folder.iterdir() if folder.exists() else ():
        if path.name != FACTS and not path.match("direction-*.flac"):
            raise AudioFileError(
                f"{folder} contains {path.name}, which is not a file of a room; "
                "use another directory"
            )


def is_whole(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Return whether a directory contains a complete and unchanged room with these settings.

    Raises
    ------
    AudioFileError
        If it contains a room with other settings.
    """
    if not (folder / FACTS).is_file():
        return False
    try:
        facts = _read_facts(folder)
        entries = [(_file_in(folder, one), one["sha256"]) for one in facts["responses"]]
    except (AudioFileError, KeyError, TypeError, ValueError):  # incomplete or edited
        return False
    known = facts.get("settings")
    if known != dict(settings):
        raise AudioFileError(
            f"{folder} contains a room with other settings ({json.dumps(known)})",
            python="; use another directory",
            command_line="; use another directory, or add --force to replace it",
        )
    return all(path.is_file() and _digest(path) == digest for path, digest in entries)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
