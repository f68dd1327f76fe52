"""Options of ``spatialkit upmix`` about the written files."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from spatialkit.commands import toolkit
from spatialkit.commands.upmix.naming import FIELDS
from spatialkit.commands.upmix.players import PLAYERS
from spatialkit.errors import OptionError
from spatialkit.files import file_format_names

_OPTIONS = (
    click.option(
        "--format",
        "container",
        type=toolkit.Name(file_format_names),
        metavar="NAME",
        help="Format of the files in a folder OUT: " + toolkit.one_of(file_format_names()) + ".",
    ),
    click.option(
        "--for",
        "player",
        type=click.Choice(list(PLAYERS)),
        help="Choose --format for a program or device, and print it.",
    ),
    click.option(
        "--name",
        "template",
        metavar="TEMPLATE",
        help="Names in a folder OUT, such as '{artist} - {title} ({layout})': "
        + ", ".join(f"{{{name}}}" for name in FIELDS)
        + ".",
    ),
    *toolkit.encoding_parameters(),
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
        "--loudness-album",
        "album",
        is_flag=True,
        help="Let --loudness apply to all files of a folder together; upmixes each file twice.",
    ),
    click.option(
        "--true-peak",
        type=click.FloatRange(-20.0, 0.0),
        metavar="DBTP",
        help="Highest true peak with --loudness. By default -1.",
    ),
    click.option(
        "--report",
        is_flag=True,
        help="Also write a report with sound beside each output, and an index in a folder.",
    ),
    click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing."),
)


def delivery_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options about the written files, as one parameter ``delivery``.

    The command receives ``container``, ``template``, ``player``, ``subtype``, ``album``,
    ``report`` and ``dry_run``, and in ``delivery`` the
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
        if parameters["album"] and loudness is None:
            raise OptionError("--loudness-album requires --loudness")
        if parameters["player"] and parameters["container"]:
            raise OptionError("--for and --format are mutually exclusive: --for chooses a format")
        given = {
            "bit_rate": bit_rate,
            "tags": False if no_tags else None,
            "encoded_by": False if no_encoded_by else None,
            "loudness": loudness,
            "ceiling": true_peak,
            "measure": parameters["report"] or parameters["album"] or None,
            "fit_rate": bool(parameters["container"] or parameters["player"]) or None,
        }
        delivery = {name: value for name, value in given.items() if value is not None}
        return function(delivery=delivery, **parameters)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command
