"""Reading and writing of files, with checks of outputs before any work."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit.commands.toolkit.printing import decibels
from spatialkit.errors import AudioFileError, LayoutError

if TYPE_CHECKING:
    from spatialkit.files import Audio
    from spatialkit.layouts import AmbisonicFormat, Layout


def read_input(path: Path, source_format: str | Layout | None = None) -> Audio:
    """Sound of a file, finite."""
    from spatialkit.files import read
    from spatialkit.validation import require_finite

    audio = read(path, format=source_format)
    require_finite(audio.samples, str(path))
    return audio


def read_with_format(
    path: Path, source_format: str | Layout | None
) -> tuple[Audio, Layout | AmbisonicFormat]:
    """Sound of a file and its format, which the file or ``source_format`` must say."""
    audio = read_input(path, source_format)
    if audio.format is None:
        raise LayoutError(
            f"{path} does not say what its {len(audio.samples)} channels are: add --from"
        )
    return audio, audio.format


def check_output(output: Path, inputs: Iterable[Path], force: bool) -> None:
    """Refuse an output that cannot or must not be written, before any work."""
    from spatialkit.files import check_target

    check_outputs([output], inputs, force)
    check_target(output, overwrite=True)


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path], force: bool) -> None:
    """Refuse outputs that are folders, inputs, or there already."""
    known = {identity: path for path in inputs if (identity := _identity(path))}
    for output in outputs:
        if os.path.isdir(output):  # not output.is_dir(): that fails if a name is too long
            raise AudioFileError(f"{output} is a folder: name a file in it, such as a .wav")
        identity = _identity(output)
        if identity in known:
            raise AudioFileError(
                f"output {output} is the input {known[identity]}: choose another name"
            )
        if identity and not force:
            raise AudioFileError(f"{output} exists: add --force to replace it")


def _identity(path: Path) -> tuple[int, int] | None:
    """What two names of one file have in common; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def write_output(
    output: Path, samples: Any, sample_rate: int, format: Layout | AmbisonicFormat, force: bool
) -> dict[str, Any]:
    """Write a file and return the facts about it."""
    import numpy as np

    from spatialkit.files import write

    write(output, samples, sample_rate, format=format, overwrite=force)
    return output_facts(output, format, float(np.abs(samples).max(initial=0.0)))


def output_facts(output: Path, format: Layout | AmbisonicFormat, peak: float) -> dict[str, Any]:
    """Return the facts about a file that was written."""
    from spatialkit.files import info

    stored = info(output)
    # Only a layout that no mask describes as it stands is reordered.
    reordered = bool(stored.wave_mask) and not getattr(format, "wave_mask", 0)
    name = format.name
    if stored.format and (reordered or name.startswith(f"{stored.format.name}:")):
        name = stored.format.name
    return {
        "output": str(output),
        "format": name,
        "reordered": reordered,
        "channels": stored.channels,
        "sample_rate": stored.sample_rate,
        "duration": stored.duration,
        "peak_db": decibels(peak),
    }


def check_file(path: Path, force: bool) -> None:
    """Refuse what cannot or must not be written, before minutes of work."""
    if path.is_dir():
        raise AudioFileError(f"{path} is a folder: name a file in it")
    if not path.absolute().parent.is_dir():
        raise AudioFileError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.exists() and not force:
        raise AudioFileError(f"{path} exists: add --force to replace it")


def write_text(path: Path, text: str) -> None:
    """Write what was found."""
    try:
        path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise AudioFileError(f"{path} cannot be written: {error.strerror}") from error
