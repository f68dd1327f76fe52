"""Registry of upmixers: entry points of installed packages, and upmixers registered at run time.

Built-in and third-party upmixers use the same entry point group::

    [options.entry_points]
    spatialkit.upmixers =
        double = my_package:Double

Names are listed without an import. An upmixer is imported when it is requested; if that fails, the
error names its package. A package cannot replace a built-in upmixer of the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatialkit._distribution import DISTRIBUTION, describe_conflict, find_entry_points
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
    """Return the names that `get_upmixer` accepts, sorted; no upmixer is imported.

    Examples
    --------
    >>> "matrix" in upmixer_names()
    True
    """
    return tuple(sorted(name for name in {*_entries(), *_registered} if is_upmixer_name(name)))


def get_upmixer(name: str, **options: Any) -> Upmixer:
    """Return a new upmixer by name; no other upmixer is imported.

    Parameters
    ----------
    name : str
        One of `upmixer_names`.
    **options
        Options declared by the upmixer (`describe_options`, or ``spatialkit upmixers``).

    Raises
    ------
    UpmixerError
        If no upmixer has that name, it cannot be imported or used, or its declaration is invalid.
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
            f"upmixer {name!r} ({_origin(name)}) could not be created: {error_message(error)}"
        ) from error
    if not isinstance(upmixer, Upmixer):
        raise UpmixerError(
            f"upmixer {name!r} ({_origin(name)}) is a {type(upmixer).__name__}, "
            "not an Upmixer; derive it from spatialkit.upmixing.Upmixer"
        )
    upmixer.name = name  # may differ from the name of the class
    check_declaration(upmixer)
    return upmixer


def register_upmixer(name: str, factory: Callable[..., Upmixer]) -> None:
    """Register an upmixer under a name for the lifetime of the process.

    Packages use an entry point in the group ``spatialkit.upmixers`` instead.

    Parameters
    ----------
    name : str
        Letters, digits and "-".
    factory : callable
        Called with the options; returns the upmixer. Usually the class of the upmixer.

    Raises
    ------
    UpmixerError
        If the name is invalid or in use, or the factory is not callable.
    """
    if not is_upmixer_name(name):
        raise UpmixerError(f"upmixer name must consist of letters, digits and '-', got {name!r}")
    if not callable(factory):
        raise UpmixerError(f"factory must be callable, such as an Upmixer class, got {factory!r}")
    if name in _registered or name in _entries():
        raise UpmixerError(f"upmixer name {name!r} is in use by {_origin(name)}; choose another")
    _registered[name] = factory


def load_upmixer(name: str) -> Callable[..., Upmixer]:
    """Return the factory of an upmixer by name, usually its class.

    Raises
    ------
    UpmixerError
        If no upmixer or more than one has that name (a built-in one takes precedence), it cannot
        be imported, or the entry point is not a subclass of `Upmixer`.
    """
    name = _spelling(name)
    if name in _registered:
        return _registered[name]
    entries = _matching_entries(name)[0] if is_upmixer_name(name) else []
    if not entries:
        raise UpmixerError(unknown_name("upmixer", name, upmixer_names()))
    if len(entries) > 1:
        raise UpmixerError(
            f"more than one upmixer is named {name!r}: {_origin(name)}; uninstall all but one"
        )
    try:
        factory = entries[0].load()
    except (Exception, SystemExit) as error:  # a plug-in must not exit the program
        failed = f"upmixer {name!r} ({_origin(name)}) failed to import: {error_message(error)}"
        raise UpmixerError("; ".join(filter(None, (failed, describe_conflict())))) from error
    if not (isinstance(factory, type) and issubclass(factory, Upmixer)):
        kind = "class" if isinstance(factory, type) else type(factory).__name__
        raise UpmixerError(
            f"upmixer {name!r} ({_origin(name)}) is a {kind}, not an Upmixer class: the entry "
            "point must refer to a subclass of spatialkit.upmixing.Upmixer"
        )
    return factory


def _spelling(name: str) -> str:
    """Return the name of an upmixer as it is installed, for a name in upper or lower case."""
    return match_name(name, upmixer_names()) or name


@dataclass(frozen=True)
class UpmixerDescription:
    """Description of an upmixer, available without creating it."""

    name: str
    origin: str
    """Entry point and package: "matrix_pkg.core:Matrix, from matrix-pkg 1.2"."""
    summary: str = ""
    """First line of its docstring."""
    accepts: tuple[int, ...] = ()
    """Channel counts of the input."""
    sample_rate: int | None = None
    """Native sample rate in hertz, None for any."""
    format: str = ""
    """Name of the default output format, "" if it depends on the instance."""
    options: tuple[Option, ...] = ()
    problem: str = ""
    """Reason why the upmixer cannot be used, "" if it can."""


def describe_upmixers() -> tuple[UpmixerDescription, ...]:
    """Describe all upmixers, sorted by name; ``problem`` is set for those that cannot be used.

    Classes are imported, but no upmixer is created. An upmixer of a package with the name of a
    built-in one is listed before the built-in one, with a problem.

    Examples
    --------
    >>> {found.name: found.format for found in describe_upmixers()}["matrix"]
    '5.1'
    """
    entries = _entries()
    found = []
    for name in sorted({*entries, *_registered}):
        if len(entries.get(name, ())) > 1:
            problem = f"{name!r} is the name of a built-in upmixer; choose another"
            found += [
                UpmixerDescription(name=name, origin=origin, problem=problem)
                for origin in sorted(map(_entry_text, _matching_entries(name)[1]))
            ]
        found.append(_describe(name))
    return tuple(found)


def _describe(name: str) -> UpmixerDescription:
    origin = _origin(name)
    try:
        if not is_upmixer_name(name):
            raise UpmixerError("upmixer name must consist of letters, digits and '-'")
        factory: Any = load_upmixer(name)
        if isinstance(factory, type):
            check_class(factory)
        options = describe_options(factory)
        defaults = {option.name: option.text(option.default) for option in options}
        fixed = getattr(factory, "format", None)
        return UpmixerDescription(
            name=name,
            origin=origin,
            summary=(factory.__doc__ or "").strip().partition("\n")[0],
            accepts=tuple(getattr(factory, "accepts", ())),
            sample_rate=getattr(factory, "sample_rate", None),
            format=defaults.get("layout", "") if fixed is None else fixed.name,
            options=options,
            problem=factory.unavailable() if hasattr(factory, "unavailable") else "",
        )
    except Exception as error:  # an invalid plug-in must not prevent the listing
        return UpmixerDescription(name=name, origin=origin, problem=error_message(error))


def _entries() -> dict[str, list[EntryPoint]]:
    """Return the entry points of all installed packages by name."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in find_entry_points(GROUP):
        found.setdefault(entry.name, []).append(entry)
    return found


def _matching_entries(name: str) -> tuple[list[EntryPoint], list[EntryPoint]]:
    """Return the entry points of a name, and those that a built-in upmixer overrides."""
    entries = _entries().get(name, [])
    built_in = [entry for entry in entries if entry.dist and entry.dist.name == DISTRIBUTION]
    if not built_in:
        return entries, []
    return built_in, [entry for entry in entries if entry not in built_in]


def _origin(name: str) -> str:
    """Return the entry point and package of an upmixer as text."""
    if name in _registered:
        factory = _registered[name]
        kind = factory if hasattr(factory, "__qualname__") else type(factory)
        return f"{kind.__module__}.{kind.__qualname__}, registered"
    return "; ".join(sorted(map(_entry_text, _matching_entries(name)[0])))


def _entry_text(entry: EntryPoint) -> str:
    return f"{entry.value}, from {_package(entry)}" if entry.dist else entry.value


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""


def upmixer_package(name: str) -> str:
    """Return distribution and version of an upmixer; "" if it was registered at run time."""
    return "; ".join(sorted(filter(None, map(_package, _matching_entries(name)[0]))))
