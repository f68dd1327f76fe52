"""Registry of upmixers: entry points of installed packages, and upmixers registered at run time.

Built-in and third-party upmixers use the same entry point group::

    [options.entry_points]
    spatialkit.upmixers =
        double = my_package:Double
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spatialkit.errors import UpmixerError, error_message
from spatialkit.plugins import Option, Registry, describe_options, is_plugin_name
from spatialkit.upmixing.declaration import check_class, check_declaration
from spatialkit.upmixing.interface import Upmixer

__all__ = [
    "UpmixerDescription",
    "describe_upmixers",
    "get_upmixer",
    "load_upmixer",
    "register_upmixer",
    "upmixer_names",
    "upmixer_package",
]

UPMIXERS = Registry(Upmixer, "spatialkit.upmixers", check_declaration)


def upmixer_names() -> tuple[str, ...]:
    """Return the names that `get_upmixer` accepts, sorted; no upmixer is imported.

    Examples
    --------
    >>> "matrix" in upmixer_names()
    True
    """
    return UPMIXERS.names()


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
    return UPMIXERS.create(name, options)


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
    UPMIXERS.register(name, factory)


def load_upmixer(name: str) -> Callable[..., Upmixer]:
    """Return the factory of an upmixer by name, usually its class.

    Raises
    ------
    UpmixerError
        If no upmixer or more than one has that name (a built-in one takes precedence), it cannot
        be imported, or the entry point is not a subclass of `Upmixer`.
    """
    return UPMIXERS.load(name)


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
    entries = UPMIXERS.entries()
    found = []
    for name in sorted({*entries, *UPMIXERS.registered}):
        if len(entries.get(name, ())) > 1:
            problem = f"{name!r} is the name of a built-in upmixer; choose another"
            found += [
                UpmixerDescription(name=name, origin=origin, problem=problem)
                for origin in sorted(map(UPMIXERS.entry_text, UPMIXERS.matching_entries(name)[1]))
            ]
        found.append(_describe(name))
    return tuple(found)


def _describe(name: str) -> UpmixerDescription:
    origin = UPMIXERS.origin(name)
    try:
        if not is_plugin_name(name):
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


def upmixer_package(name: str) -> str:
    """Return distribution and version of an upmixer; "" if it was registered at run time."""
    return UPMIXERS.package(name)
