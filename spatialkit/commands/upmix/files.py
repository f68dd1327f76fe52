"""Input and output files of ``spatialkit upmix``."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands.upmix.naming import name_of
from spatialkit.errors import AudioFileError, OptionError
from spatialkit.files import format_suffix

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer

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


@dataclass(frozen=True)
class StemFolders:
    """Folders of stems, one per input file, in the folder of ``--stems-root``."""

    root: Path | None = None

    @classmethod
    def of(cls, root: Path | None, upmixer: Upmixer) -> StemFolders:
        """Return the folders.

        Raises
        ------
        OptionError
            If the upmixer uses no stems, or its option is set, too.
        AudioFileError
            If ``root`` is no folder.
        """
        from spatialkit.upmixing import option_values

        options = option_values(upmixer)
        if root is None:
            return cls()
        if "stems" not in options:
            raise OptionError(
                f"--stems-root has no effect: upmixer {upmixer.name!r} has no option stems"
            )
        if options["stems"]:
            raise OptionError("--stems-root and -O stems= are mutually exclusive: pass one of them")
        if not root.is_dir():
            raise AudioFileError(
                f"{root} is not a folder: --stems-root must be one with a folder of stems per song"
            )
        return cls(root)

    def options(self, pair: Pair, *, absolute: bool = False) -> dict[str, str]:
        """Return the option of the upmixer for a file, whose folder may be missing."""
        if self.root is None:
            return {}
        folder = self.root / pair.source.stem
        return {"stems": os.path.abspath(folder) if absolute else str(folder)}

    def check_batch(self, upmixer: Upmixer, pairs: Sequence[Pair]) -> None:
        """Raise an OptionError if several songs would be upmixed with the stems of one."""
        from spatialkit.upmixing import option_values

        if len(pairs) > 1 and option_values(upmixer).get("stems"):
            raise OptionError(
                f"-O stems= is the folder of one song, got {len(pairs)} songs: use --stems-root "
                "DIR, with a folder of stems per song"
            )


def stem_files(folder: str | os.PathLike[str], source: str | os.PathLike[str]) -> list[str]:
    """Return the files in the folder of a song's stems.

    Raises
    ------
    AudioFileError
        If the folder does not exist or cannot be read.
    """
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError as error:
        raise AudioFileError(
            f"{folder} cannot be read ({error.strerror}): --stems-root must contain a folder with "
            f"the stems of {source}, named {Path(source).stem}"
        ) from error


class Shard(click.ParamType):
    """Shard of the files, "2/8": number and count."""

    name = "I/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", value)
        number, count = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= count:
            raise OptionError(f"--shard must be I/N with I from 1 to N, such as 2/8; got {value!r}")
        return number, count


def in_shard(name: str, shard: tuple[int, int] | None) -> bool:
    """Return whether a file belongs to a shard, which depends on nothing but its name."""
    if shard is None:
        return True
    number, count = shard
    return int(sha256(os.fsencode(name)).hexdigest(), 16) % count == number - 1


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
    suffix: str = ".wav",
    template: str | None = None,
    facts: Mapping[str, str] | None = None,
) -> list[Pair]:
    """Return the files of all inputs and their outputs in a folder, with the same subfolders.

    Parameters
    ----------
    folder : Path
    sources : sequence of Path
    suffix : str
        Suffix of the outputs.
    template : str, optional
        Template of the names of outputs, see `naming.name_of`. One with "/" replaces the
        subfolders.
    facts : mapping, optional
        Values of fields of the template.

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
            if template is not None:
                named = name_of(template, path, facts or {})
                parent = PurePosixPath() if "/" in template else PurePosixPath(below.parent)
                name = f"{parent / named}{suffix}"
            key = name
            if template is not None:
                # Names that differ in case or composition only are equal on some file systems.
                key = unicodedata.normalize("NFC", name).casefold()
            if key in first:
                conflicts.append(f"{first[key]} and {path} have the same output {folder / name}")
            first.setdefault(key, path)
            pairs.append(Pair(path, folder / name, name))
    if conflicts:
        more = len(conflicts) - MAX_CONFLICTS
        listed = "; ".join(conflicts[:MAX_CONFLICTS]) + f"; and {more} more pairs" * (more > 0)
        advice = "rename one of each pair, or use another OUT for it"
        if template is not None:
            advice = f"make --name {template!r} more specific, such as with {{track}} or {{name}}"
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


def report_path(output: str | Path) -> Path:
    """Return the path of the report of an upmix, beside it.

    Examples
    --------
    >>> report_path("albums/song.wav").as_posix()
    'albums/song.report.html'
    """
    path = Path(output)
    return path.with_name(f"{path.stem}.report.html")


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
    from spatialkit.files import check_target

    parents = sorted({root, *(pair.output.parent for pair in pairs)})
    for parent in parents:
        if not parent.resolve().is_relative_to(root.resolve()):
            raise AudioFileError(f"{parent} is a link to a folder outside of {root}: remove it")
    try:
        for parent in parents:
            parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(f"folder {parent} cannot be created: {error.strerror}") from error
    for pair in pairs:
        check_target(pair.output, overwrite=True)
