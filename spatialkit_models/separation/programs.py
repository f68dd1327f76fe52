"""Other programs as systems of the benchmark of separators."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks import DEFAULT_TIMEOUT, Program
from spatialkit.errors import AudioFileError
from spatialkit.files import write
from spatialkit_models.evaluation import System
from spatialkit_models.separation.stem_files import find_stem_files, has_stems
from spatialkit_models.stem_names import STEMS

__all__ = ["command_separator"]


def command_separator(
    command: str | Sequence[str],
    sample_rate: int,
    *,
    name: str = "",
    timeout: float = DEFAULT_TIMEOUT,
) -> System:
    """Return a program as a system: it reads a WAV file and writes files of stems.

    The program is called once per example, as by `spatialkit.benchmarks.command_system`. Its output
    is a folder, which exists, or a folder in it: the first with files of stems. Their names are
    those of Demucs (vocals, drums, bass, other); they have the length of the input. Stems that are
    missing are silent.

    Parameters
    ----------
    command : str or sequence of str
        Program and arguments with the placeholders ``{input}``, a stereo WAV file of 32-bit
        floating-point samples, and ``{output}``, the folder.
    sample_rate : int
        Sample rate of the songs in Hz.
    name : str
        Name of the system; by default that of the program.
    timeout : float
        Time limit per call in seconds.

    Raises
    ------
    OptionError
        If the command has no placeholder, or its quotes do not match.
    UpmixerError
        If the program does not exist. The system raises it if the program fails, and an
        `AudioFileError` or a `ShapeError` on its output.
    """
    program = Program(command, timeout)

    def separate(audio: NDArray[Any], style: None) -> NDArray[Any]:
        with tempfile.TemporaryDirectory(prefix="spatialkit-") as folder:
            song, output = Path(folder, "input.wav"), Path(folder, "output")
            output.mkdir()
            write(song, audio, sample_rate, format="stereo", subtype="FLOAT")
            program.call(song, output)
            found = _stem_folder(output, program.name)
            with program.reading(output):
                files = find_stem_files(found)
                files.check_length(audio.shape[1], sample_rate)
                stems = [files.read(stem, 0, audio.shape[1], sample_rate) for stem in STEMS]
            return np.stack(stems).astype(audio.dtype)

    facts = {"command": program.text}
    return System(name or program.name, separate, facts=facts)


def _stem_folder(output: Path, program: str) -> Path:
    """Return a folder, or the first folder below it, that contains stems."""
    for folder in (output, *sorted(path for path in output.rglob("*") if path.is_dir())):
        if has_stems(folder):
            return folder
    raise AudioFileError(
        f"{program} ended without an error but wrote no files of stems to {{output}}: at least one "
        f"of {', '.join(STEMS)} is expected, such as vocals.wav"
    )
