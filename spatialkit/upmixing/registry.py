"""Registry of upmixers: entry points of installed packages, and upmixers registered at run time.

Built-in and third-party upmixers use the same entry point group::

    [options.entry_points]
    spatialkit.upmixers =
        double = my_package:Double
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spatialkit.plugins import Option, PluginDescription, Registry
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
class UpmixerDescription(PluginDescription):
    """Description of an upmixer, available without creating it."""

    format: str = ""
    """Name of the default output format, "" if it depends on the instance."""


def describe_upmixers() -> tuple[UpmixerDescription, ...]:
    """Describe all upmixers, sorted by name; ``problem`` is set for those that cannot be used.

    Classes are imported, but no upmixer is created. An upmixer of a package with the name of a
    built-in one is listed before the built-in one, with a problem.

    Examples
    --------
    >>> {found.name: found.format for found in describe_upmixers()}["matrix"]
    '5.1'
    """
    return UPMIXERS.describe(UpmixerDescription, _facts)


def _facts(factory: Any, options: Mapping[str, Option]) -> dict[str, Any]:
    """Return the fields of a description that only upmixers have."""
    if isinstance(factory, type):
        check_class(factory)
    fixed = getattr(factory, "format", None)
    if fixed is not None:
        return {"format": fixed.name}
    layout = options.get("layout")
    return {"format": layout.text(layout.default) if layout else ""}


def upmixer_package(name: str) -> str:
    """Return distribution and version of an upmixer; "" if it was registered at run time."""
    return UPMIXERS.package(name)
