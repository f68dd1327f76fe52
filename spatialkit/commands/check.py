"""``spatialkit check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spatialkit.commands import batches, toolkit
from spatialkit.errors import UpmixerError

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer


@toolkit.command(
    "spatialkit check ambience",
    "spatialkit check my-upmixer -O layout=7.1.4",
)
@click.argument("name", metavar="NAME", type=toolkit.UpmixerName())
@toolkit.setting_option
@toolkit.json_option
def command(name: str, settings: tuple[str, ...], as_json: bool) -> int:
    """Check that an upmixer conforms to the upmixer interface.

    NAME is an upmixer of "spatialkit upmixers": built-in, or of an installed package. It is run on
    synthetic signals to check its output (shape, type, finite values, alignment in time,
    repeatability), its streams (blocks equal the whole signal, latency) and its errors for invalid
    input and options. Each result is a line: passed, warning or failed.

    Exit status: 0 passed, 1 failed. In Python, use spatialkit.check_upmixer.
    """
    upmixer = toolkit.make_upmixer(name, settings)
    results = _check(upmixer)
    failed = any(result["status"] == "failed" for result in results)
    if as_json:
        toolkit.print_json({"upmixer": upmixer.name, "passed": not failed, "results": results})
    else:
        for result in results:
            click.echo(f"{result['status']}: {toolkit.printable(result['message'])}")
    return int(failed)


def _check(upmixer: Upmixer) -> list[dict[str, str]]:
    """Return the results of the conformance test, each with a status and a message."""
    from spatialkit.upmixing import check_upmixer

    verdict = "passed", f"upmixer {upmixer.name!r} conforms to the upmixer interface"
    with batches.collect_warnings() as warnings:
        try:
            check_upmixer(upmixer)
        except UpmixerError as error:
            verdict = "failed", str(error)
    results = [("warning", " ".join(text.split())) for text in warnings]
    return [{"status": status, "message": text} for status, text in (*results, verdict)]
