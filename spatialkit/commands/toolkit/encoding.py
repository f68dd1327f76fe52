"""Options of commands that convert files, about the encoding and the tags of the output."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

import click

from spatialkit.commands.toolkit.names import Name
from spatialkit.errors import OptionError
from spatialkit.files import Subtype

SUBTYPES = get_args(Subtype)
_KEY = "spatialkit.encoding"


class BitRate(click.ParamType):
    """Bit rate, "256k" or "256000"."""

    name = "RATE"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        if not isinstance(value, str):
            return int(value)
        found = re.fullmatch(r"([0-9]{1,9})(k?)", value.strip().lower())
        if not found:
            raise OptionError(
                f"--bit-rate must be a number of bit/s such as 256k or 256000, got {value!r}"
            )
        return int(found[1]) * (1000 if found[2] else 1)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Store the value of an option for `encoding_of_command`."""
    if value not in (None, False):
        context.meta.setdefault(_KEY, {})[parameter.name] = value
    return value


def encoding_parameters(**kept: Any) -> tuple[Callable[[Any], Any], ...]:
    """Return the options of `encoding_options`; ``kept`` are arguments of `click.option`."""
    return (
        click.option(
            "--subtype",
            type=Name(SUBTYPES),
            metavar="NAME",
            help=f"Encoding of OUT: {' '.join(SUBTYPES[:4])} ... By default that of its extension.",
            **kept,
        ),
        click.option(
            "--bit-rate",
            type=BitRate(),
            metavar="RATE",
            help="Bit rate of Opus, AAC, AC-3 or E-AC-3, such as 256k. By default by channels.",
            **kept,
        ),
        click.option("--no-tags", is_flag=True, help="Copy no tags and no cover.", **kept),
    )


def encoding_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--subtype``, ``--bit-rate`` and ``--no-tags``, which `convert_file` applies."""
    for option in reversed(encoding_parameters(expose_value=False, callback=_keep)):
        function = option(function)
    return function


def encoding_of_command() -> Mapping[str, Any]:
    """Return the options of `encoding_options` that were specified for the running command."""
    context = click.get_current_context(silent=True)
    found: Mapping[str, Any] = {} if context is None else context.meta.get(_KEY, {})
    return found
