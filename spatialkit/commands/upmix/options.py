"""Options of ``spatialkit upmix`` about the written files."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, get_args

import click

from spatialkit.commands import toolkit
from spatialkit.commands.upmix.naming import FIELDS
from spatialkit.errors import OptionError
from spatialkit.files import Subtype, file_format_names

SUBTYPES = get_args(Subtype)


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


_OPTIONS = (
    click.option(
        "--format",
        "container",
        type=toolkit.Name(file_format_names),
        metavar="NAME",
        help="Format of the files in a folder OUT: " + toolkit.one_of(file_format_names()) + ".",
    ),
    click.option(
        "--name",
        "template",
        metavar="TEMPLATE",
        help="Names in a folder OUT, such as '{artist} - {title} ({layout})': "
        + ", ".join(f"{{{name}}}" for name in FIELDS)
        + ".",
    ),
    click.option(
        "--subtype",
        type=toolkit.Name(SUBTYPES),
        metavar="NAME",
        help=f"Encoding of OUT: {toolkit.one_of(SUBTYPES)}.",
    ),
    click.option(
        "--bit-rate",
        type=BitRate(),
        metavar="RATE",
        help="Bit rate of Opus, AAC, AC-3 or E-AC-3, such as 256k. By default by channels.",
    ),
    click.option("--no-tags", is_flag=True, help="Copy no tags and no cover."),
    click.option(
        "--no-encoded-by",
        is_flag=True,
        help="Write no tag about version, upmixer and options.",
    ),
    click.option(
        "--loudness",
        type=click.FloatRange(-70.0, 0.0),
        metavar="LUFS",
        help="Integrated loudness of OUT, such as -18; a gain, never a limiter.",
    ),
    click.option(
        "--true-peak",
        type=click.FloatRange(-20.0, 0.0),
        metavar="DBTP",
        help="Highest true peak with --loudness. By default -1.",
    ),
)


def delivery_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options about the written files, as one parameter ``delivery``.

    The command receives ``container``, ``template`` and ``subtype``, and in ``delivery`` the
    fields of `spatialkit.upmixing.Delivery` that were specified.
    """

    @wraps(function)
    def command(
        *,
        bit_rate: int | None,
        no_tags: bool,
        no_encoded_by: bool,
        loudness: float | None,
        true_peak: float | None,
        **parameters: Any,
    ) -> Any:
        if true_peak is not None and loudness is None:
            raise OptionError("--true-peak requires --loudness")
        given = {
            "bit_rate": bit_rate,
            "tags": False if no_tags else None,
            "encoded_by": False if no_encoded_by else None,
            "loudness": loudness,
            "ceiling": true_peak,
            "fit_rate": True if parameters["container"] else None,
        }
        delivery = {name: value for name, value in given.items() if value is not None}
        return function(delivery=delivery, **parameters)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command
