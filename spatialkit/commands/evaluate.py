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
    type=_common.LayoutName(),
    metavar="FORMAT",
    help=f"What the channels of both files are, if they do not say: a layout, {_common.OWN}, or "
    "ambix1 ... ambix7, fuma1 ... fuma3.",
)
@_common.json_option
def command(reference: Path, estimate: Path, layout: str | Layout | None, as_json: bool) -> None:
    """Measure how ESTIMATE differs from REFERENCE.

    What applies of: SNR, SD-SDR, SI-SDR, also of the stereo fold-downs (downmix_snr); level
    differences between channels (ild_error; wild, summed over the pairs of channels);
    directions of energy or intensity; diffuseness; loudness (BS.1770) and true peak.

    Both have the same channels and sample rate. In JSON a value that is not defined is null, an
    infinite one "inf" or "-inf".
    """
    from spatialkit.metrics import evaluate
    from spatialkit.metrics.evaluation import UNITS

    first = _common.read_input(reference, layout)
    second = _common.read_input(estimate, layout)
    if first.sample_rate != second.sample_rate:
        raise OptionError(
            f"{reference} has {first.sample_rate} Hz, {estimate} has {second.sample_rate} Hz: "
            "resample one of them"
        )
    both = _common_format(first, second)
    values = evaluate(first.samples, second.samples, layout=both, sample_rate=first.sample_rate)
    assumed = {}
    if both and not (first.format and second.format):
        assumed["read_as"] = both.name
    if as_json:
        _common.print_json({**values, **assumed})
        return
    rows = [
        (name, f"{round(value, 3) + 0.0:10.3f}", UNITS[name] or "none")  # no "-0.000"
        for name, value in values.items()
    ]
    _common.print_table(("metric", f"{'value':>10}", "unit"), rows)
    if assumed:
        click.echo(f"{estimate if first.format else reference} read as {assumed['read_as']}")


def _common_format(first: Audio, second: Audio) -> Layout | AmbisonicFormat | None:
    """Format of both; one that does not say is taken as the other."""
    if first.format and second.format and first.format != second.format:
        raise LayoutError(
            f"the reference is {first.format.name!r}, the estimate {second.format.name!r}: render "
            "one to the other's format, or say with --from what both are"
        )
    return first.format or second.format
