"""Options of upmixers, declared once: a frozen dataclass whose fields say all there is to say.

Validation, the shell's KEY=VALUE, its help and the documents are made from the declaration::

    @dataclass(frozen=True)
    class EchoOptions:
        layout: Layout = option("5.1", "Loudspeakers to upmix to.")
        delay: float = option(12.0, "Delay of the surrounds.", unit="ms", least=0.0, most=50.0)
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

from spatialkit.errors import OptionError, UpmixerError
from spatialkit.layouts import AmbisonicFormat, Layout, get_format, get_layout
from spatialkit.validation import as_choice, as_count, as_number, match_name, unknown_name

__all__ = ["NoOptions", "Option", "describe_options", "option", "option_values", "parse_options"]

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
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Field of an options dataclass.

    The field's annotation is the type: bool, int, float, str, Layout or
    ``Layout | AmbisonicFormat``. A layout may be given by name; the dataclass then holds the
    object.

    Parameters
    ----------
    default : object
        Of that type; the same in Python and in the shell.
    help : str
        One sentence.
    unit : str
        Such as "dB"; shown in help and in errors.
    least, most : float
        Accepted range of a number, both ends included; None for no limit.
    choices : tuple of str
        Accepted texts; any text if left out.
    """
    details = {"help": help, "unit": unit, "least": least, "most": most, "choices": choices}
    return dataclasses.field(default=default, metadata={"spatialkit": details})


@dataclass(frozen=True)
class NoOptions:
    """The options of an upmixer that has none."""


@dataclass(frozen=True)
class Option:
    """One option of an upmixer: its declaration, and the checks that follow from it.

    Attributes
    ----------
    name, help, unit : str
    type : type
        bool, int, float, str, Layout or ``Layout | AmbisonicFormat``.
    default : object
    least, most : float or None
    choices : tuple of str
    """

    name: str
    type: Any
    default: Any
    help: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def accepts(self) -> str:
        """What the shell accepts, in words: "number from -60 to 10 dB", "layout"."""
        if self.choices:
            return ", ".join(self.choices)
        unit = f" {self.unit}" if self.unit else ""
        if self.least is None and self.most is None:
            return _KINDS[self.type] + (f" of{unit}" if unit else "")
        least = "" if self.least is None else f" from {self.least:g}"
        most = "" if self.most is None else f" to {self.most:g}"
        return f"{_KINDS[self.type]}{least}{most}{unit}"

    def check(self, value: Any) -> Any:
        """``value`` as the declared type, or an `OptionError` (`LayoutError` for a layout)."""
        if self.type is bool:
            if not isinstance(value, (bool, np.bool_)):
                raise OptionError(f"{self.name} must be True or False, got {value!r}")
            return bool(value)
        if self.type in (int, float):
            if self.type is int:
                value = as_count(value, self.name, minimum=-sys.maxsize)
            least = -np.inf if self.least is None else self.least
            most = np.inf if self.most is None else self.most
            number = as_number(value, self.name, minimum=least, maximum=most, unit=self.unit)
            return value if self.type is int else number
        if self.type is str:
            if not isinstance(value, str):
                raise OptionError(f"{self.name} must be a text, got {value!r}")
            return as_choice(value, self.name, self.choices) if self.choices else value
        return get_layout(value) if self.type is Layout else get_format(value)

    def parse(self, text: str) -> Any:
        """Value that ``text`` of the shell means, checked as `check` does."""
        if self.type is bool:
            if text.lower() not in _WORDS:
                raise OptionError(f"{self.name} must be yes or no, got {text!r}")
            return _WORDS[text.lower()]
        if self.type is int:
            if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
                raise OptionError(f"{self.name} must be a whole number, got {text!r}")
            return self.check(int(text))
        return self.check(text)  # numbers and layouts are understood as text, too

    def text(self, value: Any) -> str:
        """``value`` as the shell would write it."""
        if self.type is bool:
            return "yes" if value else "no"
        return str(getattr(value, "name", value))


@cache
def _declared(options_class: Any) -> dict[str, Option]:
    """Options by name, or the reason why the declaration is none."""
    parameters = getattr(options_class, "__dataclass_params__", None)
    if not (isinstance(options_class, type) and parameters and parameters.frozen):
        raise UpmixerError(f"options must be declared in a frozen dataclass, got {options_class!r}")
    types = get_type_hints(options_class)
    declared = {}
    for field in dataclasses.fields(options_class):
        where = f"option {field.name!r} of {options_class.__qualname__}"
        if "spatialkit" not in field.metadata:
            raise UpmixerError(f"{where} must be declared with option(default, help)")
        if types[field.name] not in _KINDS:
            known = "bool, int, float, str, Layout, Layout | AmbisonicFormat"
            raise UpmixerError(f"{where} has the type {types[field.name]!r}; accepted: {known}")
        details = field.metadata["spatialkit"]
        declared[field.name] = Option(field.name, types[field.name], field.default, **details)
    return declared


def _declared_of(upmixer: Any) -> dict[str, Option]:
    return _declared(getattr(upmixer, "options_class", NoOptions))


def _find(upmixer: Any, key: str) -> Option:
    declared = _declared_of(upmixer)
    if key not in declared:
        name = getattr(upmixer, "name", upmixer)
        raise OptionError(f"upmixer {name!r}: {unknown_name('option', key, declared)}")
    return declared[key]


def build_options(upmixer: Any, values: Mapping[str, Any]) -> Any:
    """Instance of the upmixer's options dataclass, every value checked, defaults included."""
    given = {key: _find(upmixer, key).check(value) for key, value in values.items()}
    defaults = {
        key: declared.check(declared.default)
        for key, declared in _declared_of(upmixer).items()
        if key not in given
    }
    return getattr(upmixer, "options_class", NoOptions)(**defaults, **given)


def describe_options(upmixer: Any) -> tuple[Option, ...]:
    """Options of an upmixer, in the order of their declaration.

    Parameters
    ----------
    upmixer : Upmixer or a subclass of it

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
    return tuple(_declared_of(upmixer).values())


def parse_options(upmixer: Any, texts: Mapping[str, str]) -> dict[str, Any]:
    """Values of options written as text, as the shell's KEY=VALUE: ready for `get_upmixer`.

    Parameters
    ----------
    upmixer : Upmixer or a subclass of it
    texts : mapping of str to str
        Yes, true, on, 1 and no, false, off, 0 are the words for bool, in any case.

    Raises
    ------
    OptionError
        If the upmixer has no such option, or does not accept the value.
    LayoutError
        If no layout has that name.

    Examples
    --------
    >>> from spatialkit.upmixing.passive import Matrix
    >>> parse_options(Matrix, {"ambience": "-3"})
    {'ambience': -3.0}
    """
    names = _declared_of(upmixer)
    found = [(_find(upmixer, match_name(key, names) or key), text) for key, text in texts.items()]
    return {option.name: option.parse(text) for option, text in found}


def option_values(upmixer: Any) -> dict[str, Any]:
    """Values of an upmixer's options by name: ``type(upmixer)(**option_values(upmixer))``.

    Parameters
    ----------
    upmixer : Upmixer

    Examples
    --------
    >>> from spatialkit.upmixing.passive import AllChannelStereo
    >>> option_values(AllChannelStereo())
    {'gain': 0.5, 'exact_downmix': False}
    """
    # Not dataclasses.asdict: that would take layouts, which are dataclasses, to pieces.
    return {key: getattr(upmixer.options, key) for key in _declared_of(upmixer)}


def option_texts(upmixer: Any) -> dict[str, str]:
    """Return the options of an upmixer as text, as written on the command line."""
    declared = _declared_of(upmixer)
    return {key: declared[key].text(value) for key, value in option_values(upmixer).items()}
