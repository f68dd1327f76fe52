"""Validation of the declarations of upmixers."""

from __future__ import annotations

from typing import Any

from spatialkit.errors import SpatialkitError, UpmixerError
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.plugins import build_options, describe_options, describe_presets, is_plugin_name
from spatialkit.upmixing.interface import Upmixer

__all__ = ["check_class", "check_declaration", "require"]


def require(condition: Any, upmixer: Upmixer | type[Upmixer], rule: str) -> None:
    """Raise an UpmixerError that names the rule unless ``condition`` holds."""
    if not condition:
        raise UpmixerError(f"upmixer {getattr(upmixer, 'name', upmixer)!r}: {rule}")


def check_class(upmixer: Upmixer | type[Upmixer]) -> None:
    """Raise an UpmixerError if a declaration of the class is invalid."""
    accepts, rate = getattr(upmixer, "accepts", None), getattr(upmixer, "sample_rate", None)
    require(
        isinstance(accepts, tuple) and accepts and all(_is_count(n) for n in accepts),
        upmixer,
        f"accepts must be a tuple of channel counts, got {accepts!r}",
    )
    require(
        rate is None or _is_count(rate), upmixer, f"sample_rate must be hertz or None, got {rate!r}"
    )
    describe_options(upmixer)
    _check_presets(upmixer)


def _check_presets(upmixer: Upmixer | type[Upmixer]) -> None:
    """Raise an UpmixerError if a preset has an invalid name, no sentence or invalid options."""
    names = [each.name for each in describe_presets(upmixer)]
    require(len(set(names)) == len(names), upmixer, "presets must have different names")
    for each in describe_presets(upmixer):
        valid = is_plugin_name(each.name) and each.name == each.name.lower()
        rule = "names of presets must be lower-case letters, digits and '-', got "
        require(valid, upmixer, f"{rule}{each.name!r}")
        sentence = isinstance(each.help, str) and each.help.strip().endswith(".")
        require(sentence, upmixer, f"preset {each.name!r} must have a sentence as help")
        try:
            build_options(upmixer, each.options)
        except SpatialkitError as error:
            raise UpmixerError(f"preset {each.name!r}: {error}") from error


def check_declaration(upmixer: Upmixer) -> None:
    """Raise an UpmixerError if a declaration of the upmixer is invalid."""
    require(
        is_plugin_name(getattr(upmixer, "name", None)),
        upmixer,
        "name must be letters, digits and '-'",
    )
    check_class(upmixer)
    form = getattr(upmixer, "format", None)
    require(
        isinstance(form, (Layout, AmbisonicFormat)),
        upmixer,
        f"format must be a Layout or AmbisonicFormat, got {form!r}",
    )
    options = getattr(upmixer, "options", None)
    require(
        isinstance(options, upmixer.options_class),
        upmixer,
        f"options must be an instance of {upmixer.options_class.__name__}, its options_class, "
        f"got {options!r}",
    )
    kind = type(upmixer)
    require(
        kind._upmix is not Upmixer._upmix or kind.upmix is not Upmixer.upmix,
        upmixer,
        "it must define _upmix(audio, sample_rate)",
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
