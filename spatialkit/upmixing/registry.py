"""Upmixers by name: those of installed packages (entry points) and those registered at run time.

Built-in upmixers come through the same door as everyone's::

    [options.entry_points]
    spatialkit.upmixers =
        double = my_package:Double

Names are known without importing anything; an upmixer is imported when it is asked for, and a
broken one says which package it came from. No package takes the name of a built-in upmixer from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatialkit._distribution import DISTRIBUTION, describe_conflict
from spatialkit.errors import SpatialkitError, UpmixerError, error_message
from spatialkit.upmixing.declaration import check_class, check_declaration, is_upmixer_name
from spatialkit.upmixing.interface import Upmixer
from spatialkit.upmixing.options import Option, describe_options
from spatialkit.validation import match_name, unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "UpmixerDescription",
    "describe_upmixers",
    "get_upmixer",
    "load_upmixer",
    "register_upmixer",
    "upmixer_names",
]

GROUP = "spatialkit.upmixers"
_registered: dict[str, Callable[..., Upmixer]] = {}


def upmixer_names() -> tuple[str, ...]:
    """Names that `get_upmixer` knows, sorted; nothing is imported to find them.

    Examples
    --------
    >>> "matrix" in upmixer_names()
    True
    """
    return tuple(sorted(name for name in {*_entries(), *_registered} if is_upmixer_name(name)))


def get_upmixer(name: str, **options: Any) -> Upmixer:
    """Upmixer of that name; no other one is imported.

    Parameters
    ----------
    name : str
        One of `upmixer_names`.
    **options
        As the upmixer declares them (`describe_options`, or ``spatialkit upmixers``).

    Raises
    ------
    UpmixerError
        If no upmixer has that name, it cannot be imported or used, or what it declares of itself
        is amiss.
    OptionError
        If the upmixer has no such option, or does not accept the value.

    Examples
    --------
    >>> import numpy as np
    >>> matrix = get_upmixer("matrix", layout="7.1.4")
    >>> matrix.upmix(np.zeros((2, 480)), 48000).shape
    (12, 480)
    """
    name = _spelling(name)
    factory = load_upmixer(name)
    try:
        upmixer = factory(**options)
    except SpatialkitError:
        raise
    except Exception as error:
        raise UpmixerError(
            f"upmixer {name!r} ({_origin(name)}) could not be made: {error_message(error)}"
        ) from error
    if not isinstance(upmixer, Upmixer):
        raise UpmixerError(
            f"upmixer {name!r} ({_origin(name)}) is a {type(upmixer).__name__}, "
            "not an Upmixer: derive it from spatialkit.upmixing.Upmixer"
        )
    upmixer.name = name  # what it was asked for by, whatever its class calls itself
    check_declaration(upmixer)
    return upmixer


def register_upmixer(name: str, factory: Callable[..., Upmixer]) -> None:
    """Make an upmixer known by name, until this process ends.

    Packages do it with an entry point in the group ``spatialkit.upmixers`` instead.

    Parameters
    ----------
    name : str
        Letters, digits and "-".
    factory : callable
        Called with the options, returns the upmixer: its class, as a rule.

    Raises
    ------
    UpmixerError
        If the name is no such name or is taken, or the factory cannot be called.
    """
    if not is_upmixer_name(name):
        raise UpmixerError(f"an upmixer's name is made of letters, digits and '-', got {name!r}")
    if not callable(factory):
        raise UpmixerError(f"factory must be callable, such as an Upmixer class, got {factory!r}")
    if name in _registered or name in _entries():
        raise UpmixerError(f"upmixer name {name!r} is taken by {_origin(name)}: choose another")
    _registered[name] = factory


def load_upmixer(name: str) -> Callable[..., Upmixer]:
    """What makes the upmixer of that name: its class, as a rule.

    Raises
    ------
    UpmixerError
        If no upmixer has that name, more than one has (a built-in one goes first), it cannot be
        imported, or the entry point names no class that derives from `Upmixer`.
    """
    name = _spelling(name)
    if name in _registered:
        return _registered[name]
    entries = _claims(name)[0] if is_upmixer_name(name) else []
    if not entries:
        raise UpmixerError(unknown_name("upmixer", name, upmixer_names()))
    if len(entries) > 1:
        raise UpmixerError(
            f"more than one upmixer is called {name!r}: {_origin(name)}; uninstall all but one"
        )
    try:
        factory = entries[0].load()
    except (Exception, SystemExit) as error:  # a plug-in must not end the program
        failed = f"upmixer {name!r} ({_origin(name)}) failed to import: {error_message(error)}"
        raise UpmixerError("; ".join(filter(None, (failed, describe_conflict())))) from error
    if not (isinstance(factory, type) and issubclass(factory, Upmixer)):
        kind = "class" if isinstance(factory, type) else type(factory).__name__
        raise UpmixerError(
            f"upmixer {name!r} ({_origin(name)}) is a {kind} that is no Upmixer: an entry point "
            "must name a class derived from spatialkit.upmixing.Upmixer"
        )
    return factory


def _spelling(name: str) -> str:
    """Return the name of an upmixer as it is installed, for a name in upper or lower case."""
    return match_name(name, upmixer_names()) or name


@dataclass(frozen=True)
class UpmixerDescription:
    """What can be said of an upmixer without making one."""

    name: str
    origin: str
    """Where it comes from: "matrix_pkg.core:Matrix, from matrix-pkg 1.2"."""
    summary: str = ""
    """First line of its docstring."""
    accepts: tuple[int, ...] = ()
    """Channel counts of the input."""
    sample_rate: int | None = None
    """Native rate in hertz, None for any."""
    format: str = ""
    """Name of what comes out by default, "" where only the upmixer itself knows."""
    options: tuple[Option, ...] = ()
    problem: str = ""
    """Why it cannot be used, "" if it can."""


def describe_upmixers() -> tuple[UpmixerDescription, ...]:
    """Describe every upmixer, in the order of their names; a broken one carries its problem.

    Their classes are imported, but no upmixer is made. Where a package brings an upmixer with the
    name of a built-in one, that is described, too, before the built-in one, as broken.

    Examples
    --------
    >>> {found.name: found.format for found in describe_upmixers()}["matrix"]
    '5.1'
    """
    entries = _entries()
    found = []
    for name in sorted({*entries, *_registered}):
        if len(entries.get(name, ())) > 1:
            problem = f"{name!r} is the name of a built-in upmixer: it needs another"
            found += [
                UpmixerDescription(name=name, origin=origin, problem=problem)
                for origin in sorted(map(_place, _claims(name)[1]))
            ]
        found.append(_describe(name))
    return tuple(found)


def _describe(name: str) -> UpmixerDescription:
    origin = _origin(name)
    try:
        if not is_upmixer_name(name):
            raise UpmixerError("a name is made of letters, digits and '-'")
        made_by: Any = load_upmixer(name)
        if isinstance(made_by, type):
            check_class(made_by)
        options = describe_options(made_by)
        by_default = {option.name: option.text(option.default) for option in options}
        fixed = getattr(made_by, "format", None)
        return UpmixerDescription(
            name=name,
            origin=origin,
            summary=(made_by.__doc__ or "").strip().partition("\n")[0],
            accepts=tuple(getattr(made_by, "accepts", ())),
            sample_rate=getattr(made_by, "sample_rate", None),
            format=by_default.get("layout", "") if fixed is None else fixed.name,
            options=options,
            problem=made_by.unavailable() if hasattr(made_by, "unavailable") else "",
        )
    except Exception as error:  # whatever a plug-in does wrong, the others are still listed
        return UpmixerDescription(name=name, origin=origin, problem=error_message(error))


def _entries() -> dict[str, list[EntryPoint]]:
    """Entry points of all installed packages by name."""
    from importlib.metadata import entry_points  # 20 ms

    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, []).append(entry)
    return found


def _claims(name: str) -> tuple[list[EntryPoint], list[EntryPoint]]:
    """Entry points that the name stands for, and those that a built-in upmixer keeps from it."""
    entries = _entries().get(name, [])
    built_in = [entry for entry in entries if entry.dist and entry.dist.name == DISTRIBUTION]
    if not built_in:
        return entries, []
    return built_in, [entry for entry in entries if entry not in built_in]


def _origin(name: str) -> str:
    """Where the upmixer called ``name`` comes from, for people."""
    if name in _registered:
        factory = _registered[name]
        kind = factory if hasattr(factory, "__qualname__") else type(factory)
        return f"{kind.__module__}.{kind.__qualname__}, registered"
    return "; ".join(sorted(map(_place, _claims(name)[0])))


def _place(entry: EntryPoint) -> str:
    return f"{entry.value}, from {_package(entry)}" if entry.dist else entry.value


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""


def upmixer_package(name: str) -> str:
    """Distribution and version that the upmixer comes from; "" if it is registered."""
    return "; ".join(sorted(filter(None, map(_package, _claims(name)[0]))))
