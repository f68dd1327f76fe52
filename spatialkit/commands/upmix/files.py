"""Which files ``spatialkit upmix`` reads, and what they become."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from spatialkit.errors import AudioFileError, OptionError

# Of inputs that would become one output, the pairs that are named.
MOST_NAMED = 5
# What is taken from a folder: sound files, not films.
SOUND = (
    *(".wav", ".wave", ".rf64", ".bw64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".caf", ".au", ".snd"),
    *(".m4a", ".aac", ".ac3", ".eac3", ".wma", ".mka", ".wv", ".tta"),
)


@dataclass(frozen=True)
class Pair:
    """A file and what becomes of it."""

    source: Path
    output: Path
    name: str
    """Of the output below its folder, with "/"."""


class Shard(click.ParamType):
    """Part of all files, "2/8": number and count."""

    name = "I/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", value)
        number, parts = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= parts:
            raise OptionError(f"--shard must be I/N with I from 1 to N, such as 2/8; got {value!r}")
        return number, parts


def in_shard(name: str, shard: tuple[int, int] | None) -> bool:
    """Whether a file belongs to a part: by its name, so that the others need not be there."""
    if shard is None:
        return True
    number, parts = shard
    return int(sha256(os.fsencode(name)).hexdigest(), 16) % parts == number - 1


def is_folder(sources: Sequence[Path], output: str) -> bool:
    """Whether the output is a folder: it is there, ends in a slash, or has to be."""
    # A path of pathlib would not know any more that it ended in a slash.
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        return True
    # Not source.is_dir(): that fails if a name is too long.
    folders = [source for source in sources if os.path.isdir(source)]
    if len(sources) == 1 and not folders:
        return False
    if output.lower().endswith((".wav", ".flac", ".ogg", ".opus")):
        why = f"the folder {folders[0]}" if folders else f"{len(sources)} inputs"
        raise AudioFileError(f"{output} must be a folder for {why}")
    return True


def pairs_in(folder: Path, sources: Sequence[Path]) -> list[Pair]:
    """What the inputs become in a folder; folders keep the structure below them."""
    pairs: list[Pair] = []
    first: dict[str, Path] = {}
    twins = []
    for source in sources:
        for path, below in _files(source, folder):
            name = below.with_suffix(".wav").as_posix()
            if name in first:
                twins.append(f"{first[name]} and {path} would both become {folder / name}")
            first.setdefault(name, path)
            pairs.append(Pair(path, folder / name, name))
    if twins:
        more = len(twins) - MOST_NAMED
        named = "; ".join(twins[:MOST_NAMED]) + (f"; and so would {more} more pairs" * (more > 0))
        raise AudioFileError(f"{named}: rename one of each, or choose another OUT for it")
    return pairs


def _files(source: Path, output: Path) -> Iterator[tuple[Path, Path]]:
    """Sound files of an input, each also as it is called below it."""
    if not os.path.isdir(source):
        yield source, Path(source.name)
        return
    kept = output.resolve()
    if source.resolve() == kept:
        raise AudioFileError(f"OUT is the input folder {source}: choose another")
    found = False
    for folder, inner, names in os.walk(source, onerror=_refuse):
        # Not what an earlier run has made, nor what is hidden.
        inner[:] = sorted(
            name for name in inner if name[0] != "." and Path(folder, name).resolve() != kept
        )
        for name in sorted(names):
            if name[0] != "." and name.lower().endswith(SOUND):
                found = True
                path = Path(folder, name)
                yield path, path.relative_to(source)
    if not found:
        raise AudioFileError(f"no sound file is in the folder {source}")


def _refuse(error: OSError) -> None:
    raise AudioFileError(f"{error.filename} cannot be read: {error.strerror}") from error


@contextmanager
def kept_if_used(folder: Path) -> Iterator[None]:
    """Leave no empty folder where something fails that would have been made in it."""
    new = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
    try:
        yield
    except BaseException:
        with suppress(OSError):  # something lies in it
            for path in new:
                path.rmdir()
        raise


def make_folders(root: Path, pairs: Sequence[Pair]) -> None:
    """Make the folders of all outputs; none leads out of the root."""
    from spatialkit.files import check_target

    parents = sorted({root, *(pair.output.parent for pair in pairs)})
    for parent in parents:
        if not parent.resolve().is_relative_to(root.resolve()):
            raise AudioFileError(f"{parent} is a link that leads out of {root}: remove it")
    try:
        for parent in parents:
            parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(f"folder {parent} cannot be made: {error.strerror}") from error
    for pair in pairs:
        check_target(pair.output, overwrite=True)
