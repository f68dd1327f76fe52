"""What an upmixer says of itself, and whether it says it right."""

from __future__ import annotations

import re
from typing import Any

from spatialkit.errors import UpmixerError
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.upmixing.interface import Upmixer
from spatialkit.upmixing.options import describe_options

__all__ = ["check_declaration", "is_upmixer_name", "require"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


def is_upmixer_name(name: Any) -> bool:
    """Whether ``name`` may be an upmixer's: letters, digits and "-", not "-" first."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def require(condition: Any, upmixer: Upmixer, rule: str) -> None:
    """Raise an UpmixerError that names the rule unless ``condition`` holds."""
    if not condition:
        raise UpmixerError(f"upmixer {getattr(upmixer, 'name', upmixer)!r}: {rule}")


def check_declaration(upmixer: Upmixer) -> None:
    """Raise an UpmixerError if name, channel counts, rate, format, options or hook are amiss."""

    def declared(attribute: str) -> Any:
        return getattr(upmixer, attribute, None)

    name, accepts, rate = declared("name"), declared("accepts"), declared("sample_rate")
    require(is_upmixer_name(name), upmixer, "name must be letters, digits and '-'")
    require(
        isinstance(accepts, tuple) and accepts and all(_is_count(n) for n in accepts),
        upmixer,
        f"accepts must be a tuple of channel counts, got {accepts!r}",
    )
    require(
        rate is None or _is_count(rate), upmixer, f"sample_rate must be hertz or None, got {rate!r}"
    )
    require(
        isinstance(declared("format"), (Layout, AmbisonicFormat)),
        upmixer,
        f"format must be a Layout or AmbisonicFormat, got {declared('format')!r}",
    )
    describe_options(upmixer)
    require(
        isinstance(declared("options"), upmixer.options_class),
        upmixer,
        f"options must be an instance of {upmixer.options_class.__name__}, its options_class, "
        f"got {declared('options')!r}",
    )
    kind = type(upmixer)
    require(
        kind._upmix is not Upmixer._upmix or kind.upmix is not Upmixer.upmix,
        upmixer,
        "it must define _upmix(audio, sample_rate)",
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
