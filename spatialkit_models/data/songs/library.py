"""Songs on disk: directories of stems, dataset splits, and reading of segments."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spatialkit import files
from spatialkit.errors import AudioFileError
from spatialkit.validation import as_choice
from spatialkit_models.stem_names import SPLITS, STEMS

__all__ = ["MUSDB18_VALIDATION", "Song", "find_songs", "split_songs"]

MUSDB18_VALIDATION = (
    "ANiMAL - Rockshow",
    "Actions - One Minute Smile",
    "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Fergessen - Nos Palpitants",
    "James May - On The Line",
    "Johnny Lokke - Promises & Lies",
    "Leaf - Summerghost",
    "Meaxic - Take A Step",
    "Patrick Talbot - A Reason To Leave",
    "Skelpolu - Human Mistakes",
    "Traffic Experiment - Sirens",
    "Triviul - Angelsaint",
    "Young Griffo - Pennies",
)
"""Validation songs in the train directory of MUSDB18, as in the package musdb."""

SUFFIXES = (".wav", ".flac", ".ogg")
FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val"), "valid"),
    "test": "test",
}
VALIDATION_SHARE = 0.1
# Seconds read beyond both ends before resampling: longer than the resampling filter.
MARGIN = 0.05


@dataclass(frozen=True, eq=False)
class Song:
    """Song on disk.

    Parameters
    ----------
    name : str
        Name of its directory. Songs of the same name are treated as the same song.
    files : mapping of str to Path
        Audio file by stem; a stem without a file is silent.
    samples : int
        Length of the longest file in samples.
    sample_rate : int
        Sample rate of all files in Hz.
    joint : tuple of str
        Stems that are in one file together, which is the file of the first of them.
    """

    name: str
    files: Mapping[str, Path]
    samples: int
    sample_rate: int
    joint: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate

    def read(
        self, stem: str, start: float, samples: int, sample_rate: float, *, stereo: bool = False
    ) -> NDArray[np.float32]:
        """Read a segment of a stem as mono, the mean of its channels, with silence beyond its ends.

        Only this segment is decoded; seeking in WAV, FLAC and Vorbis is exact.

        Parameters
        ----------
        stem : str
        start : float
            Start in seconds; may be negative.
        samples : int
        sample_rate : float
            Sample rate of the result in Hz, any number; it also changes the speed.
        stereo : bool
            Return two channels, equal ones for a mono file; the file must be mono or stereo.

        Returns
        -------
        ndarray of float32, shape (samples,) or, with ``stereo``, (2, samples)
        """
        path = self.files.get(as_choice(stem, "stem", STEMS))
        if path is None:
            return np.zeros((2, samples) if stereo else samples, np.float32)
        if sample_rate == self.sample_rate:
            return _read(path, round(start * self.sample_rate), samples, stereo)
        ratio = self.sample_rate / sample_rate
        margin = int(MARGIN * self.sample_rate)
        first = round(start * self.sample_rate) - margin
        audio = _read(path, first, int(samples * ratio) + 2 * margin, stereo)
        audio = files.resample(audio, self.sample_rate, sample_rate, quality="HQ")
        cut = round(margin / ratio)
        return audio[..., cut : cut + samples]


def _read(path: Path, first: int, samples: int, stereo: bool) -> NDArray[np.float32]:
    """Read samples from ``first`` on, stereo or the mean of channels, zeros outside the file."""
    import soundfile

    audio = np.zeros((2 if stereo else 1, samples), np.float32)
    try:
        with soundfile.SoundFile(path) as file:
            if stereo and file.channels > 2:
                raise AudioFileError(
                    f"{path} must be mono or stereo if stems are read in stereo, got "
                    f"{file.channels} channels"
                )
            start, end = max(first, 0), min(first + samples, file.frames)
            if start < end:
                file.seek(start)
                frames = file.read(end - start, "float32", always_2d=True)
                weights = np.full(file.channels, 1 / file.channels, np.float32)
                channels = frames.T if stereo else frames @ weights
                audio[:, start - first : start - first + len(frames)] = channels
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioFileError(f"{path} can no longer be read: {error}") from error
    return audio if stereo else audio[0]


def find_songs(root: str | os.PathLike[str], *, joint: bool = False) -> tuple[Song, ...]:
    """Find all songs in a dataset directory, sorted by path.

    A song is a directory with at least one of vocals, drums, bass and other as .wav, .flac or .ogg
    (preferred in this order). Other files, such as mixture.wav of MUSDB18, are ignored.

    Parameters
    ----------
    root : str or path
        Dataset directory, searched with its subdirectories.
    joint : bool
        Also find stems in one file together, such as vocals+drums+bass.wav. By default such files
        are ignored.

    Returns
    -------
    tuple of Song

    Raises
    ------
    AudioFileError
        If the directory does not exist or contains no song, or a file cannot be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise AudioFileError(f"{root} is not a directory; it must contain <song>/vocals.wav ...")
    songs = []
    for folder, below, names in os.walk(root, followlinks=True):
        below.sort()
        found = {
            stem: Path(folder, stem + suffix)
            for stem in STEMS
            for suffix in reversed(SUFFIXES)
            if stem + suffix in names
        }
        together = _joint_file(folder, names) if joint else None
        if found or together:
            songs.append(_song(Path(folder), found, together))
    if not songs:
        raise AudioFileError(
            f"{root} contains no song: no subdirectory has any of "
            f"{', '.join(STEMS)} as {', '.join(SUFFIXES)}"
        )
    return tuple(songs)


def _joint_file(folder: str, names: list[str]) -> Path | None:
    """Return the file of joint stems in a directory, if there is one."""
    for name in names:
        stem, suffix = os.path.splitext(name)
        if "+" in stem and suffix in SUFFIXES and set(stem.split("+")) <= set(STEMS):
            return Path(folder, name)
    return None


def _song(folder: Path, found: dict[str, Path], together: Path | None = None) -> Song:
    """Return the song in a directory."""
    joint: tuple[str, ...] = ()
    if together:
        joint = tuple(stem for stem in STEMS if stem in together.stem.split("+"))
        if both := [stem for stem in joint if stem in found]:
            raise AudioFileError(
                f"{folder} has {both[0]} twice: in {found[both[0]].name} and in {together.name}; "
                "remove one of them"
            )
        found = {**found, joint[0]: together}
    facts = {stem: files.info(path) for stem, path in found.items()}
    rates = {fact.sample_rate for fact in facts.values()}
    if len(rates) > 1:
        raise AudioFileError(
            f"the stems of {folder} must have one sample rate, got "
            + ", ".join(f"{stem} {fact.sample_rate} Hz" for stem, fact in facts.items())
        )
    samples = max(fact.samples for fact in facts.values())
    if not samples:
        raise AudioFileError(f"the stems of {folder} are empty")
    return Song(Path(os.path.abspath(folder)).name, found, samples, rates.pop(), joint)


def split_songs(
    songs: Sequence[Song], split: str, *, splits: Mapping[str, str] | None = None
) -> tuple[Song, ...]:
    """Return the songs of one split; each song belongs to exactly one split.

    The split of a song is determined by the first rule that applies:

    1. ``splits`` contains its name.
    2. Its parent directory is named train, valid (or val, validation) or test. The 14 validation
       songs of MUSDB18 in a train directory belong to "valid".
    3. By a hash of its name one tenth of all songs belong to "valid", the others to "train". If
       "valid" were empty, the song with the lowest hash belongs to it.

    Parameters
    ----------
    songs : sequence of Song
    split : {"train", "valid", "test"}
    splits : mapping of str to str, optional
        Splits by song name.

    Returns
    -------
    tuple of Song
        Possibly empty.

    Examples
    --------
    >>> songs = [Song(name, {}, 1, 44100) for name in ("caesium", "lithium", "sodium")]
    >>> [song.name for song in split_songs(songs, "test", splits={"sodium": "test"})]
    ['sodium']
    """
    split = as_choice(split, "split", SPLITS)
    splits = {
        name: as_choice(chosen, f"split of {name!r}", SPLITS)
        for name, chosen in (splits or {}).items()
    }
    decided = {song.name: splits.get(song.name) or _split_by_folder(song) for song in songs}
    hashed = {name: _hash(name) for name, known in decided.items() if known is None}
    if hashed:
        has_valid = "valid" in decided.values() or len(decided) == 1
        lowest = min(hashed.values())
        for name, value in hashed.items():
            held_out = value < VALIDATION_SHARE or (value == lowest and not has_valid)
            decided[name] = "valid" if held_out else "train"
    return tuple(song for song in songs if decided[song.name] == split)


def _split_by_folder(song: Song) -> str | None:
    """Return the split that the parent directory of a song specifies, or None."""
    for path in song.files.values():
        split = FOLDERS.get(Path(os.path.abspath(path)).parent.parent.name.lower())
        return "valid" if split == "train" and song.name in MUSDB18_VALIDATION else split
    return None


def _hash(name: str) -> float:
    """Return a hash from 0 to 1 that is the same on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
