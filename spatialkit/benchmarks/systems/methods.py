"""Functions of spatialkit that a benchmark offers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from numpy.typing import NDArray

from spatialkit._version import __version__
from spatialkit.benchmarks.systems.specification import require_distinct, split_options
from spatialkit.benchmarks.systems.system import System
from spatialkit.errors import OptionError
from spatialkit.layouts import Format
from spatialkit.validation import as_choice, unknown_name

__all__ = ["Method", "methods_by_name"]


@dataclass(frozen=True)
class Method:
    """Function with options that the command line can specify.

    Parameters
    ----------
    process : callable
        Function of audio (channels, samples), a sample rate and the options.
    options : mapping of str to type
        Type of each option: str, int or float.
    """

    process: Callable[..., NDArray[Any]]
    options: Mapping[str, type] = field(default_factory=dict)


def methods_by_name(
    given: Sequence[str | System] | None, methods: Mapping[str, Method], format: Format, kind: str
) -> list[System]:
    """Return systems from names of methods, with options as "NAME:KEY=VALUE,...", and systems.

    Parameters
    ----------
    given : sequence of str or System, optional
        By default all methods.
    methods : mapping of str to Method
    format : Layout or AmbisonicFormat
        Format of the output of the methods.
    kind : str
        Word for a method in messages.

    Raises
    ------
    OptionError
        If a name or an option is unknown, a value has another type, or two names are equal.
    """
    given = tuple(methods) if given is None else given
    require_distinct([each if isinstance(each, str) else each.name for each in given])
    return [
        each if isinstance(each, System) else _system(each, methods, format, kind) for each in given
    ]


def _system(text: str, methods: Mapping[str, Method], format: Format, kind: str) -> System:
    name = as_choice(text.partition(":")[0], kind, methods)
    method, options = methods[name], {}
    for key, value in split_options(text).items():
        if key not in method.options:
            raise OptionError(unknown_name(f"option of {name}", key, tuple(method.options)))
        try:
            options[key] = method.options[key](value)
        except ValueError:
            wanted = {int: "a whole number", float: "a number"}[method.options[key]]
            raise OptionError(f"option {key!r} of {name} must be {wanted}, got {value!r}") from None
    return System(
        text,
        partial(method.process, **options),
        format,
        origin=f"spatialkit {__version__}",
        facts={kind: name, "options": options},
    )
