"""``spatialkit upmix``."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import _common
from spatialkit.errors import (
    AudioFileError,
    LayoutError,
    OptionError,
    SpatialkitError,
    UpmixerError,
)

if TYPE_CHECKING:
    from spatialkit.upmixing.interface import Upmixer


@_common.command(
    "spatialkit upmix song.wav -o surround.wav --layout 7.1.4",
    "spatialkit upmix a.flac b.flac -o surround/ -O surround=-3",
)
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=_common.FILE)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    help="File to write, .wav or .flac; or a folder, always so for several inputs: one that "
    "exists, or ends in /.",
)
@click.option(
    "--upmixer",
    "name",
    metavar="NAME",
    default="matrix",
    show_default=True,
    help="See: spatialkit upmixers.",
)
@click.option(
    "--layout",
    metavar="NAME",
    help=f"Layout to upmix to, or {_common.OWN}: short for -O layout=...",
)
@click.option(
    "-O",
    "--option",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Option of the upmixer; may be repeated.",
)
@_common.force_option
@_common.json_option
def command(
    sources: tuple[Path, ...],
    output: str,
    name: str,
    layout: str | None,
    settings: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> int:
    """Upmix stereo or mono to surround or Ambisonics.

    What is printed: the fold-down is the ratio of IN to what the upmix, folded down to as many
    channels (ITU-R BS.775; Ambisonics: W), differs from it; the correction is what would have to
    be added to the upmix to make it exact, relative to the upmix.
    """
    from tqdm import tqdm

    upmixer = _make(name, settings, layout)
    outputs = _outputs(sources, output, force)
    done: list[dict[str, Any]] = []
    failed = 0
    quiet = as_json or len(sources) == 1 or not sys.stderr.isatty()
    progress = tqdm(sources, unit="file", leave=False, disable=quiet)
    for source, target in zip(progress, outputs, strict=True):
        try:
            facts = _upmix(upmixer, source, target, force)
        except SpatialkitError as error:
            if len(sources) == 1:
                raise
            failed += 1
            facts = {"input": str(source), "error": str(error)}
            with tqdm.external_write_mode():
                _common.print_error(str(error), click.get_current_context().obj["debug"])
        done.append(facts)
        if not as_json and "error" not in facts:
            with tqdm.external_write_mode():
                _print(facts)
    if as_json:
        _common.print_json(done)
    return 1 if failed else 0


def _make(name: str, settings: Sequence[str], layout: str | None) -> Upmixer:
    from spatialkit.layouts import AmbisonicFormat, Layout
    from spatialkit.upmixing.options import describe_options, parse_options
    from spatialkit.upmixing.registry import get_upmixer, load_upmixer

    texts: dict[str, Any] = {} if layout is None else {"layout": layout}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not (key and equals):
            raise OptionError(f"-O takes KEY=VALUE, got {setting!r}")
        if key in texts:
            raise OptionError(f"option {key!r} is given twice")
        texts[key] = value
    upmixer = load_upmixer(name)
    for option in describe_options(upmixer):
        if option.name in texts and option.type in (Layout, Layout | AmbisonicFormat):
            texts[option.name] = _common.resolve(texts[option.name])
    return get_upmixer(name, **parse_options(upmixer, texts))


def _outputs(sources: Sequence[Path], output: str, force: bool) -> list[Path]:
    """Where each input goes; whatever speaks against it is said before any work."""
    # A path of pathlib would not know any more that it ended in a slash.
    is_folder = output.endswith(("/", os.sep)) or os.path.isdir(output)
    if not is_folder and len(sources) > 1:
        if output.lower().endswith((".wav", ".flac", ".ogg", ".opus")):
            raise AudioFileError(f"{output} must be a folder for {len(sources)} inputs")
        is_folder = True
    outputs = _outputs_in(Path(output), sources) if is_folder else [Path(output)]
    for target in outputs:
        _common.check_output(target, sources, force)
    return outputs


def _outputs_in(folder: Path, sources: Sequence[Path]) -> list[Path]:
    """Files of a folder, which is made if need be."""
    outputs = [folder / f"{source.stem}.wav" for source in sources]
    for n, target in enumerate(outputs):
        if target in outputs[:n]:
            first = sources[outputs.index(target)]
            raise AudioFileError(f"{first} and {sources[n]} would both become {target}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(f"folder {folder} cannot be made: {error.strerror}") from error
    return outputs


def _upmix(upmixer: Upmixer, source: Path, output: Path, force: bool) -> dict[str, Any]:
    audio = _common.read_input(source)
    try:
        upmix = upmixer.upmix(audio.samples, audio.sample_rate)
    except Exception as error:  # whatever a plug-in raises: the other files go on
        kind = "" if isinstance(error, SpatialkitError) else f"{type(error).__name__}: "
        raise UpmixerError(f"{source}: {kind}{error}") from error
    folded = _fold_down(upmix, audio.samples, upmixer.format)
    facts = _common.write_output(output, upmix, audio.sample_rate, upmixer.format, force)
    return {"input": str(source), "upmixer": upmixer.name, **facts, **folded}


def _fold_down(upmix: Any, original: Any, format: Any) -> dict[str, float]:
    """How well the upmix folds down, and how large a correction would make it exact, in dB."""
    from spatialkit.downmix import correction_size
    from spatialkit.metrics import downmix_error

    try:
        error = float(downmix_error(upmix, original, format))
        correction = correction_size(upmix, original, format)
    except LayoutError:  # no rule for these loudspeakers
        return {"downmix_error_db": math.nan, "downmix_correction_db": math.nan}
    return {"downmix_error_db": error, "downmix_correction_db": float(correction)}


def _print(facts: dict[str, Any]) -> None:
    _common.print_output(facts, as_json=False)
    error, correction = facts["downmix_error_db"], facts["downmix_correction_db"]
    folded = f"fold-down {error:.1f} dB, correction {correction:.1f} dB"
    if math.isnan(correction):
        folded = "no rule folds these loudspeakers down"
    click.echo(f"  from {facts['input']} by {facts['upmixer']}; {folded}")
