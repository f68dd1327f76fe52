"""Rooms on disk: a folder each, written whole or not at all; and folders of measured responses."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit import files
from spatialkit._json import to_json
from spatialkit.ambisonics import convert_ambisonics
from spatialkit.errors import AudioFileError, OptionError
from spatialkit.layouts import AmbisonicFormat
from spatialkit.validation import as_choice, require_finite
from spatialkit_models.data.songs import FOLDERS
from spatialkit_models.stem_names import SPLITS

__all__ = ["Room", "RoomFile", "find_rooms", "is_whole", "split_rooms", "write_room"]

FACTS = "room.json"
SUFFIXES = (".wav", ".flac")
HELD_OUT = 0.1
AMBIX = AmbisonicFormat(1)


@dataclass(frozen=True, eq=False)
class RoomFile:
    """A response on disk.

    Parameters
    ----------
    paths : tuple of Path
        One file of four channels; or W, X, Y and, if there is one, Z.
    format : AmbisonicFormat
        Of the four channels. Of W, X, Y and Z only the normalization counts.
    azimuth : float, optional
        Degrees, if it is known.
    """

    paths: tuple[Path, ...]
    format: AmbisonicFormat = AMBIX
    azimuth: float | None = None

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        """Samples (4, samples) in AmbiX."""
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
    """A room, and its responses on disk.

    Parameters
    ----------
    path : Path
        Its folder; of a single response its file.
    responses : tuple of RoomFile
    """

    path: Path
    responses: tuple[RoomFile, ...]

    @property
    def name(self) -> str:
        """Of the folder, or of the file without its suffix."""
        return self.path.stem if self.path.suffix.lower() in SUFFIXES else self.path.name


def find_rooms(root: str | os.PathLike[str], format: AmbisonicFormat = AMBIX) -> tuple[Room, ...]:
    """Find all responses below a folder, by rooms.

    A response is a .wav or .flac of four channels, or a folder with W, X, Y and perhaps Z in
    files of their own. Those that lie together in a folder are of one room; directly in ``root``,
    and in folders called train, valid or test, each is a room of its own. What `spatialkit rooms`
    has written brings its directions in room.json; others are measured when they are read.

    Parameters
    ----------
    root : str or path
    format : AmbisonicFormat
        Of measured responses.

    Returns
    -------
    tuple of Room
        Sorted by path.

    Raises
    ------
    AudioFileError
        If there is no such folder, it holds no response, or a file is none.
    """
    root = Path(os.path.abspath(root))
    if not root.is_dir():
        raise AudioFileError(f"{root} is no folder: responses lie in <room>/<direction>.wav")
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
            f"{root} holds no response: no {' or '.join(SUFFIXES)} of four channels, and no "
            "folder with W, X and Y"
        )
    return tuple(Room(path, tuple(found)) for path, found in sorted(rooms.items()))


def _room_of(response: Path, root: Path) -> Path:
    """Folder of the room of a response, or the response itself."""
    around = response.parent
    alone = response == root or around == root or around.name.lower() in FOLDERS
    return response if alone else around


def _components(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Files W, X, Y and perhaps Z of a folder."""
    found = {}
    for name in sorted(names):
        stem, suffix = os.path.splitext(name)
        if suffix.lower() in SUFFIXES and stem.upper() in ("W", "X", "Y", "Z"):
            found[stem.upper()] = folder / name
    if not found:
        return ()
    missing = [name for name in "WXY" if name not in found]
    if missing:
        raise AudioFileError(f"{folder} has {', '.join(found)} but no {' and no '.join(missing)}")
    return tuple(found[name] for name in "WXYZ" if name in found)


def _require_channels(path: Path) -> None:
    channels = files.info(path).channels
    if channels != 4:
        raise AudioFileError(
            f"{path} is no response: it has {channels} channels, first-order Ambisonics has 4"
        )


def _written(folder: Path) -> list[RoomFile]:
    """Responses of a room that `write_room` has written."""
    facts = _read_facts(folder)
    try:
        found = [
            RoomFile((folder / str(one["file"]),), AMBIX, float(one["azimuth"]))
            for one in facts["responses"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise AudioFileError(f"{folder / FACTS} does not say where responses are") from error
    for one in found:
        _require_channels(one.paths[0])
    return found


def _read_facts(folder: Path) -> dict[str, Any]:
    path = folder / FACTS
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise AudioFileError(f"{path} is not JSON: {error}") from error
    if not isinstance(facts, dict):
        raise AudioFileError(f"{path} must hold an object of JSON, got {type(facts).__name__}")
    return facts


def split_rooms(
    rooms: Sequence[Room], split: str, *, splits: Mapping[str, str] | None = None
) -> tuple[Room, ...]:
    """Choose the rooms of one split: no room is in two.

    For each room the first rule that applies decides:

    1. ``splits`` names it.
    2. It lies in a folder called train, valid (or val, validation) or test.
    3. A hash of its name puts a tenth of all rooms into "test", a tenth into "valid", the others
       into "train". Of three rooms or more each split gets one at least.

    Parameters
    ----------
    rooms : sequence of Room
    split : {"train", "valid", "test"}
    splits : mapping of str to str, optional
        Names of rooms to splits.

    Returns
    -------
    tuple of Room
        May be empty.

    Raises
    ------
    OptionError
        If ``splits`` names a room that is not there.

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
            raise OptionError(f"splits names {name!r}, but no room is called so")
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
    """From 0 to 1, the same on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def write_room(
    folder: Path,
    responses: Sequence[NDArray[np.float32]],
    sample_rate: int,
    facts: Mapping[str, Any],
) -> None:
    """Write responses and what is known of them into a folder that appears when it is complete.

    ``facts["responses"]`` has an entry for each, to which its file, length and hash are added.
    A room that was in the folder is replaced; if it holds anything else it is an error.
    """
    draft = folder.with_name(f".{folder.name}.part")
    try:
        _require_own(folder)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        listed = []
        for place, (samples, known) in enumerate(zip(responses, facts["responses"], strict=True)):
            path = draft / f"direction-{place:02}.flac"
            # FLAC, which has 40 % of the size, cannot say that it is AmbiX: the facts do.
            files.write(path, samples, sample_rate)
            listed.append(
                {
                    "file": path.name,
                    **known,
                    "samples": samples.shape[1],
                    "sha256": _digest(path),
                }
            )
        text = to_json({**facts, "responses": listed}, indent=1)
        (draft / FACTS).write_text(text + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(draft, folder)
    except AudioFileError:  # an OSError, too
        raise
    except OSError as error:
        raise AudioFileError(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _require_own(folder: Path) -> None:
    """Refuse to replace what `write_room` has not written."""
    for path in folder.iterdir() if folder.exists() else ():
        if path.name != FACTS and not path.match("direction-*.flac"):
            raise AudioFileError(
                f"{folder} holds {path.name}, which is no part of a room: choose another folder"
            )


def is_whole(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Whether a room with these settings is in a folder, complete and unchanged.

    Raises
    ------
    AudioFileError
        If there is a room with other settings.
    """
    if not (folder / FACTS).is_file():
        return False
    try:
        facts = _read_facts(folder)
        entries = [(folder / one["file"], one["sha256"]) for one in facts["responses"]]
    except (AudioFileError, KeyError, TypeError):  # cut off, or edited: to be made again
        return False
    known = facts.get("settings")
    if known != dict(settings):
        raise AudioFileError(
            f"{folder} was made with other settings ({to_json(known)}): choose another folder, or "
            "add --force to replace it"
        )
    return all(path.is_file() and _digest(path) == digest for path, digest in entries)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
