"""What commands share: options, reading with a format, careful outputs, tables and JSON."""

from __future__ import annotations

import math
import os
import textwrap
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit._json import to_json
from spatialkit.errors import AudioFileError, LayoutError

if TYPE_CHECKING:
    from spatialkit.files import Audio
    from spatialkit.layouts import AmbisonicFormat, Layout

WIDTH = 80
WRITTEN = "File to write: .wav, .flac; .ogg or .opus if mono or stereo."
FILE = click.Path(path_type=Path)
OWN = "a .json file of IEM or SPARTA"


class LayoutName(click.ParamType):
    """Name of a layout or format, or the `Layout` in a file of JSON."""

    name = "layout"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | Layout:
        return resolve(value) if isinstance(value, str) else value


def resolve(name: str) -> str | Layout:
    """``name`` itself, or the layout in the file if it ends in .json."""
    if not name.lower().endswith(".json"):
        return name
    from spatialkit.layouts import Layout

    try:
        return Layout.from_json(Path(name).read_text("utf-8-sig"))
    except OSError as error:
        raise LayoutError(f"{name} cannot be read: {error.strerror}") from error
    except (LayoutError, UnicodeDecodeError) as error:
        raise LayoutError(f"{name}: {error}") from error


def _note_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and context.obj is not None:
        context.obj["debug"] = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_note_debug,
    help="Show the traceback of an error.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
force_option = click.option("--force", is_flag=True, help="Replace an existing output.")
file_argument = click.argument("source", metavar="IN", type=FILE)
output_option = click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=FILE,
    help=WRITTEN,
)
from_option = click.option(
    "--from",
    "source_format",
    type=LayoutName(),
    metavar="FORMAT",
    help=f"What the channels of IN are, if IN does not say: a layout, {OWN}, or "
    "ambix1 ... ambix7, fuma1 ... fuma3.",
)
layout_option = click.option(
    "--layout",
    type=LayoutName(),
    metavar="NAME",
    default="5.0",
    show_default=True,
    help=f"See: spatialkit layouts; or {OWN}.",
)


def command(*examples: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function: called as its module, with examples below its help."""

    def make(function: Callable[..., Any]) -> click.Command:
        name = function.__module__.rpartition(".")[2]
        title = "Examples:" if len(examples) > 1 else "Example:"
        epilog = "\n".join(["\b", title, *(f"  {example}" for example in examples)])
        return debug_option(click.command(name, epilog=epilog)(function))

    return make


def read_input(path: Path, source_format: str | Layout | None = None) -> Audio:
    """Sound of a file, finite."""
    from spatialkit.files import read
    from spatialkit.validation import require_finite

    audio = read(path, format=source_format)
    require_finite(audio.samples, str(path))
    return audio


def read_known(
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


def counted(number: int, thing: str) -> str:
    """Return "1 channel" or "2 channels"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def decibels(amplitude: float) -> float:
    """20 log10, -inf for 0."""
    return 20.0 * math.log10(amplitude) if amplitude > 0.0 else -math.inf


def print_output(facts: dict[str, Any], as_json: bool) -> None:
    """Say what was written."""
    if as_json:
        print_json(facts)
        return
    peak = round(facts["peak_db"], 1) + 0.0  # no "-0.0"
    order = " in WAVE order" if facts["reordered"] else ""
    channels = counted(facts["channels"], "channel")
    click.echo(
        f"{printable(facts['output'])}: {facts['format']}{order}, {channels}, "
        f"{facts['duration']:.2f} s at {facts['sample_rate']} Hz, peak {peak:.1f} dB"
    )


def print_error(sentence: str, debug: bool) -> None:
    """Print why something failed, on stderr, behind the traceback if that is wanted."""
    if debug:
        traceback.print_exc()
    click.echo(f"Error: {printable(' '.join(sentence.splitlines()))}", err=True)


def print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning in one line on stderr: takes the place of `warnings.showwarning`."""
    click.echo(f"warning: {printable(' '.join(str(message).splitlines()))}", err=True)


def printable(text: str) -> str:
    """``text`` with those bytes of a file's name that are no UTF-8 written as Python does it."""
    return text.encode(errors="backslashreplace").decode()


def print_json(facts: Any) -> None:
    """Print as `to_json` writes it."""
    click.echo(to_json(facts, indent=2))


def json_line(facts: Any) -> str:
    """``facts`` as `print_json` prints them, in one line."""
    return to_json(facts) + "\n"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns; the last one goes on in the next line where the terminal ends."""
    widths = [max(map(len, column)) + 2 for column in zip(header, *rows, strict=True)][:-1]
    for row in (header, *rows):
        first = "".join(f"{cell:<{width}}" for cell, width in zip(row[:-1], widths, strict=True))
        print_wrapped(first + row[-1], rest=sum(widths))


def print_wrapped(text: str, *, first: int = 0, rest: int = 0) -> None:
    """Print a paragraph, its first and its other lines indented by so much."""
    click.echo(
        textwrap.fill(
            text,
            WIDTH,
            initial_indent=" " * first,
            subsequent_indent=" " * rest,
            break_on_hyphens=False,
        )
    )
