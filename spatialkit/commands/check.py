"""``spatialkit check``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError


@toolkit.command(
    "spatialkit check ambience",
    "spatialkit check my-upmixer -O layout=7.1.4",
)
@click.argument("name", metavar="NAME", type=toolkit.UpmixerName())
@toolkit.setting_option
@toolkit.json_option
def command(name: str, settings: tuple[str, ...], as_json: bool) -> int:
    """Check that an upmixer conforms to the upmixer interface.

    NAME is a name of "spatialkit upmixers": a built-in upmixer or one of an installed package. It
    processes synthetic signals to check its output (shape, type, finite values, alignment in time,
    repeatability), its streams (blocks equal the whole signal, latency) and its errors for invalid
    input and options. Inverted polarity, swapped channels and large level changes are warnings.

    Exit status: 0 passed, 1 failed. In Python: spatialkit.check_upmixer.
    """
    from spatialkit.upmixing import check_upmixer, option_values

    upmixer = toolkit.make_upmixer(name, settings)
    if option_values(upmixer).get("stems"):
        raise OptionError(
            "the check uses synthetic signals, not the song that the stems belong to: "
            "leave out -O stems="
        )
    results = check_upmixer(upmixer, raise_on_failure=False)
    failed = any(result.status == "failed" for result in results)
    if as_json:
        checks = [asdict(result) for result in results]
        toolkit.print_json({"upmixer": upmixer.name, "passed": not failed, "checks": checks})
        return int(failed)
    for result in results:
        detail = f": {' '.join(result.detail.split())}" if result.detail else ""
        click.echo(f"{result.status:<7}  {result.name}{toolkit.printable(detail)}")
    counts = Counter(result.status for result in results)
    click.echo(f"{upmixer.name}: " + ", ".join(f"{n} {status}" for status, n in counts.items()))
    return int(failed)
