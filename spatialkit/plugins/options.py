"""Options of plug-ins, declared in a frozen dataclass.

Validation, KEY=VALUE parsing on the command line, help and documentation use the declaration::

    @dataclass(frozen=True)
    class EchoOptions:
        layout: Layout = option("5.1", "Loudspeakers to upmix to.")
        delay: float = option(12.0, "Delay of the surrounds.", unit="ms", minimum=0.0, maximum=50.0)
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

import numpy as np

from spatialkit.errors import OptionError, SpatialkitError
from spatialkit.layouts import AmbisonicFormat, Layout, get_format, get_layout
from spatialkit.plugins.presets import expand_preset
from spatialkit.validation import as_choice, as_count, as_number, match_name, unknown_name

__all__ = [
    "NoOptions",
    "Option",
    "build_options",
    "describe_options",
    "option",
    "option_texts",
    "option_values",
    "parse_options",
]

_KINDS: dict[Any, str] = {
    bool: "yes or no",
    int: "whole number",
    float: "number",
    str: "text",
    Layout: "layout",
    Layout | AmbisonicFormat: "layout or format",
}
_WORDS = {
    **dict.fromkeys(("yes", "true", "on", "1"), True),
    **dict.fromkeys(("no", "false", "off", "0"), False),
}


def option(
    default: Any,
    help: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare a field of an options dataclass.

    The field's annotation is the type: bool, int, float, str, Layout or
    ``Layout | AmbisonicFormat``. A layout may be given by name; the dataclass then holds the
    object.

    Parameters
    ----------
    default : object
        Default of that type, in Python and on the command line.
    help : str
        Description in one sentence.
    unit : str
        Unit such as "dB", shown in help and errors.
    minimum, maximum : float
        Accepted range of a number, inclusive; None for no limit.
    choices : tuple of str
        Accepted strings; any string by default.
    """
    details = {
        "help": help,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
    }
    return dataclasses.field(default=default, metadata={"spatialkit": details})


@dataclass(frozen=True)
class NoOptions:
    """Options of a plug-in without options."""


@dataclass(frozen=True)
class Option:
    """Declaration, validation and parsing of one option of a plug-in.

    Attributes
    ----------
    name, help, unit : str
    type : type
        bool, int, float, str, Layout or ``Layout | AmbisonicFormat``.
    default : object
    minimum, maximum : float or None
    choices : tuple of str
    """

    name: str
    type: Any
    default: Any
    help: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def accepts(self) -> str:
        """Accepted values as text, such as "number from -60 to 10 dB" or "layout"."""
        if self.choices:
            return ", ".join(self.choices)
        unit = f" {self.unit}" if self.unit else ""
        if self.minimum is None and self.maximum is None:
            return _KINDS[self.type] + (f" of{unit}" if unit else "")
        minimum = "" if self.minimum is None else f" from {self.minimum:g}"
        maximum = "" if self.maximum is None else f" to {self.maximum:g}"
        return f"{_KINDS[self.type]}{minimum}{maximum}{unit}"

    def check(self, value: Any) -> Any:
        """Return ``value`` as the declared type; raise `OptionError` or `LayoutError`."""
        if self.type is bool:
            if not isinstance(value, (bool, np.bool_)):
                raise OptionError(f"{self.name} must be True or False, got {value!r}")
            return bool(value)
        if self.type in (int, float):
            if self.type is int:
                value = as_count(value, self.name, minimum=-sys.maxsize)
            minimum = -np.inf if self.minimum is None else self.minimum
            maximum = np.inf if self.maximum is None else self.maximum
            number = as_number(value, self.name, minimum=minimum, maximum=maximum, unit=self.unit)
            return value if self.type is int else number
        if self.type is str:
            if not isinstance(value, str):
                raise OptionError(f"{self.name} must be a string, got {value!r}")
            return as_choice(value, self.name, self.choices) if self.choices else value
        return get_layout(value) if self.type is Layout else get_format(value)

    def parse(self, text: str) -> Any:
        """Parse a command line value and validate it with `check`."""
        if self.type is bool:
            if text.lower() not in _WORDS:
                raise OptionError(f"{self.name} must be yes or no, got {text!r}")
            return _WORDS[text.lower()]
        if self.type is int:
            if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
                raise OptionError(f"{self.name} must be a whole number, got {text!r}")
            return self.check(int(text))
        return self.check(text)  # check accepts numbers and layouts as text

    def text(self, value: Any) -> str:
        """Return ``value`` as written on the command line."""
        if self.type is bool:
            return "yes" if value else "no"
        return str(getattr(value, "name", value))


@cache
def _declared(options_class: Any, error_class: type[SpatialkitError]) -> dict[str, Option]:
    """Return the declared options by name; raise ``error_class`` for an invalid declaration."""
    parameters = getattr(options_class, "__dataclass_params__", None)
    if not (isinstance(options_class, type) and parameters and parameters.frozen):
        raise error_class(f"options must be declared in a frozen dataclass, got {options_class!r}")
    types = get_type_hints(options_class)
    declared = {}
    for field in dataclasses.fields(options_class):
        where = f"option {field.name!r} of {options_class.__qualname__}"
        if "spatialkit" not in field.metadata:
            raise error_class(f"{where} must be declared with option(default, help)")
        if types[field.name] not in _KINDS:
            known = "bool, int, float, str, Layout, Layout | AmbisonicFormat"
            raise error_class(f"{where} has the type {types[field.name]!r}; accepted: {known}")
        details = field.metadata["spatialkit"]
        declared[field.name] = Option(field.name, types[field.name], field.default, **details)
    return declared


def _declared_options(plugin: Any) -> dict[str, Option]:
    error_class = getattr(plugin, "error_class", SpatialkitError)
    return _declared(getattr(plugin, "options_class", NoOptions), error_class)


def _find(plugin: Any, key: str) -> Option:
    declared = _declared_options(plugin)
    if key not in declared:
        kind, name = getattr(plugin, "kind", "plug-in"), getattr(plugin, "name", plugin)
        raise OptionError(f"{kind} {name!r}: {unknown_name('option', key, declared)}")
    return declared[key]


def build_options(plugin: Any, values: Mapping[str, Any]) -> Any:
    """Create the options dataclass of a plug-in from validated values and defaults.

    The key "preset" stands for the options of that preset, see `describe_presets`.
    """
    own = "preset" in _declared_options(plugin)  # an option of this name is an option
    expanded = dict(values) if own else expand_preset(plugin, values)
    given = {key: _find(plugin, key).check(value) for key, value in expanded.items()}
    defaults = {
        key: declared.check(declared.default)
        for key, declared in _declared_options(plugin).items()
        if key not in given
    }
    return getattr(plugin, "options_class", NoOptions)(**defaults, **given)


def describe_options(plugin: Any) -> tuple[Option, ...]:
    """Return the options of a plug-in, in the order of their declaration.

    Parameters
    ----------
    plugin : Plugin or a subclass of it

    Examples
    --------
    >>> from spatialkit.upmixing.passive import Matrix
    >>> for option in describe_options(Matrix):
    ...     print(f"{option.name} ({option.accepts}; {option.text(option.default)})")
    layout (layout; 5.1)
    width (number from 0 to 90 degrees; 30.0)
    center (number from 0 to 1; 1.0)
    ambience (number from -60 to 12 dB; 0.0)
    front_rear (number from -1 to 1; 0.0)
    height (number from -60 to 12 dB; 0.0)
    exact_downmix (yes or no; no)
    """
    return tuple(_declared_options(plugin).values())


def parse_options(plugin: Any, texts: Mapping[str, str]) -> dict[str, Any]:
    """Parse options given as text, such as KEY=VALUE, to values.

    Parameters
    ----------
    plugin : Plugin or a subclass of it
    texts : mapping of str to str
        Values by name. A bool is yes, true, on, 1 or no, false, off, 0, in any case. The name of a
        preset has the key "preset".

    Raises
    ------
    OptionError
        If an option is unknown, or its value is not accepted.
    LayoutError
        If a layout is unknown.

    Examples
    --------
    >>> from spatialkit.upmixing.passive import Matrix
    >>> parse_options(Matrix, {"ambience": "-3"})
    {'ambience': -3.0}
    """
    names = _declared_options(plugin)
    chosen = {} if "preset" in names else {k: v for k, v in texts.items() if k == "preset"}
    expand_preset(plugin, chosen)  # an unknown name is an error
    others = {key: text for key, text in texts.items() if key not in chosen}
    found = [(_find(plugin, match_name(key, names) or key), text) for key, text in others.items()]
    return {**chosen, **{option.name: option.parse(text) for option, text in found}}


def option_values(plugin: Any) -> dict[str, Any]:
    """Return the option values of a plug-in by name.

    ``type(plugin)(**option_values(plugin))`` creates an equivalent plug-in.

    Parameters
    ----------
    plugin : Plugin

    Examples
    --------
    >>> from spatialkit.upmixing.passive import AllChannelStereo
    >>> option_values(AllChannelStereo())
    {'gain': 0.5, 'exact_downmix': False}
    """
    # dataclasses.asdict would convert layouts, which are dataclasses, to dictionaries.
    return {key: getattr(plugin.options, key) for key in _declared_options(plugin)}


def option_texts(plugin: Any) -> dict[str, str]:
    """Return the options of a plug-in as text, as written on the command line."""
    declared = _declared_options(plugin)
    return {key: declared[key].text(value) for key, value in option_values(plugin).items()}
