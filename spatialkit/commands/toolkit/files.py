"""Reading and writing of files, with checks of outputs before any work."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit.commands.toolkit.printing import counted, decibels
from spatialkit.errors import AudioFileError, LayoutError
from spatialkit.storage import replace_file

if TYPE_CHECKING:
    from spatialkit.files import Audio, AudioWriter
    from spatialkit.layouts import AmbisonicFormat, Format, Layout


def read_input(path: Path, **reading: Any) -> Audio:
    """Read an audio file and check that all samples are finite.

    Parameters
    ----------
    path : Path
    **reading
        As for `spatialkit.read`, such as the parameter ``reading`` of `reading_options`.

    Raises
    ------
    AudioFileError, LayoutError, OptionError
        As for `spatialkit.read`.
    SignalError
        If a sample is NaN or infinite.
    """
    from spatialkit.files import read
    from spatialkit.validation import require_finite

    audio = read(path, **reading)
    require_finite(audio.samples, str(path))
    return audio


def reading_facts(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `read_input` as JSON values, with the content of layout files."""
    from spatialkit.layouts import Layout

    return {
        name: value.to_json() if isinstance(value, Layout) else value
        for name, value in sorted(reading.items())
    }


def read_with_format(path: Path, **reading: Any) -> tuple[Audio, Layout | AmbisonicFormat]:
    """Read an audio file as `read_input` does, and return its format too.

    Raises
    ------
    LayoutError
        If neither the file nor ``reading`` specifies a format.
    """
    audio = read_input(path, **reading)
    return audio, known_format(path, audio.format, len(audio.samples))


def known_format(path: Path, format: Format | None, channels: int) -> Layout | AmbisonicFormat:
    """Return the format of a file; raise a `LayoutError` if it is unknown."""
    if format is None:
        raise LayoutError(
            f"{path} does not specify the format of its {channels} channels",
            command_line=": add --from",
        )
    return format


def scene_format(path: Path, format: Format | None, channels: int) -> AmbisonicFormat:
    """Return the format of an Ambisonic file; AmbiX by the number of channels if it has none.

    Parameters
    ----------
    path : Path
    format : Layout or AmbisonicFormat, optional
        Format that the file contains or the caller specified.
    channels : int
        Number of channels.

    Raises
    ------
    LayoutError
        If the file is not Ambisonics.
    """
    from spatialkit.layouts import AmbisonicFormat, Layout

    if isinstance(format, AmbisonicFormat):
        return format
    order = math.isqrt(channels) - 1
    if format is not None or (order + 1) ** 2 != channels or not order:
        found = f"the format {format.name!r}" if format else counted(channels, "channel")
        contradiction = " --force-format" if isinstance(format, Layout) else ""
        raise LayoutError(
            f"{path} has {found}, not Ambisonics",
            command_line=f': specify the order with --from{contradiction}, or use "spatialkit '
            'render"',
        )
    return AmbisonicFormat(order)


def check_output(output: Path, inputs: Iterable[Path], force: bool) -> None:
    """Raise an error if an audio file cannot be written or must not be replaced.

    Call this before any work; `check_file` does the same for other kinds of files.
    """
    from spatialkit.files import check_target

    check_outputs([output], inputs, force)
    check_target(output, overwrite=True)


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path], force: bool) -> None:
    """Raise an error if an output is a folder, is an input, or exists and ``force`` is not set."""
    input_files = {identity: path for path in inputs if (identity := _identity(path))}
    for output in outputs:
        if os.path.isdir(output):  # not output.is_dir(), which raises for a name that is too long
            raise AudioFileError(f"{output} is a folder: name a file in it, such as a .wav")
        identity = _identity(output)
        if identity in input_files:
            raise AudioFileError(
                f"output {output} is the input {input_files[identity]}: choose another name"
            )
        if identity and not force:
            raise AudioFileError(f"{output} exists", command_line=": add --force to replace it")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return a value that all names of one file have in common; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def write_output(
    output: Path, samples: Any, sample_rate: int, format: Layout | AmbisonicFormat, force: bool
) -> dict[str, Any]:
    """Write an audio file with the peak guard and return its facts, as `written_facts` does."""
    from spatialkit.files import write_stream

    options: dict[str, Any] = {"format": format, "samples": samples.shape[-1], "overwrite": force}
    with write_stream(output, sample_rate, **options, peak_guard=True) as target:
        target.write(samples)
    return written_facts(output, format, target)


def written_facts(
    output: Path, format: Layout | AmbisonicFormat | None, target: AudioWriter
) -> dict[str, Any]:
    """Return the facts about a file that was written with the peak guard.

    They are those of `output_facts`, with the peak after the gain of the guard, that gain
    ("gain_db") and the encoding ("subtype").
    """
    facts = output_facts(output, format, target.peak)
    gain = {"subtype": target.subtype, "gain_db": target.gain_db}
    return {**facts, "peak_db": facts["peak_db"] + target.gain_db, **gain}


def output_facts(
    output: Path, format: Layout | AmbisonicFormat | None, peak: float
) -> dict[str, Any]:
    """Return the facts about a written file that `print_output` prints.

    Floating-point files beyond full scale have the fact "true_peak_db".

    Parameters
    ----------
    output : Path
    format : Layout or AmbisonicFormat, optional
        Format of the samples before they were written; None if they have none.
    peak : float
        Largest absolute sample.
    """
    from spatialkit.files import info

    stored = info(output)
    # Only a layout whose own channel order no WAVE mask describes is reordered.
    reordered = bool(stored.wave_mask and format) and not getattr(format, "wave_mask", 0)
    name = format.name if format else None
    if stored.format and (reordered or not name or name.startswith(f"{stored.format.name}:")):
        name = stored.format.name
    return {
        "output": str(output),
        "format": name,
        "reordered": reordered,
        "channels": stored.channels,
        "sample_rate": stored.sample_rate,
        "duration": stored.duration,
        "peak_db": decibels(peak),
        **overload_facts(output, peak),
    }


def overload_facts(output: Path, peak: float) -> dict[str, float]:
    """Return the fact "true_peak_db" (dBTP) of a floating-point file beyond full scale, or none.

    Parameters
    ----------
    output : Path
        Written file. It is read again only if ``peak`` exceeds 1.
    peak : float
        Largest absolute sample before the file was written.
    """
    from spatialkit.files import info, stream
    from spatialkit.metrics import TruePeakMeter

    if peak <= 1.0 or info(output).subtype not in ("FLOAT", "DOUBLE"):
        return {}
    with stream(output) as audio:
        meter = TruePeakMeter(audio.channels, audio.sample_rate)
        for block in audio:
            meter.add(block)
    return {"true_peak_db": meter.finish()}


def check_file(path: Path, force: bool) -> None:
    """Raise an error if a file other than audio cannot be written or must not be replaced."""
    if path.is_dir():
        raise AudioFileError(f"{path} is a folder: name a file in it")
    if not path.absolute().parent.is_dir():
        raise AudioFileError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.exists() and not force:
        raise AudioFileError(f"{path} exists", command_line=": add --force to replace it")


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, with a final line break."""
    replace_file(path, f"{text}\n".encode())
