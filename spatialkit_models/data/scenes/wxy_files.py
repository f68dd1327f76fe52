"""Horizontal scenes on disk, as separate files of W, X and Y.

The scripts of the published Ambisonizer write and read this form: a scene is a directory with
W.wav, X.wav and Y.wav in a directory of its split, ``<root>/{train,val,test}/<scene>/``. The gains
of a plane wave from azimuth a are 1, sqrt(3) cos a and sqrt(3) sin a (N3D). X points to the front,
and Y to the side of positive azimuths, which those scripts do not name; here it is the left. Data
with Y to the right are the mirror image: their left and right are exchanged, nothing else changes.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit import files
from spatialkit.errors import AudioFileError, OptionError
from spatialkit.storage import replace_file, replacing_folder, writing_errors
from spatialkit.validation import as_choice, as_count, as_number, read_json, require_finite
from spatialkit_models.data.scenes.published import LEVEL, published_batch
from spatialkit_models.data.songs import FOLDERS
from spatialkit_models.stem_names import SPLITS

__all__ = ["SPLIT_FOLDERS", "WXYFiles", "WXYNormalization", "has_wxy", "write_wxy"]

WXYNormalization: TypeAlias = Literal["N3D", "SN3D"]
"""Scale of X and Y."""

NAMES = ("W.wav", "X.wav", "Y.wav")
FACTS = "scene.json"
SPLIT_FOLDERS = {"train": "train", "valid": "val", "test": "test"}
"""Names of the directories of splits that are written; "valid" and "validation" are read, too."""
# First entries of random seeds: the order of scenes, and the excerpt of each.
ORDER, EXCERPT = range(2)


@dataclass(frozen=True)
class _Scene:
    path: Path
    samples: int
    sample_rate: int


class WXYFiles:
    """Infinite sequence of excerpts of scenes on disk, indexed by number.

    Each scene is used once before one is used again.

    Parameters
    ----------
    root : path
        Directory with one directory per split, in which each directory is a scene.
    split : {"train", "valid", "test", "all"}
        Split of the scenes.
    seconds : float
        Length of an excerpt in seconds. Shorter scenes are padded with silence.
    sample_rate : int
        Sample rate of excerpts in Hz; files at other rates are resampled.
    seed : int
        Seed of the order of scenes and of the excerpts.
    normalization : {"N3D", "SN3D"}
        Scale of X and Y in the files.

    Raises
    ------
    AudioFileError
        If the directory contains no scene of the split, or a scene is incomplete.
    OptionError
        If another argument is not accepted.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     write_wxy(f"{root}/val/one", np.ones((3, 44100), np.float32), 44100)
    ...     found = WXYFiles(root, "valid", 0.5)
    ...     found.names, found.excerpt(0).shape
    (('one',), (3, 22050))
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str,
        seconds: float,
        sample_rate: int = 44100,
        *,
        seed: int = 0,
        normalization: WXYNormalization = "N3D",
    ) -> None:
        self.root = os.fspath(root)
        self.split = as_choice(split, "split", (*SPLITS, "all"))
        self.sample_rate = as_count(sample_rate, "sample_rate", minimum=1000)
        self.seconds = as_number(seconds, "seconds", minimum=1.0 / sample_rate)
        self.samples = round(self.seconds * self.sample_rate)
        self.seed = as_count(seed, "seed", minimum=0)
        self.normalization = as_choice(normalization, "normalization", get_args(WXYNormalization))
        self._to_n3d = np.float32(math.sqrt(3.0) if self.normalization == "SN3D" else 1.0)
        self._scenes = tuple(map(_open, _find(Path(root), self.split)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the directories of all scenes."""
        return tuple(scene.path.name for scene in self._scenes)

    def facts(self) -> dict[str, Any]:
        """Return the settings as recorded in the JSON of a benchmark."""
        names = ("root", "split", "seconds", "sample_rate", "seed", "normalization")
        return {name: getattr(self, name) for name in names}

    def name(self, number: int) -> str:
        """Return the name of the scene of an excerpt."""
        return self._scene(number).path.name

    def excerpt(self, number: int) -> NDArray[np.float32]:
        """Return one excerpt.

        Parameters
        ----------
        number : int
            Number of the excerpt, at least 0.

        Returns
        -------
        ndarray of float32, shape (3, samples)
            W, X and Y in N3D.
        """
        return self._read(self._scene(number), self._rng(number))

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Return a batch of excerpts, each with a random level, as `PublishedScenes.scenes` does.

        Parameters
        ----------
        numbers : sequence of int
            Numbers of the excerpts.

        Returns
        -------
        dict of str to ndarray of float32
            "stereo" (size, 2, samples): left and right; "sides" (size, 2, samples): X and Y.
        """
        found = []
        for number in numbers:
            rng = self._rng(number)
            excerpt = self._read(self._scene(number), rng)
            found.append(excerpt * np.float32(rng.uniform(*LEVEL)))
        return published_batch(np.stack(found))

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, EXCERPT, number])

    def _scene(self, number: int) -> _Scene:
        count = len(self._scenes)
        turn, place = divmod(as_count(number, "number", minimum=0), count)
        order = np.random.default_rng([self.seed, ORDER, turn]).permutation(count)
        return self._scenes[int(order[place])]

    def _read(self, scene: _Scene, rng: np.random.Generator) -> NDArray[np.float32]:
        """Read a random excerpt of a scene."""
        needed = math.ceil(self.samples * scene.sample_rate / self.sample_rate)
        start = int(rng.integers(max(0, scene.samples - needed) + 1))
        part: dict[str, Any] = {"start": start, "stop": min(start + needed, scene.samples)}
        excerpt = np.zeros((3, self.samples), np.float32)
        for channel, name in zip(excerpt, NAMES, strict=True):
            path = scene.path / name
            samples = files.read(path, sample_rate=self.sample_rate, **part).samples[0]
            require_finite(samples, str(path))
            channel[: len(samples)] = samples[: self.samples]
        excerpt[1:] *= self._to_n3d
        return excerpt


def _find(root: Path, split: str) -> list[Path]:
    """Return the directories of the scenes of a split, sorted."""
    splits = SPLITS if split == "all" else (split,)
    found = [
        scene
        for folder in (root.iterdir() if root.is_dir() else ())
        if folder.is_dir() and FOLDERS.get(folder.name.lower()) in splits
        for scene in folder.iterdir()
        if scene.is_dir() and not scene.name.startswith(".")
    ]
    if not found:
        folders = ", ".join(SPLIT_FOLDERS[name] for name in splits)
        raise AudioFileError(
            f"{root} contains no scene of the split {split!r}: it must contain "
            f"<split>/<scene>/{{W,X,Y}}.wav, where <split> is {folders}. Keep all scenes of a song "
            "and of a room in one split"
        )
    return sorted(found)


def _open(folder: Path) -> _Scene:
    """Return a scene after checking that its files fit together."""
    facts = []
    for name in NAMES:
        if not (folder / name).is_file():
            raise AudioFileError(f"{folder} is not a scene: there is no {name} in it")
        facts.append(files.info(folder / name))
    first = facts[0]
    for one in facts:
        form = one.channels, one.samples, one.sample_rate
        if form != (1, first.samples, first.sample_rate):
            raise AudioFileError(
                f"{one.path} must be mono, with {first.samples} samples at {first.sample_rate} Hz "
                f"as {NAMES[0]}; got channels: {form[0]}, samples: {form[1]}, rate: {form[2]} Hz"
            )
    if not first.samples:
        raise AudioFileError(f"the files of {folder} are empty")
    return _Scene(folder, first.samples, first.sample_rate)


def write_wxy(
    folder: str | os.PathLike[str],
    wxy: NDArray[np.floating[Any]],
    sample_rate: int,
    facts: Mapping[str, Any] | None = None,
    *,
    normalization: WXYNormalization = "N3D",
) -> None:
    """Write a scene to a directory, which is created only when complete, and replace an older one.

    Parameters
    ----------
    folder : path
        Directory of the scene.
    wxy : ndarray of float, shape (3, samples)
        W, X and Y in N3D.
    sample_rate : int
        Hz.
    facts : mapping, optional
        JSON values for scene.json, such as the settings of the scene, see `has_wxy`.
    normalization : {"N3D", "SN3D"}
        Scale of X and Y in the files, which are 32-bit float.
    """
    folder = Path(folder)
    normalization = as_choice(normalization, "normalization", get_args(WXYNormalization))
    scale = 1.0 if normalization == "N3D" else 1.0 / math.sqrt(3.0)
    gains = np.array([1.0, scale, scale], wxy.dtype)
    text = json.dumps(dict(facts or {}), indent=1) + "\n"
    with writing_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with replacing_folder(folder) as draft:
        for name, channel in zip(NAMES, gains[:, None] * wxy, strict=True):
            files.write(draft / name, channel, sample_rate)
        replace_file(draft / FACTS, text.encode())


def has_wxy(folder: Path, facts: Mapping[str, Any]) -> bool:
    """Return whether a directory contains a scene that was written with these facts.

    Raises
    ------
    AudioFileError
        If the directory contains anything else.
    """
    if not folder.exists():
        return False
    try:
        known = read_json(folder / FACTS)
    except OptionError:
        known = {}
    if known != json.loads(json.dumps(dict(facts))):
        raise AudioFileError(
            f"{folder} exists and is not a scene with these settings",
            python="; use another directory",
            command_line="; use another directory, or add --force to replace it",
        )
    return True
