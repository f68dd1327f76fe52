"""Registry of separators: entry points of installed packages, and names registered at run time.

Built-in and third-party separators use the same entry point group::

    [options.entry_points]
    spatialkit.separators =
        thirds = my_package:Thirds
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spatialkit.plugins import (
    PluginDescription,
    Registry,
    describe_options,
    is_plugin_name,
)
from spatialkit_models.separation.interface import Separator, SeparatorError
from spatialkit_models.stem_names import STEMS

__all__ = [
    "SeparatorDescription",
    "check_declaration",
    "describe_separators",
    "get_separator",
    "load_separator",
    "register_separator",
    "separator_names",
]


def check_declaration(separator: Separator) -> None:
    """Raise a SeparatorError if a declaration of the separator is invalid."""
    if not isinstance(separator, Separator):
        raise SeparatorError(f"separator must be a Separator, got {separator!r}")
    rate, stems, window = separator.sample_rate, separator.stems, separator.window
    lasts = isinstance(window, (int, float)) and window > 0.0
    rules = {
        "name must be letters, digits and '-'": is_plugin_name(separator.name),
        f"sample_rate must be hertz or None, got {rate!r}": rate is None
        or (type(rate) is int and rate > 0),
        f"stems must be a tuple of some of {', '.join(STEMS)}, in this order, got {stems!r}": stems
        and isinstance(stems, tuple)
        and stems == tuple(stem for stem in STEMS if stem in stems),
        f"window must be seconds above 0 or None, got {window!r}": window is None or lasts,
        "overlap must be from 0 s to half of window": window is None
        or (lasts and 0.0 <= separator.overlap <= window / 2),
        f"version must be a text that is not empty, got {separator.version!r}": separator.version
        and isinstance(separator.version, str),
        f"options must be an instance of {separator.options_class.__name__}, its options_class": (
            isinstance(getattr(separator, "options", None), separator.options_class)
        ),
    }
    for rule, holds in rules.items():
        if not holds:
            raise SeparatorError(f"separator {getattr(separator, 'name', separator)!r}: {rule}")
    describe_options(separator)


SEPARATORS = Registry(
    Separator,  # type: ignore[type-abstract]
    "spatialkit.separators",
    check_declaration,
)


def separator_names() -> tuple[str, ...]:
    """Return the names that `get_separator` accepts, sorted; no separator is imported.

    Examples
    --------
    >>> "folder" in separator_names()
    True
    """
    return SEPARATORS.names()


def get_separator(name: str, **options: Any) -> Separator:
    """Return a new separator by name; no other separator is imported.

    Parameters
    ----------
    name : str
        One of `separator_names`, in upper or lower case.
    **options
        Options declared by the separator (`spatialkit.upmixing.describe_options`).

    Raises
    ------
    SeparatorError
        If no separator has that name, it cannot be imported or used, or its declaration is invalid.
    OptionError
        If the separator has no such option, or does not accept the value.
    """
    return SEPARATORS.create(name, options)


def register_separator(name: str, factory: Callable[..., Separator]) -> None:
    """Register a separator under a name for the lifetime of the process.

    Packages use an entry point in the group ``spatialkit.separators`` instead.

    Parameters
    ----------
    name : str
        Letters, digits and "-".
    factory : callable
        Called with the options; returns the separator. Usually its class.

    Raises
    ------
    SeparatorError
        If the name is invalid or in use, or the factory is not callable.
    """
    SEPARATORS.register(name, factory)


def load_separator(name: str) -> Callable[..., Separator]:
    """Return the factory of a separator by name, usually its class.

    Raises
    ------
    SeparatorError
        If no separator or more than one has that name, or it cannot be imported.
    """
    return SEPARATORS.load(name)


@dataclass(frozen=True)
class SeparatorDescription(PluginDescription):
    """Description of a separator, available without creating it."""

    stems: tuple[str, ...] = ()
    """Names of the stems; those of an instance may be fewer."""


def describe_separators() -> tuple[SeparatorDescription, ...]:
    """Describe all separators, sorted by name; ``problem`` is set for those that cannot be used.

    Classes are imported, but no separator is created.

    Examples
    --------
    >>> {found.name: found.stems for found in describe_separators()}["folder"]
    ('vocals', 'drums', 'bass', 'other')
    """
    return SEPARATORS.describe(
        SeparatorDescription,
        lambda factory, options: {"stems": tuple(getattr(factory, "stems", ()))},
    )
