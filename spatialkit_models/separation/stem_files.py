"""Files of the stems of one song: names, checks of rate and length, and reading of segments."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError, OptionError, ShapeError
from spatialkit.files import info, read, resample
from spatialkit.validation import unknown_name
from spatialkit_models.inference import fitted
from spatialkit_models.stem_names import STEMS

__all__ = ["StemFiles", "files_text", "find_stem_files", "has_stems"]

PARTS = {**{stem: stem for stem in STEMS}, "guitar": "other", "piano": "other"}
"""Stem that each named source belongs to; guitar and piano are in six-stem models of Demucs."""

REST = ("no_vocals", "instrumental", "accompaniment", "no_drums", "no_bass")
"""Names of everything but one stem, in separations into two."""

# Preferred in this order if a stem has several files.
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".opus", ".m4a")
# Seconds read beyond both ends of a segment before resampling: longer than the filter of soxr.
MARGIN = 0.05
# Samples that encoders of MP3 and AAC add to a song at most: their delay and up to one frame.
MAX_PADDING = 4608


@dataclass(frozen=True)
class StemFiles:
    """Audio files of the stems of one song, of one sample rate and length.

    Parameters
    ----------
    where : str
        Description for error messages, such as the folder.
    files : mapping of str to tuple of Path
        Files by stem; several files of one stem are added.
    sample_rate, samples : int
        Sample rate of the files in Hz, and their length.
    """

    where: str
    files: Mapping[str, tuple[Path, ...]]
    sample_rate: int
    samples: int

    def read(self, stem: str, first: int, samples: int, rate: int) -> NDArray[np.float64]:
        """Read a segment of a stem as stereo at a sample rate; a stem without file is silent.

        Parameters
        ----------
        stem : str
        first, samples : int
            First sample and number of samples, at ``rate``; silence beyond the end.
        rate : int
            Sample rate of the result in Hz.

        Returns
        -------
        ndarray, shape (2, samples)
        """
        total = np.zeros((2, samples))
        for path in self.files.get(stem, ()):
            total += self._segment(path, first, samples, rate)
        return total

    def check_length(self, samples: int, rate: int, *, at_least: bool = False) -> None:
        """Raise a ShapeError if the song has another length than the stems.

        Parameters
        ----------
        samples, rate : int
            Length of the song in samples, and its sample rate in Hz.
        at_least : bool
            The song may be longer than ``samples``.
        """
        expected = self.samples * rate / self.sample_rate
        difference = samples - expected
        if abs(difference) <= (0 if rate == self.sample_rate else 1) or (
            at_least and difference < 0
        ):
            return
        song = f"{'at least ' if at_least else ''}{samples} samples ({samples / rate:.3f} s)"
        converted = "" if rate == self.sample_rate else f" at {rate} Hz"
        advice = "separate exactly this file"
        if abs(difference) <= MAX_PADDING:
            advice = (
                "such a difference is the padding of an MP3 or AAC encoder, which shifts the stems:"
                " convert the song to .wav, separate that file, and use it with its stems"
            )
        raise ShapeError(
            f"the stems in {self.where} have {round(expected)} samples{converted} "
            f"({self.samples / self.sample_rate:.3f} s), the song has {song}: {advice}"
        )

    def _segment(self, path: Path, first: int, samples: int, rate: int) -> NDArray[np.float64]:
        if rate == self.sample_rate:
            return fitted(self._read(path, first, first + samples), samples)
        # This many samples of the file last exactly as long as this many of the result.
        common = gcd(rate, self.sample_rate)
        file_step, step = self.sample_rate // common, rate // common
        margin = -int(-MARGIN * common // 1)
        begin = max(first // step - margin, 0)
        end = -(-(first + samples) // step) + margin
        audio = self._read(path, begin * file_step, end * file_step)
        converted = resample(audio, self.sample_rate, rate, quality="HQ")
        return fitted(converted[:, first - begin * step :], samples)

    def _read(self, path: Path, start: int, stop: int) -> NDArray[np.float64]:
        """Read samples of a file as stereo; a mono file is both channels."""
        start, stop = min(start, self.samples), min(stop, self.samples)
        audio = read(path, start=start, stop=stop, dtype="float64").samples
        if len(audio) > 2:
            raise ShapeError(f"{path} must be mono or stereo, got {len(audio)} channels")
        return np.repeat(audio, 2, axis=0) if len(audio) == 1 else audio


def files_text(source: Any) -> Any:
    """Return a folder, or files by stem, as the text of an option: a path or a JSON object.

    Anything else is returned as it is.
    """
    if isinstance(source, Mapping):
        return json.dumps({name: os.fspath(path) for name, path in source.items()})
    return os.fspath(source) if isinstance(source, os.PathLike) else source


def find_stem_files(source: Path | Mapping[str, Path]) -> StemFiles:
    """Find the stems of one song in a folder, or check a mapping of them.

    Names are those of Demucs and MUSDB18 in upper or lower case: vocals, drums, bass and other.
    Guitar and piano are added to other. Of a separation into two, such as vocals and no_vocals,
    instrumental or accompaniment, the latter is other.

    Parameters
    ----------
    source : Path, or mapping of str to Path
        Folder, or files by name.

    Raises
    ------
    AudioFileError
        If there is no stem, a file cannot be read, or their sample rates differ.
    OptionError
        If a name in the mapping is unknown.
    ShapeError
        If the lengths of the files differ.
    """
    if isinstance(source, Mapping):
        where = "the mapping"
        for name in source:
            if name.casefold() not in (*PARTS, *REST):
                raise OptionError(unknown_name("stem", name, (*PARTS, *REST)))
        named = {name.casefold(): path for name, path in source.items()}
    else:
        where, named = str(source), _named_files(source)
    parts = {name: path for name, path in named.items() if name in PARTS}
    rest = [name for name in REST if name in named]
    if len(parts) == len(rest) == 1 and not {*parts} - {"vocals", "drums", "bass"}:
        parts["other"] = named[rest[0]]  # beside more stems it would contain them twice
    if not set(parts) & set(STEMS):
        raise AudioFileError(
            f"{where} contains no stem: it must have at least one of "
            f"{', '.join(STEMS)}, as {', '.join(SUFFIXES)}{_subfolder_hint(source)}"
        )
    files: dict[str, tuple[Path, ...]] = {}
    for name, path in parts.items():
        files[PARTS[name]] = (*files.get(PARTS[name], ()), path)
    rate, samples = _common_facts(where, parts.values())
    return StemFiles(where, files, rate, samples)


def has_stems(folder: Path) -> bool:
    """Return whether a folder has a file of at least one of the four stems.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    AudioFileError
        If the folder cannot be read.
    """
    return bool(set(_named_files(folder)) & set(STEMS))


def _named_files(folder: Path) -> dict[str, Path]:
    """Return the files in a folder by stem name."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise AudioFileError(
            f"{folder} cannot be read as a folder of stems: {error.strerror}"
        ) from error
    found: dict[str, Path] = {}
    for suffix in SUFFIXES:
        for name in names:
            path = folder / name
            stem = path.stem.casefold()
            if path.suffix.casefold() == suffix and stem in (*PARTS, *REST):
                found.setdefault(stem, path)
    return found


def _subfolder_hint(source: Path | Mapping[str, Path]) -> str:
    """Return advice for the parent of a folder of stems, such as separated/htdemucs."""
    if isinstance(source, Mapping):
        return ""
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        with suppress(AudioFileError):
            if has_stems(folder):
                return f"; specify the folder of one song, such as {folder}"
    return ""


def _common_facts(where: str, paths: Iterable[Path]) -> tuple[int, int]:
    """Return the sample rate and the length that all files must have."""
    headers = [info(path) for path in paths]
    if len({header.sample_rate for header in headers}) > 1:
        listed = ", ".join(f"{each.path.name} {each.sample_rate} Hz" for each in headers)
        raise AudioFileError(f"the stems in {where} must have one sample rate, got {listed}")
    if len({header.samples for header in headers}) > 1:
        listed = ", ".join(f"{each.path.name} {each.samples}" for each in headers)
        raise ShapeError(
            f"the stems in {where} must have one length, got samples {listed}: export all of them "
            "from the start to the end of the song"
        )
    return headers[0].sample_rate, headers[0].samples
