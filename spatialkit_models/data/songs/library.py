"""Songs as stems: folders of sound files, found, split and read by seeking."""

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
"""Songs of MUSDB18's train folder that are held out for validation, as in the package musdb."""

SUFFIXES = (".wav", ".flac", ".ogg")
FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val"), "valid"),
    "test": "test",
}
VALIDATION_SHARE = 0.1
# Seconds read beyond both ends before resampling: longer than the filter of soxr.
MARGIN = 0.05


@dataclass(frozen=True, eq=False)
class Song:
    """Stems of a song on disk.

    Parameters
    ----------
    name : str
        Of its folder. Songs of one name are one song, wherever they lie.
    files : mapping of str to Path
        Stem to sound file; a stem without a file is silent.
    samples : int
        Of the longest file.
    sample_rate : int
        Hz, of all files.
    """

    name: str
    files: Mapping[str, Path]
    samples: int
    sample_rate: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples / self.sample_rate

    def read(
        self, stem: str, start: float, samples: int, sample_rate: float, *, stereo: bool = False
    ) -> NDArray[np.float32]:
        """Read a piece of a stem as mono, the mean of its channels; beyond its ends is silence.

        Nothing else of the file is decoded. Seeking in WAV, FLAC and Vorbis is exact.

        Parameters
        ----------
        stem : str
        start : float
            Seconds; may be negative.
        samples : int
        sample_rate : float
            Hz to convert to; any number, so that speed is changed by the same filter.
        stereo : bool
            Both sides, of mono the same twice; only files of one or two channels have them.

        Returns
        -------
        ndarray of float32, shape (samples,) or, of stereo, (2, samples)
        """
        path = self.files.get(as_choice(stem, "stem", STEMS))
        if path is None:
            return np.zeros((2, samples) if stereo else samples, np.float32)
        if sample_rate == self.sample_rate:
            return _read(path, round(start * self.sample_rate), samples, stereo)
        import soxr

        ratio = self.sample_rate / sample_rate
        margin = int(MARGIN * self.sample_rate)
        first = round(start * self.sample_rate) - margin
        audio = _read(path, first, int(samples * ratio) + 2 * margin, stereo)
        audio = soxr.resample(audio.T.copy(order="C"), ratio, 1.0, quality="HQ").T
        cut = round(margin / ratio)
        return audio[..., cut : cut + samples]


def _read(path: Path, first: int, samples: int, stereo: bool) -> NDArray[np.float32]:
    """Frames from ``first`` on, both sides or averaged over channels, zeros outside the file."""
    import soundfile

    audio = np.zeros((2 if stereo else 1, samples), np.float32)
    try:
        with soundfile.SoundFile(path) as file:
            if stereo and file.channels > 2:
                raise AudioFileError(
                    f"{path} must be mono or stereo where stems are to be heard in stereo, got "
                    f"{file.channels} channels"
                )
            start, end = max(first, 0), min(first + samples, file.frames)
            if start < end:
                file.seek(start)
                frames = file.read(end - start, "float32", always_2d=True)
                weights = np.full(file.channels, 1 / file.channels, np.float32)
                heard = frames.T if stereo else frames @ weights
                audio[:, start - first : start - first + len(frames)] = heard
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioFileError(f"{path} can no longer be read: {error}") from error
    return audio if stereo else audio[0]


def find_songs(root: str | os.PathLike[str]) -> tuple[Song, ...]:
    """Find all songs below a folder, sorted by path.

    A song is a folder with at least one of vocals, drums, bass and other, each as .wav, .flac or
    .ogg (looked for in this order). Other files, such as MUSDB18's mixture.wav, are left out.

    Parameters
    ----------
    root : str or path

    Returns
    -------
    tuple of Song

    Raises
    ------
    AudioFileError
        If there is no such folder, it holds no song, or a file cannot be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise AudioFileError(f"{root} is no folder: stems lie in <song>/vocals.wav and so on")
    songs = []
    for folder, below, names in os.walk(root, followlinks=True):
        below.sort()
        found = {
            stem: Path(folder, stem + suffix)
            for stem in STEMS
            for suffix in reversed(SUFFIXES)
            if stem + suffix in names
        }
        if found:
            songs.append(_song(Path(folder), found))
    if not songs:
        raise AudioFileError(
            f"{root} holds no song: no folder below it has any of "
            f"{', '.join(STEMS)} as {', '.join(SUFFIXES)}"
        )
    return tuple(songs)


def _song(folder: Path, found: dict[str, Path]) -> Song:
    """Look at the files of a song."""
    facts = {stem: files.info(path) for stem, path in found.items()}
    rates = {fact.sample_rate for fact in facts.values()}
    if len(rates) > 1:
        raise AudioFileError(
            f"the stems of {folder} must have one sample rate, got "
            + ", ".join(f"{stem} {fact.sample_rate} Hz" for stem, fact in facts.items())
        )
    samples = max(fact.samples for fact in facts.values())
    if not samples:
        raise AudioFileError(f"the stems of {folder} hold no samples")
    return Song(Path(os.path.abspath(folder)).name, found, samples, rates.pop())


def split_songs(
    songs: Sequence[Song], split: str, *, splits: Mapping[str, str] | None = None
) -> tuple[Song, ...]:
    """Choose the songs of one split: no song is in two.

    For each song the first rule that applies decides:

    1. ``splits`` names it.
    2. The folder that it lies in is called train, valid (or val, validation) or test. Of a train
       folder the 14 validation songs of MUSDB18 are "valid".
    3. A hash of its name puts a tenth of all songs into "valid", the others into "train". If none
       is in "valid" then, the song with the least hash is.

    Parameters
    ----------
    songs : sequence of Song
    split : {"train", "valid", "test"}
    splits : mapping of str to str, optional
        Names of songs to splits.

    Returns
    -------
    tuple of Song
        May be empty.

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
        enough = "valid" in decided.values() or len(decided) == 1
        least = min(hashed.values())
        for name, value in hashed.items():
            held_out = value < VALIDATION_SHARE or (value == least and not enough)
            decided[name] = "valid" if held_out else "train"
    return tuple(song for song in songs if decided[song.name] == split)


def _split_by_folder(song: Song) -> str | None:
    """What the name of the folder around a song says."""
    for path in song.files.values():
        split = FOLDERS.get(Path(os.path.abspath(path)).parent.parent.name.lower())
        return "valid" if split == "train" and song.name in MUSDB18_VALIDATION else split
    return None


def _hash(name: str) -> float:
    """From 0 to 1, the same on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
