"""Compilation of loops with numba, cached on disk where a cache folder is writable."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
from numba.core import event

from spatialkit._compiling import CLOCK
from spatialkit.errors import SpatialkitWarning

__all__ = ["kernel"]


def kernel(function: Callable[..., object]) -> Any:
    """Compile a function on its first call for each combination of argument types.

    Kernels contain loops only, no checks and no errors. The compiled code is stored beside the
    module or in numba's user cache. Where that fails, each process compiles again: numba refuses to
    import a cached function if it finds no writable folder (a read-only container without a home),
    and fails in the call if the disk or quota of the folder is full, or a file in it is damaged.
    The files contain machine code and pickled objects: they are used only if the user or root owns
    them and the folder, and nobody else can write them.
    """
    try:
        with _private_mode():  # numba creates the folder
            compiled = numba.njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:
        return numba.njit(function, nogil=True, error_model="numpy")
    if hasattr(compiled, "_cache"):  # not with NUMBA_DISABLE_JIT
        compiled._cache = _TolerantCache(compiled._cache)
    return compiled


class _TolerantCache:
    """Cache of numba in which a failure, or a file that others can write, is a miss."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, *arguments: Any) -> Any:
        try:
            return self._cache.load_overload(*arguments) if self._is_private() else None
        except Exception:  # unpickling damaged files raises anything
            return None

    def save_overload(self, *arguments: Any) -> None:
        try:
            if self._is_private():  # saving reads the index
                with _private_mode():
                    self._cache.save_overload(*arguments)
        except Exception:
            return

    def _is_private(self) -> bool:
        """Return whether nobody else can write the folder and the files of this function."""
        folder = Path(self._cache.cache_path)
        names = f"{self._cache._impl.filename_base}.*"
        exposed = [path for path in (folder, *folder.glob(names)) if not _is_private(path)]
        if exposed:
            _warn_of(str(exposed[0]))
        return not exposed


def _is_private(path: Path) -> bool:
    """Return whether a path belongs to the user or root, and nobody else can write it."""
    if not hasattr(os, "geteuid"):  # Windows: access is controlled by the folder of the user
        return True
    try:
        status = path.stat()
    except FileNotFoundError:  # replaced or removed by another process
        return True
    writable = stat.S_IWOTH
    if status.st_mode & stat.S_IWGRP and not _is_private_group(status.st_gid):
        writable |= stat.S_IWGRP
    return status.st_uid in (os.geteuid(), 0) and not status.st_mode & writable


def _is_private_group(number: int) -> bool:
    """Return whether a group is that of the user alone, as most Linux systems create it."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(number)
    except KeyError:
        return False
    return (user.pw_gid, user.pw_name, []) == (number, group.gr_name, group.gr_mem)


_warned: set[str] = set()


def _warn_of(path: str) -> None:
    folder = os.path.dirname(path) if os.path.isfile(path) else path
    if folder not in _warned:
        _warned.add(folder)
        warnings.warn(
            f"compiled code in {folder} is not used, because {path} belongs to another user or can "
            "be written by others; use chmod go-w, or set NUMBA_CACHE_DIR to a folder of your own",
            SpatialkitWarning,
            stacklevel=2,
        )


@contextmanager
def _private_mode() -> Iterator[None]:
    """Create files and folders that others cannot write."""
    before = os.umask(0o077)
    os.umask(before | stat.S_IWGRP | stat.S_IWOTH)
    try:
        yield
    finally:
        os.umask(before)


class _ClockListener(event.Listener):
    """Listener that runs the clock during compilations; loading from the cache is none."""

    def on_start(self, event: Any) -> None:
        CLOCK.start()

    def on_end(self, event: Any) -> None:
        CLOCK.stop()


event.register("numba:compile", _ClockListener())
