"""Separator that reads the stems from files."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError, OptionError, ShapeError, SpatialkitWarning
from spatialkit.upmixing import option
from spatialkit.validation import parse_json
from spatialkit_models.separation.interface import Separator
from spatialkit_models.separation.stem_files import files_text, find_stem_files
from spatialkit_models.stem_names import STEMS

__all__ = ["FolderOptions", "FolderSeparator"]

# Residual of the stems relative to the song above which a warning is issued, dB.
MAX_RESIDUAL_DB = -20.0
# The same without a file of other: correct stems leave at most the song itself.
MAX_OTHER_DB = 0.5
# Residual that is too soft for a warning, dBFS: rounding of the files in silent parts of a song.
MIN_RESIDUAL_DBFS = -70.0
# The part of the stems' sum that the song contains is near 1 for its own stems, even if some are
# missing, and near 0 for those of another song: below the first value they are refused, unless the
# sum is this soft relative to the song, dB.
MIN_CONTAINED, MIN_SUM_DB = 0.2, -10.0
# Largest shift that is looked for if the residual is above that, s.
MAX_SHIFT = 0.2


@dataclass(frozen=True)
class FolderOptions:
    """Options of `FolderSeparator`."""

    path: str = option("", "Folder of stem files, or a JSON object of files by stem name.")


class FolderSeparator(Separator):
    """Stems in files: a folder with vocals, drums, bass and other, such as Demucs writes it.

    The files must have one sample rate and exactly the length of the song. They are .wav, .flac,
    .ogg or .mp3 files; their names may be in upper or lower case. Guitar and piano are added to
    other. Of a separation into two, no_vocals, instrumental or accompaniment is other. Mono files
    are both channels. The stem other also receives the residual, the song minus all stems.

    Parameters
    ----------
    path : str, Path or mapping
        Folder, or files by stem name.

    Warns
    -----
    SpatialkitWarning
        If the residual is above -20 dB relative to the song, or, without a file of other,
        louder than the song.

    Raises
    ------
    ShapeError
        If the song has another length than the stems, or the stems are shifted against it.
    AudioFileError
        If the stems are those of another song: their sum is not correlated with it.
    """

    name = "folder"
    options_class = FolderOptions

    def __init__(self, *, path: Any = "", **options: Any) -> None:
        super().__init__(path=files_text(path), **options)
        if not self.options.path:
            raise OptionError("separator 'folder' needs path=, the folder with the stems of a song")
        self._files = find_stem_files(_parsed(self.options.path))
        found = self._files.files
        self.stems = tuple(stem for stem in STEMS if stem in found or stem == "other")
        self._has_warned = False

    @cached_property
    def version(self) -> str:  # type: ignore[override]
        """Hash of the content of all files."""
        digest = hashlib.sha256()
        for stem, paths in sorted(self._files.files.items()):
            for path in paths:
                digest.update(stem.encode())
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return f"files {digest.hexdigest()[:8]}"

    def check_song(self, samples: int, sample_rate: int) -> None:
        """Raise a ShapeError if the song has another length than the stems."""
        self._files.check_length(samples, sample_rate)

    def _separate(self, audio: NDArray[Any], sample_rate: int, start: int) -> NDArray[Any]:
        samples = audio.shape[1]
        self._files.check_length(start + samples, sample_rate, at_least=True)
        stems = np.stack(
            [self._files.read(stem, start, samples, sample_rate) for stem in self.stems]
        )
        self._check_residual(audio, stems.sum(axis=0), sample_rate, start)
        return stems

    def _check_residual(
        self, song: NDArray[Any], total: NDArray[Any], rate: int, start: int
    ) -> None:
        """Warn of a loud residual, or raise an error for shifted stems or those of another song."""
        if np.array_equal(song[0], song[1]):  # a mono song: so are its stems
            song, total = song[:1], total.mean(axis=0, keepdims=True)
        level = _decibels(song - total, song)
        has_other = "other" in self._files.files
        if level <= (MAX_RESIDUAL_DB if has_other else MAX_OTHER_DB):
            return
        if _decibels(song - total, np.ones_like(song)) <= MIN_RESIDUAL_DBFS:
            return
        where, seconds = self._files.where, start / rate
        shift = _best_shift(song.sum(axis=0), total.sum(axis=0), int(MAX_SHIFT * rate))
        if shift and _decibels(*_shifted_residual(song, total, shift)) <= MAX_RESIDUAL_DB:
            raise ShapeError(
                f"the stems in {where} are {abs(shift)} samples {'late' if shift > 0 else 'early'} "
                "against the song, as after MP3 or AAC encoding: separate exactly this file"
            )
        if _decibels(total, song) >= MIN_SUM_DB and _contained(total, song) < MIN_CONTAINED:
            raise AudioFileError(
                f"the stems in {where} are not those of the song: from {seconds:.0f} s on their "
                f"sum differs from it by {level:.0f} dB and is not correlated with it; specify "
                "the stems of this song, which start when it starts"
            )
        if not self._has_warned:
            self._has_warned = True
            missing = [stem for stem in STEMS if stem not in self._files.files]
            question = f"is the file of {' or '.join(missing)} missing, or " if missing else ""
            warnings.warn(
                f"the sum of the stems in {where} differs from the song by {level:.0f} dB (from "
                f"{seconds:.0f} s on): the difference is added to other; {question}do "
                "the stems belong to another song or mix?",
                SpatialkitWarning,
                stacklevel=2,
            )


def _parsed(path: str) -> Path | dict[str, Path]:
    """Return the folder, or the files of a JSON object."""
    if not path.lstrip().startswith("{"):
        return Path(path)
    found = parse_json(path, "path (a folder or a JSON object of files)")
    for stem, file in found.items():
        if not isinstance(file, str):
            raise OptionError(f"the file of {stem!r} in path must be text, got {file!r}")
    return {stem: Path(file) for stem, file in found.items()}


def _decibels(part: NDArray[Any], whole: NDArray[Any]) -> float:
    """Return the level of a part relative to the whole in dB."""
    energy = float(np.sum(np.square(whole)))
    with np.errstate(divide="ignore"):
        return float(10.0 * np.log10(np.sum(np.square(part)) / energy)) if energy else 0.0


def _contained(part: NDArray[Any], whole: NDArray[Any]) -> float:
    """Return the absolute gain with which a signal, not silent, is contained in another one."""
    return float(abs(np.sum(part * whole)) / np.sum(np.square(part)))


def _best_shift(song: NDArray[Any], total: NDArray[Any], most: int) -> int:
    """Return by how many samples ``total`` is late, from the largest cross-correlation."""
    size = 2 * len(song)
    correlation = np.fft.irfft(np.fft.rfft(total, size) * np.fft.rfft(song, size).conj(), size)
    most = min(most, len(song) - 1)
    near = np.concatenate([correlation[size - most :], correlation[: most + 1]])
    return int(near.argmax()) - most


def _shifted_residual(
    song: NDArray[Any], total: NDArray[Any], shift: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return song minus shifted total, and the song, where both are known."""
    if shift < 0:
        song, total, shift = song[:, -shift:], total[:, :shift], 0
    song, total = song[:, : song.shape[1] - shift], total[:, shift:]
    return song - total, song
