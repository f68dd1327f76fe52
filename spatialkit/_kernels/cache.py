"""Files of machine code, in folders that nobody else can write."""

from __future__ import annotations

import os
import stat
import sys
import warnings
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from types import FunctionType

from spatialkit._kernels.machine_code import MachineCode, target
from spatialkit.errors import SpatialkitWarning

__all__ = ["find", "store"]

_DIGEST_SIZE = 32
_warned: set[Path] = set()


def find(function: FunctionType, signature: object) -> MachineCode | None:
    """Return the machine code of a function for given types of arguments, None if there is none.

    Files that others can write, that are damaged, or that belong to another version of the source
    code are ignored.
    """
    try:
        for path in _paths(function, signature):
            if path.is_file() and _are_trusted(path.parent, path):
                content = path.read_bytes()
                digest, payload = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
                if digest == _digest(function, signature, payload):
                    symbol, _, code = payload.partition(b"\n")
                    return MachineCode(symbol.decode(), code)
    except OSError:
        pass
    return None


def store(function: FunctionType, signature: object, code: MachineCode) -> None:
    """Store machine code in the first folder where that is possible."""
    payload = code.symbol.encode() + b"\n" + code.content
    for path in _paths(function, signature):
        try:
            _make_folder(path.parent)
            if _are_trusted(path.parent):
                _write(path, _digest(function, signature, payload) + payload)
                return
        except OSError:
            continue


def _paths(function: FunctionType, signature: object) -> Iterator[Path]:
    """Yield the files that may contain the machine code of a function, the preferred one first."""
    module = Path(function.__code__.co_filename)
    name = blake2b(f"{target()} {signature}".encode(), digest_size=8).hexdigest()
    name = f"{module.stem}.{function.__name__}-{name}.kernel"
    if os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(os.environ["NUMBA_CACHE_DIR"], "spatialkit", name)
    else:
        yield module.parent / "__pycache__" / name
        yield _user_cache() / "spatialkit" / name


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local"))
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _digest(function: FunctionType, signature: object, payload: bytes) -> bytes:
    """Return the digest of machine code and all that it was made from."""
    source = Path(function.__code__.co_filename).read_bytes()
    parts = (source, target().encode(), repr(signature).encode(), payload)
    sizes = repr([len(part) for part in parts]).encode()
    return blake2b(sizes + b"".join(parts), digest_size=_DIGEST_SIZE).digest()


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o755, exist_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Write a file completely or not at all; others cannot write it, whatever the umask."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
            file.write(content)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _are_trusted(folder: Path, *files: Path) -> bool:
    """Return whether nobody else can write a folder and files of it; warn once if somebody can."""
    exposed = [path for path in (folder, *files) if not _is_private(path)]
    if exposed and folder not in _warned:
        _warned.add(folder)
        warnings.warn(
            f"compiled code in {folder} is not used, because {exposed[0]} belongs to another user "
            "or can be written by others; use chmod go-w, or set NUMBA_CACHE_DIR to a folder of "
            "your own",
            SpatialkitWarning,
            stacklevel=2,
        )
    return not exposed


def _is_private(path: Path) -> bool:
    """Return whether a path belongs to the user or root, and nobody else can write it."""
    if not hasattr(os, "geteuid"):  # Windows: access is controlled by the folder of the user
        return True
    status = path.stat()
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
