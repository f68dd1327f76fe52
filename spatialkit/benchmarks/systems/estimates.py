"""Folders of outputs that were computed before, as systems."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spatialkit.benchmarks.systems.stimuli import DIGITS, fingerprint
from spatialkit.benchmarks.systems.system import System
from spatialkit.errors import AudioFileError
from spatialkit.files import read
from spatialkit.layouts import Format, get_format
from spatialkit.typing import StrPath

__all__ = ["estimates_system"]


def estimates_system(folder: StrPath, format: str | Format, *, name: str = "") -> System:
    """Return a folder of outputs as a system.

    The folder contains one audio file per stimulus. Its name ends, before the extension, with the
    fingerprint of the stimulus, as the names of the files of ``--write-stimuli`` do; so the outputs
    cannot be scored against other stimuli by mistake.

    Parameters
    ----------
    folder : path
    format : str, Layout or AmbisonicFormat
        Format of the outputs, which specifies the order of their channels. A channel mask in a file
        must agree with it.
    name : str
        Name of the system; by default that of the folder.

    Raises
    ------
    AudioFileError
        If the directory does not exist or contains no such file. The system raises it if it has no
        output for a stimulus, or one of another sample rate.
    """
    root = Path(folder)
    if not root.is_dir():
        raise AudioFileError(f"{root} is not a directory of estimates")
    found: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        if match := re.search(rf"(?:^|[^0-9a-f])([0-9a-f]{{{DIGITS}}})$", path.stem):
            if match[1] in found:
                raise AudioFileError(f"{found[match[1]]} and {path} belong to the same stimulus")
            found[match[1]] = path
    if not found:
        raise AudioFileError(
            f"{root} contains no estimate: names end with the {DIGITS} digits of the stimulus",
            command_line="; write the stimuli with --write-stimuli and keep their names",
        )
    target = get_format(format)

    def process(audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        digits = fingerprint(audio, sample_rate)
        if digits not in found:
            raise AudioFileError(
                f"{root} has no estimate of the stimulus {digits}: it is missing, or belongs to "
                "other stems, seconds, seed or software",
                command_line="; compare the names with those of --write-stimuli",
            )
        estimate = read(found[digits], format=target)
        if estimate.sample_rate != sample_rate:
            raise AudioFileError(
                f"{found[digits]} has {estimate.sample_rate} Hz, the stimulus {sample_rate} Hz"
            )
        return estimate.samples

    title = name or root.resolve().name
    origin = f"{len(found)} files of {root}"
    return System(title, process, target, origin=origin, is_recorded=True)
