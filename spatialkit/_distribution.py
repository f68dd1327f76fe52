"""The distribution: its name and extras, a conflict with another one, entry points of packages."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["DISTRIBUTION", "describe_conflict", "extra", "find_entry_points"]

DISTRIBUTION = "spatialkit-audio"
PACKAGE = Path(__file__).parent


def describe_conflict(package: Path = PACKAGE) -> str:
    """Return one sentence on a distribution that overwrites files of this package, "" if none.

    On PyPI the name ``spatialkit`` belongs to a project for 3D vision whose package has the same
    import name: installed side by side, the later of the two replaces ``spatialkit/__init__.py``,
    and uninstalling one removes it.

    Parameters
    ----------
    package : Path
        Folder of this package.
    """
    repair = f"`pip install --force-reinstall --no-deps {DISTRIBUTION}`"
    # A glob takes 1 ms, importlib.metadata 20 ms: most environments never need it.
    for folder in sorted(package.parent.glob("spatialkit-*.dist-info")):
        from importlib.metadata import Distribution

        other = Distribution.at(folder)
        if any(file.as_posix() == "spatialkit/__init__.py" for file in other.files or ()):
            return (
                f"the distribution {other.name} {other.version} installs files over those of "
                f"{DISTRIBUTION}: run `pip uninstall {other.name}`, then {repair}, or install "
                "the two in separate environments"
            )
    if not (package / "__init__.py").exists():
        return f"{DISTRIBUTION} is incomplete ({package} has no __init__.py): run {repair}"
    return ""


def extra(name: str) -> str:
    """Return the name of an extra and the command that installs it, for an error message.

    Examples
    --------
    >>> extra("plot")
    "spatialkit's extra `plot` (pip install 'spatialkit-audio[plot]')"
    """
    return f"spatialkit's extra `{name}` (pip install '{DISTRIBUTION}[{name}]')"


def find_entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group in all installed packages.

    The metadata of all packages are read again only when a folder of ``sys.path`` has changed.
    """
    return _read_entry_points(group, tuple(map(_state, sys.path)))


@lru_cache(maxsize=16)
def _read_entry_points(group: str, folders: tuple[object, ...]) -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points  # 20 ms

    return tuple(entry_points(group=group))


def _state(folder: str) -> tuple[str, int, int]:
    """Return values that differ after a package is installed in a folder or removed from it."""
    try:
        status = os.stat(folder or ".")
    except OSError:
        return folder, 0, 0
    return folder, status.st_ino, status.st_mtime_ns
