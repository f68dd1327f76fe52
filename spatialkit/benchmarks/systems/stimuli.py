"""Stimuli of a benchmark: fingerprints, and files for other programs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError
from spatialkit.files import write
from spatialkit.layouts import Format, get_format
from spatialkit.results import to_json
from spatialkit.storage import replace_file
from spatialkit.typing import StrPath

__all__ = ["StimulusWriter", "fingerprint"]

# Digits of the SHA-256: 48 bits.
DIGITS = 12


def fingerprint(audio: NDArray[Any], sample_rate: int) -> str:
    """Return 12 hexadecimal digits that identify audio.

    They are the first of the SHA-256 of the sample rate, the shape and the 32-bit samples.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples)
    sample_rate : int
        In Hz.

    Examples
    --------
    >>> fingerprint(np.zeros((2, 4)), 44100)
    '93362a13657b'
    """
    samples = np.ascontiguousarray(audio, "<f4")
    found = hashlib.sha256(f"{sample_rate} {samples.shape}".encode())
    found.update(samples.tobytes())
    return found.hexdigest()[:DIGITS]


class StimulusWriter:
    """Writer of stimuli as WAV files whose names end with their fingerprints.

    Parameters
    ----------
    folder : path
        Directory that does not exist or is empty.
    format : str, Layout or AmbisonicFormat, optional
        Format of the stimuli; by default mono or stereo.

    Raises
    ------
    AudioFileError
        If the directory contains files, or is none.
    """

    def __init__(self, folder: StrPath, format: str | Format | None = None) -> None:
        self.folder = Path(folder)
        self._format = get_format(format) if format is not None else None
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise AudioFileError(f"{self.folder} must be a new or an empty directory for stimuli")
        self.names: dict[str, str] = {}
        """Names of the stimuli by file name."""

    def add(self, name: str, audio: NDArray[Any], sample_rate: int) -> None:
        """Write a stimulus unless it was written before under another name.

        Parameters
        ----------
        name : str
            Name, the start of the file name.
        audio : ndarray, shape (channels, samples)
        sample_rate : int
            In Hz.
        """
        digits = fingerprint(audio, sample_rate)
        if any(file.endswith(f"{digits}.wav") for file in self.names):
            return
        plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
        file = f"{plain}-{digits}.wav"
        self.folder.mkdir(parents=True, exist_ok=True)
        format = self._format or ("mono" if len(audio) == 1 else "stereo")
        write(self.folder / file, audio, sample_rate, format=format, subtype="FLOAT")
        self.names[file] = name

    def finish(self, benchmark: str, settings: Mapping[str, Any]) -> int:
        """Write ``stimuli.json``, which lists the files, and return their number."""
        facts = {"benchmark": benchmark, "settings": settings, "stimuli": self.names}
        replace_file(self.folder / "stimuli.json", (to_json(facts, indent=1) + "\n").encode())
        return len(self.names)
