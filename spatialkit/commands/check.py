"""``spatialkit check``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from spatialkit.commands import toolkit
from spatialkit.commands.plugins import find_plugins
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.plugins import CheckResult

GROUP = "spatialkit.checks"
"""Entry points of checks: functions of the name and the options, as text, of a plug-in."""


@toolkit.command(
    "spatialkit check ambience",
    "spatialkit check my-upmixer -O layout=7.1.4",
    "spatialkit check --separator my-separator",
)
@click.argument("name", metavar="[NAME]", required=False, type=toolkit.UpmixerName())
@click.option(
    "--separator",
    metavar="NAME",
    help="Check a separator instead of an upmixer (see spatialkit separators).",
)
@toolkit.setting_option
@toolkit.json_option
def command(
    name: str | None, separator: str | None, settings: tuple[str, ...], as_json: bool
) -> int:
    """Check the interface of an upmixer or a separator.

    NAME is a name of "spatialkit upmixers": a built-in upmixer or one of an installed package. It
    processes synthetic signals to check its output (shape, type, finite values, alignment in time,
    repeatability), its streams (blocks equal the whole signal, latency) and its errors for invalid
    input and options. Inverted polarity, swapped channels and large level changes are warnings.
    The sum of the stems of a separator must be its input.

    Exit status: 0 passed, 1 failed. In Python: spatialkit.check_upmixer, and check_separator in
    spatialkit_models.separation.
    """
    if (name is None) == (separator is None):
        raise OptionError("specify what to check: NAME, an upmixer, or --separator NAME")
    if separator is not None:
        kind, name = "separator", separator
        check = find_plugins(GROUP)[kind].load()
        with toolkit.isolated_plugins():
            results = check(name, toolkit.parse_settings(settings))
    else:
        assert name is not None
        kind = "upmixer"
        with toolkit.isolated_plugins():
            results = _check_upmixer(name, settings)
    failed = any(result.status == "failed" for result in results)
    if as_json:
        checks = [asdict(result) for result in results]
        toolkit.print_json({kind: name, "passed": not failed, "checks": checks})
        return int(failed)
    for result in results:
        detail = f": {' '.join(result.detail.split())}" if result.detail else ""
        toolkit.print_line(f"{result.status:<7}  {result.name}{detail}")
    counts = Counter(result.status for result in results)
    toolkit.print_line(f"{name}: " + ", ".join(f"{n} {status}" for status, n in counts.items()))
    return int(failed)


def _check_upmixer(name: str, settings: Sequence[str]) -> tuple[CheckResult, ...]:
    from spatialkit.upmixing import check_upmixer, option_values

    upmixer = toolkit.make_upmixer(name, settings)
    if option_values(upmixer).get("stems"):
        raise OptionError(
            "the check uses synthetic signals, not the song that the stems belong to: "
            "leave out -O stems="
        )
    return check_upmixer(upmixer, raise_on_failure=False)
