"""Files of the conditions of a listening test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.audio import Audio
    from spatialkit.layouts import Layout

__all__ = ["add_upmixes", "files_of", "items_of", "named_values"]


def items_of(
    songs: Sequence[Path], conditions: Sequence[str], references: dict[str, Path]
) -> dict[str, dict[str, Any]]:
    """Return the files of the conditions by item; files in folders are matched by name."""
    found = {
        name: files_of(Path(path))
        for name, path in named_values(conditions, "--condition", "ambience=ambience/").items()
    }
    if references:
        found = {"the reference": references, **found}
    names = {name: list(files) for name, files in found.items()}
    if not names:
        return {item: {} for song in songs for item in files_of(song)}
    first = next(iter(names.values()))
    for name, own in names.items():
        # Single files are one item, however they are called.
        if len(own) == len(first) == 1:
            found[name] = {first[0]: next(iter(found[name].values()))}
        elif set(own) != set(first):
            missing = sorted(set(first) ^ set(own))[0]
            raise OptionError(
                f"{name} and {next(iter(names))} must have files of the same names; {missing!r} is "
                "in one of them only"
            )
    found.pop("the reference", None)
    return {item: {name: files[item] for name, files in found.items()} for item in first}


def add_upmixes(
    items: dict[str, dict[str, Any]],
    upmixers: Sequence[str],
    songs: Sequence[Path],
    references: dict[str, Path],
    layout: str | Layout | None,
    excerpt: tuple[float, float],
) -> None:
    """Add the upmixes of the songs, or of the stereo downmixes of the references."""
    if songs and not upmixers:
        raise OptionError("IN needs --upmixer; files to compare are conditions: -c NAME=PATH")
    if not upmixers:
        return
    if songs and references:
        raise OptionError("IN and --reference are mutually exclusive with --upmixer")
    if not (songs or references):
        raise OptionError("--upmixer needs songs as IN, or --reference")
    sources = references or {item: path for song in songs for item, path in files_of(song).items()}
    if set(sources) != set(items):
        raise OptionError("IN and --condition must have files of the same names")
    from spatialkit.listening import upmix_conditions

    made = {name: toolkit.make_upmixer(name, (), _option_of(name, layout)) for name in upmixers}
    for item, path in sources.items():
        items[item] |= upmix_conditions(_stereo(path, *excerpt), made)


def _option_of(name: str, layout: str | Layout | None) -> str | Layout | None:
    """Return the layout if the upmixer has such an option."""
    from spatialkit.upmixing import describe_options, load_upmixer

    known = [option.name for option in describe_options(load_upmixer(name))]
    return layout if "layout" in known else None


def _stereo(path: Path, start: float, duration: float) -> Audio[Any]:
    """Return a file up to the end of the excerpt, as mono or stereo."""
    from dataclasses import replace

    from spatialkit.downmix import downmix
    from spatialkit.files import info
    from spatialkit.layouts import get_layout

    length = info(path).duration
    needed = start + duration + 1.0
    audio = toolkit.read_input(path, **({"duration": needed} if needed < length else {}))
    if len(audio.samples) <= 2:
        return audio
    if audio.format is None:
        raise OptionError(f"{path} has {len(audio.samples)} channels without a format")
    stereo = get_layout("stereo")
    return replace(audio, samples=downmix(audio.samples, audio.format), format=stereo)


def files_of(path: Path) -> dict[str, Path]:
    """Return a file, or the audio files in a folder, by their names without extension."""
    if not path.is_dir():
        return {path.stem: path}
    found = {
        each.stem: each
        for each in sorted(path.iterdir())
        if each.is_file() and not each.name.startswith(".")
    }
    if not found:
        raise OptionError(f"the folder {path} has no files")
    return found


def named_values(values: Sequence[str], option: str, example: str) -> dict[str, str]:
    """Return NAME=VALUE arguments by name."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not (name and equals and text):
            raise OptionError(f"{option} must be NAME=VALUE, such as {example}; got {value!r}")
        if name in found:
            raise OptionError(f"{option} {name!r} is specified twice")
        found[name] = text
    return found
