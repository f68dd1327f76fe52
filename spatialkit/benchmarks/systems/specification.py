"""Systems from what users specify: names, objects, and texts such as NAME@FORMAT=VALUE."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from spatialkit.benchmarks.systems.programs import PROGRAMS, NotInstalledError
from spatialkit.benchmarks.systems.system import Process, System
from spatialkit.errors import OptionError, SpatialkitError, UpmixerError
from spatialkit.layouts import AmbisonicFormat, Format, Layout
from spatialkit.plugins import describe_options, option_values, parse_options
from spatialkit.upmixing import Upmixer, describe_upmixers, get_upmixer, load_upmixer, upmixer_names
from spatialkit.validation import shown, unknown_name

__all__ = ["as_systems", "named_value", "require_distinct", "split_options"]

_PREFIX = re.compile(r"(?P<name>[A-Za-z0-9][\w.+-]*)(?:@(?P<format>[^=\s]+))?=(?P<value>.+)", re.S)


def as_systems(
    given: Sequence[str | Upmixer | System], format: Format, **options: Any
) -> tuple[list[System], dict[str, str], list[str]]:
    """Return systems from names and objects.

    Parameters
    ----------
    given : sequence of str, Upmixer or System
        Names of upmixers, "NAME:KEY=VALUE,KEY=VALUE" with options, or keys of `PROGRAMS`; upmixers;
        or systems, which are returned unchanged.
    format : Layout or AmbisonicFormat
        Output format of the upmixers and programs whose format can be chosen.
    **options
        Further options for the upmixers that have them, unless the text contains them.

    Returns
    -------
    systems : list of System
    failures : dict of str to str
        Messages by name of the upmixers that could not be created.
    notes : list of str
        One sentence per program that is not installed or does not support the format.

    Raises
    ------
    UpmixerError
        If an upmixer is unknown.
    OptionError
        If an upmixer does not accept an option, or two systems have the same name.
    """
    names = [_name(each) for each in given]
    for each in given:
        if isinstance(each, str):
            _require_known(each)
    require_distinct(names)
    systems, failures, notes = [], {}, []
    for name, each in zip(names, given, strict=True):
        try:
            systems.append(_system(each, format, options))
        except NotInstalledError as reason:
            notes.append(str(reason))
        except OptionError:
            raise
        except SpatialkitError as error:
            failures[name] = str(error)
    return systems, failures, notes


def _name(given: str | Upmixer | System) -> str:
    if not isinstance(given, str | Upmixer | System):
        raise OptionError(f"a system must be a name, an Upmixer or a System, got {shown(given)}")
    return given if isinstance(given, str) else given.name


def require_distinct(names: Sequence[str]) -> None:
    """Raise an error if two systems have the same name."""
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise OptionError(f"systems must have different names, {repeated[0]!r} is there twice")


def _require_known(given: str) -> None:
    name = given.partition(":")[0]
    known = (*upmixer_names(), *PROGRAMS)
    if given not in PROGRAMS and (
        name in PROGRAMS or name.casefold() not in {each.casefold() for each in known}
    ):
        raise UpmixerError(unknown_name("upmixer", given, known))


def _system(given: str | Upmixer | System, format: Format, options: dict[str, Any]) -> System:
    if isinstance(given, System):
        return given
    if isinstance(given, Upmixer):
        origin = f"{type(given).__module__}:{type(given).__qualname__}"
        return _upmixer_system(given, given.name, origin, {"upmixer": given.name})
    if given in PROGRAMS:
        return PROGRAMS[given].system(format)
    name, texts = given.partition(":")[0], split_options(given)
    upmixer_class = load_upmixer(name)
    declared = {option.name: option for option in describe_options(upmixer_class)}
    chosen = {key: x for key, x in options.items() if key in declared and key not in texts}
    layout = declared.get("layout")
    if layout and "layout" not in texts and _is_accepted(format, layout.type):
        chosen["layout"] = format
    upmixer = get_upmixer(name, **{**parse_options(upmixer_class, texts), **chosen})
    origin = {found.name: found.origin for found in describe_upmixers()}[upmixer.name]
    facts = {"upmixer": upmixer.name, "options": texts}
    return _upmixer_system(upmixer, given, origin, facts)


def _upmixer_system(upmixer: Upmixer, title: str, origin: str, facts: dict[str, Any]) -> System:
    return System(
        title,
        upmixer.upmix,
        upmixer.format,
        tuple(upmixer.accepts),
        origin,
        facts,
        _uncorrected(upmixer),
    )


def _uncorrected(upmixer: Upmixer) -> Process | None:
    """Return the upmixer without its exact downmix, None if it has none."""
    if not getattr(upmixer.options, "exact_downmix", False):
        return None
    return type(upmixer)(**{**option_values(upmixer), "exact_downmix": False}).upmix


def _is_accepted(format: Format, type: Any) -> bool:
    """Return whether an option of this type accepts a format."""
    return isinstance(format, Layout) or type == Layout | AmbisonicFormat


def split_options(text: str) -> dict[str, str]:
    """Return the options of "NAME:KEY=VALUE,KEY=VALUE" by name; values may contain commas."""
    options: dict[str, str] = {}
    _, _, rest = text.partition(":")
    for part in re.split(r",(?=[^,=]*=)", rest) if rest else ():
        key, equals, value = part.partition("=")
        if not (key and equals):
            raise OptionError(f"options must follow a name as NAME:KEY=VALUE, got {text!r}")
        options[key.strip()] = value
    return options


def named_value(text: str) -> tuple[str, str, str]:
    """Split "NAME@FORMAT=VALUE" into name, format and value.

    Name and format may be absent. A name starts with a letter or a digit and contains neither
    spaces nor slashes.

    Parameters
    ----------
    text : str

    Returns
    -------
    name, format, value : str
        "" for what is absent.

    Examples
    --------
    >>> named_value("mine@7.1.4=python3 upmix.py {input} {output}")
    ('mine', '7.1.4', 'python3 upmix.py {input} {output}')
    >>> named_value("folder/estimates")
    ('', '', 'folder/estimates')
    """
    found = _PREFIX.fullmatch(text)
    return (found["name"], found["format"] or "", found["value"]) if found else ("", "", text)
