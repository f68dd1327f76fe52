"""Presets: options of a plug-in for a purpose, with a name and a sentence.

A plug-in declares them beside its options::

    class Echo(Upmixer):
        '''Stereo with an echo.'''

        options_class = EchoOptions
        presets = (preset("cave", "Long echoes from behind.", delay=50.0, level=0.0),)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from spatialkit.errors import OptionError, SpatialkitError
from spatialkit.validation import match_name, unknown_name

__all__ = ["Preset", "describe_presets", "expand_preset", "preset"]

KEY = "preset"


@dataclass(frozen=True)
class Preset:
    """Options of a plug-in for a purpose.

    Attributes
    ----------
    name : str
        Lower-case letters, digits and "-".
    help : str
        Description in one sentence.
    options : mapping of str to object
        Values of the options that differ from their defaults.
    """

    name: str
    help: str
    options: Mapping[str, Any]


def preset(name: str, help: str, **options: Any) -> Preset:
    """Declare a preset.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and "-".
    help : str
        Description in one sentence.
    **options
        Values of options of the plug-in.
    """
    return Preset(name, help, MappingProxyType(options))


def describe_presets(plugin: Any) -> tuple[Preset, ...]:
    """Return the presets of a plug-in, in the order of their declaration.

    Parameters
    ----------
    plugin : Plugin or a subclass of it

    Examples
    --------
    >>> from spatialkit.upmixing.ambience import Ambience
    >>> [each.name for each in describe_presets(Ambience)]
    ['studio', 'concert', 'film', 'background']
    """
    found = getattr(plugin, "presets", ())
    if not (isinstance(found, tuple) and all(isinstance(each, Preset) for each in found)):
        error_class = getattr(plugin, "error_class", SpatialkitError)
        raise error_class(f"presets must be a tuple of preset(name, help, ...), got {found!r}")
    return found


def expand_preset(plugin: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the key "preset" by the options of that preset; other values take precedence.

    Parameters
    ----------
    plugin : Plugin or a subclass of it
    values : mapping of str to object
        Options by name, and perhaps "preset".

    Raises
    ------
    OptionError
        If the plug-in has no such preset.
    """
    found = dict(values)
    name = found.pop(KEY, None)
    if name is None:
        return found
    known = {each.name: each for each in describe_presets(plugin)}
    kind, plugin_name = getattr(plugin, "kind", "plug-in"), getattr(plugin, "name", plugin)
    if not known:
        raise OptionError(f"{kind} {plugin_name!r} has no presets")
    spelling = match_name(name, known) if isinstance(name, str) else None
    if spelling is None:
        raise OptionError(f"{kind} {plugin_name!r}: {unknown_name('preset', name, known)}")
    return {**known[spelling].options, **found}
