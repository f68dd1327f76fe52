"""``spatialkit evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import _common
from spatialkit.errors import LayoutError, OptionError

if TYPE_CHECKING:
    from spatialkit.files import Audio
    from spatialkit.layouts import AmbisonicFormat, Layout


@_common.command(
    "spatialkit evaluate original.wav decoded.wav",
)
@click.argument("reference", type=_common.FILE)
@click.argument("estimate", type=_common.FILE)
@click.option(
    "--from",
    "--layout",
    "layout",
    metavar="FORMAT",
    help="What the channels of both files are, if they do not say: a layout or Ambisonic format.",
)
@_common.json_option
def command(reference: Path, estimate: Path, layout: str | None, as_json: bool) -> None:
    """Measure how ESTIMATE differs from REFERENCE.

    Both have the same channels and sample rate. In JSON a value that is not defined is null, an
    infinite one "inf" or "-inf".
    """
    from spatialkit.metrics import evaluate

    first = _common.read_input(reference, layout)
    second = _common.read_input(estimate, layout)
    if first.sample_rate != second.sample_rate:
        raise OptionError(
            f"{reference} has {first.sample_rate} Hz, {estimate} has {second.sample_rate} Hz: "
            "resample one of them"
        )
    values = evaluate(
        first.samples,
        second.samples,
        layout=_common_format(first, second),
        sample_rate=first.sample_rate,
    )
    if as_json:
        _common.print_json(values)
    else:
        _common.print_table(
            ("metric", "value"), [(name, f"{value:.4g}") for name, value in values.items()]
        )


def _common_format(first: Audio, second: Audio) -> Layout | AmbisonicFormat | None:
    """Format of both; one that does not say is taken as the other."""
    if first.format and second.format and first.format != second.format:
        raise LayoutError(
            f"the reference is {first.format.name!r}, the estimate {second.format.name!r}: render "
            "one to the other's format, or say with --from what both are"
        )
    return first.format or second.format
