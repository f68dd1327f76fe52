"""Files of commands that process many songs: inputs, and the outputs that belong to them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from spatialkit.errors import AudioFileError
from spatialkit.files import format_suffix

__all__ = [
    "AUDIO_EXTENSIONS",
    "Pair",
    "is_folder",
    "make_folders",
    "pairs_in",
    "removed_if_empty",
]

# Number of conflicts between outputs that an error message lists.
MAX_CONFLICTS = 5
# Extensions of the files that are processed in a folder: audio, not video.
AUDIO_EXTENSIONS = (
    *(".wav", ".wave", ".rf64", ".bw64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".caf", ".au", ".snd"),
    *(".m4a", ".aac", ".ac3", ".eac3", ".dts", ".mp2", ".wma", ".mka", ".wv", ".tta"),
    *(".ape", ".mpc", ".tak", ".dsf", ".dff"),
)


@dataclass(frozen=True)
class Pair:
    """Input file and output file."""

    source: Path
    output: Path
    name: str
    """Path of the output relative to the output folder, with "/"."""


def is_folder(sources: Sequence[Path], output: str) -> bool:
    """Return whether the output is a folder: exists as one, ends in a slash, or must be one.

    Raises
    ------
    AudioFileError
        If it must be a folder but has the extension of an audio file.
    """
    # pathlib.Path would drop a final slash.
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        return True
    # Not source.is_dir(), which raises for a name that is too long.
    folders = [source for source in sources if os.path.isdir(source)]
    if len(sources) == 1 and not folders:
        return False
    if format_suffix(Path(output)):
        why = f"the folder {folders[0]}" if folders else f"{len(sources)} inputs"
        raise AudioFileError(f"{output} must be a folder for {why}")
    return True


def pairs_in(
    folder: Path,
    sources: Sequence[Path],
    suffix: str,
    named: Callable[[Path, PurePosixPath], PurePosixPath] | None = None,
    advice: str = "rename one of each pair, or use another OUT for it",
) -> list[Pair]:
    """Return the files of all inputs and their outputs in a folder, with the same subfolders.

    Parameters
    ----------
    folder : Path
    sources : sequence of Path
    suffix : str
        Suffix of the outputs.
    named : callable, optional
        Function that returns the name of an output, without suffix, from its input and the
        subfolder of the input; by default that of the input.
    advice : str
        What to do if several inputs have the same output.

    Raises
    ------
    AudioFileError
        If several inputs have the same output, or an input folder has no audio file.
    """
    pairs: list[Pair] = []
    first: dict[str, Path] = {}
    conflicts = []
    for source in sources:
        for path, below in _files(source, folder):
            name = below.with_suffix(suffix).as_posix()
            key = name
            if named is not None:
                name = f"{named(path, PurePosixPath(below.parent))}{suffix}"
                # Names that differ in case or composition only are equal on some file systems.
                key = unicodedata.normalize("NFC", name).casefold()
            if key in first:
                conflicts.append(f"{first[key]} and {path} have the same output {folder / name}")
            first.setdefault(key, path)
            pairs.append(Pair(path, folder / name, name))
    if conflicts:
        more = len(conflicts) - MAX_CONFLICTS
        listed = "; ".join(conflicts[:MAX_CONFLICTS]) + f"; and {more} more pairs" * (more > 0)
        raise AudioFileError(f"{listed}: {advice}")
    return pairs


def _files(source: Path, output: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the audio files of an input, each with its path relative to the input."""
    if not os.path.isdir(source):
        yield source, Path(source.name)
        return
    excluded = output.resolve()
    if source.resolve() == excluded:
        raise AudioFileError(f"OUT is the input folder {source}: choose another folder")
    found = False
    for folder, inner, names in os.walk(source, onerror=_raise_unreadable):
        # Skip hidden files and the outputs of an earlier run.
        inner[:] = sorted(
            name for name in inner if name[0] != "." and Path(folder, name).resolve() != excluded
        )
        for name in sorted(names):
            if name[0] != "." and name.lower().endswith(AUDIO_EXTENSIONS):
                found = True
                path = Path(folder, name)
                yield path, path.relative_to(source)
    if not found:
        raise AudioFileError(f"the folder {source} contains no audio file")


def _raise_unreadable(error: OSError) -> None:
    raise AudioFileError(f"{error.filename} cannot be read: {error.strerror}") from error


@contextmanager
def removed_if_empty(folder: Path) -> Iterator[None]:
    """Remove a new folder, and its new parents, if an error leaves it empty."""
    new = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
    try:
        yield
    except BaseException:
        with suppress(OSError):  # not empty
            for path in new:
                path.rmdir()
        raise


def make_folders(root: Path, pairs: Sequence[Pair]) -> None:
    """Create the folders of all outputs.

    Raises
    ------
    AudioFileError
        If a folder is a link to a place outside of ``root``, or cannot be created.
    """
    parents = sorted({root, *(pair.output.parent for pair in pairs)})
    for parent in parents:
        if not parent.resolve().is_relative_to(root.resolve()):
            raise AudioFileError(f"{parent} is a link to a folder outside of {root}: remove it")
    try:
        for parent in parents:
            parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(f"folder {parent} cannot be created: {error.strerror}") from error
