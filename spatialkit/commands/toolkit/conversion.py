"""Conversion of audio files block by block, with a progress bar."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands.toolkit.encoding import encoding_of_command
from spatialkit.commands.toolkit.files import scene_format, written_facts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spatialkit.files import AudioStream
    from spatialkit.layouts import AmbisonicFormat, Format
    from spatialkit.setups import LoudspeakerSetup

# Seconds before a progress bar appears.
DELAY = 0.5
BAR = "{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s of audio [{elapsed}<{remaining}, {rate_fmt}]"

_hidden: ContextVar[bool] = ContextVar("hidden", default=False)
_listener: ContextVar[Callable[[float], None] | None] = ContextVar("listener", default=None)


@contextmanager
def hidden_progress() -> Iterator[None]:
    """Print no progress bar of single files, such as in a batch with a bar of its own."""
    before = _hidden.set(True)
    try:
        yield
    finally:
        _hidden.reset(before)


@contextmanager
def reported_progress(listener: Callable[[float], None]) -> Iterator[None]:
    """Call a function with the progress of single files, 0 to 1, instead of printing a bar."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)


@contextmanager
def progress_bar() -> Iterator[Callable[[float, float], Any]]:
    """Print a progress bar on stderr, if it is a terminal and the command does not print JSON.

    Yields
    ------
    callable
        Called with the seconds of audio that have been processed since the last call, and those of
        the whole file.
    """
    if listener := _listener.get():
        yield _ratio_for(listener)
        return
    context = click.get_current_context(silent=True)
    if _hidden.get() or context is None or context.params.get("as_json") or not sys.stderr.isatty():
        yield lambda done, seconds: None
        return
    from tqdm import tqdm

    size = shutil.get_terminal_size()  # tqdm prints nothing if it finds no size itself
    options = {"bar_format": BAR, "unit": " s", "ncols": size.columns - 1, "nrows": size.lines}
    with tqdm(total=1.0, leave=False, delay=DELAY, **options) as bar:

        def report(done: float, seconds: float) -> None:
            bar.total = seconds
            bar.update(done)

        yield report


def _ratio_for(listener: Callable[[float], None]) -> Callable[[float, float], None]:
    total = 0.0

    def report(done: float, seconds: float) -> None:
        nonlocal total
        total += done
        listener(min(total / seconds, 1.0) if seconds > 0.0 else 0.0)

    return report


@dataclass(frozen=True)
class Conversion:
    """Conversion of the blocks of a file.

    Parameters
    ----------
    function : callable
        Converts samples (channels, n) to samples of the output, of the same length or, with
        ``flush``, as far as they are ready.
    format : Layout or AmbisonicFormat, optional
        Format of the output; None if it has none.
    channels : int, optional
        Number of channels of an output without format.
    whole : bool
        Whether the function needs the whole file, because it depends on time.
    flush : callable, optional
        Returns the rest of the output after the last block, of a function that holds samples back.
    """

    function: Callable[[Any], NDArray[Any]]
    format: Format | None
    channels: int | None = None
    whole: bool = False
    flush: Callable[[], NDArray[Any]] | None = None


def convert_file(
    source: Path,
    output: Path,
    reading: Mapping[str, Any],
    plan: Callable[[AudioStream], Conversion],
    *,
    force: bool,
    setup: LoudspeakerSetup | None = None,
) -> dict[str, Any]:
    """Convert an audio file with the peak guard, in constant memory unless it is needed whole.

    Parameters
    ----------
    source, output : Path
    reading : mapping
        Arguments of `spatialkit.files.stream`, see `reading_options`.
    plan : callable
        Called with the open source; returns the conversion.
    force : bool
        Whether an existing output is replaced.
    setup : LoudspeakerSetup, optional
        Loudspeakers to which the output is adjusted, whose layout is its format.

    Returns
    -------
    dict
        As from `written_facts`; for a source with tags also the keys that were written ("tags"),
        number of "pictures", "tags_left_out" and "tag_notes".

    Raises
    ------
    AudioFileError, LayoutError, OptionError
        As for `spatialkit.read` and `spatialkit.write`.
    SignalError
        If a sample is NaN or infinite.
    """
    import numpy as np

    from spatialkit.files import held_tags, read_tags, stream, write_stream
    from spatialkit.tags import Tags, carried_over
    from spatialkit.validation import require_finite

    with stream(source, **reading) as audio:
        conversion = plan(audio)
        room = None if setup is None else setup.filter(audio.sample_rate)

        def write(samples: NDArray[Any]) -> None:
            target.write(samples if room is None else room.process(samples))

        encoding = encoding_of_command()
        found = Tags() if encoding.get("no_tags") else read_tags(source)
        kept, left_out = carried_over(found)
        tags, notes = held_tags(kept, output)
        with (
            write_stream(
                output,
                audio.sample_rate,
                format=conversion.format,
                channels=conversion.channels,
                samples=audio.samples,
                subtype=encoding.get("subtype"),
                bit_rate=encoding.get("bit_rate"),
                tags=tags,
                peak_guard=True,
                overwrite=force,
            ) as target,
            progress_bar() as report,
        ):
            size = audio.samples if conversion.whole else 0
            whole, done = np.empty((audio.channels, size), np.float32), 0
            for block in audio if audio.samples else [whole]:
                since = f" from sample {done} on" if done else ""
                require_finite(block, f"{source}{since}")
                end = done + block.shape[1]
                if conversion.whole:
                    whole[:, done:end] = block
                else:
                    write(conversion.function(block))
                done = end
                report(block.shape[1] / audio.sample_rate, audio.duration)
            if conversion.whole:
                write(conversion.function(whole))
            if conversion.flush:
                write(conversion.flush())
    facts = written_facts(output, conversion.format, target)
    if found:
        facts |= {"tags": list(tags), "pictures": len(tags.pictures), "tags_left_out": left_out}
        facts |= {"tag_notes": notes} if notes else {}
    return facts


def convert_scene(
    source: Path,
    output: Path,
    reading: Mapping[str, Any],
    plan: Callable[[AudioStream, AmbisonicFormat], Conversion],
    *,
    force: bool,
    setup: LoudspeakerSetup | None = None,
) -> dict[str, Any]:
    """Convert an Ambisonic file as `convert_file` does.

    Parameters
    ----------
    source, output, reading, force, setup
        As for `convert_file`.
    plan : callable
        Called with the open source and its format; returns the conversion.

    Returns
    -------
    dict
        As from `convert_file`, with the fact "read_as" if the source does not specify a format.

    Raises
    ------
    LayoutError
        If the file is not Ambisonics.
    AudioFileError, OptionError, SignalError
        As for `convert_file`.
    """
    assumed = {}

    def plan_scene(audio: AudioStream) -> Conversion:
        scene = scene_format(source, audio.format, audio.channels)
        if audio.format is None:
            assumed["read_as"] = scene.name
        return plan(audio, scene)

    facts = convert_file(source, output, reading, plan_scene, force=force, setup=setup)
    return facts | assumed
