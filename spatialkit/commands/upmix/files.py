"""Stems, shards and reports of the files of ``spatialkit upmix``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.errors import AudioFileError, OptionError

if TYPE_CHECKING:
    from spatialkit.commands.file_pairs import Pair
    from spatialkit.upmixing import Upmixer


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


def report_path(output: str | Path) -> Path:
    """Return the path of the report of an upmix, beside it.

    Examples
    --------
    >>> report_path("albums/song.wav").as_posix()
    'albums/song.report.html'
    """
    path = Path(output)
    return path.with_name(f"{path.stem}.report.html")
