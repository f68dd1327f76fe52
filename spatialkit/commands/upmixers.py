"""``spatialkit upmixers``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit

if TYPE_CHECKING:
    from spatialkit.upmixing import UpmixerDescription


@toolkit.command("spatialkit upmixers")
@toolkit.json_option
def command(as_json: bool) -> None:
    """List the installed upmixers with their options.

    Set options with "spatialkit upmix -O KEY=VALUE".
    """
    from spatialkit.upmixing import describe_upmixers

    found = describe_upmixers()
    if as_json:
        toolkit.print_json([_facts(upmixer) for upmixer in found])
        return
    for upmixer in found:
        _print(upmixer)


def _facts(upmixer: UpmixerDescription) -> dict[str, Any]:
    options = [
        {
            "name": option.name,
            "accepts": option.accepts,
            "default": option.default
            if isinstance(option.default, (bool, int, float))
            else option.text(option.default),
            "unit": option.unit,
            "help": option.help,
        }
        for option in upmixer.options
    ]
    return {
        "name": upmixer.name,
        "summary": upmixer.summary,
        "origin": upmixer.origin,
        "accepts": list(upmixer.accepts),
        "sample_rate": upmixer.sample_rate,
        "format": upmixer.format or None,
        "problem": upmixer.problem or None,
        "options": options,
    }


def _print(upmixer: UpmixerDescription) -> None:
    click.echo(upmixer.name)
    lines = [upmixer.summary] if upmixer.summary else []
    if upmixer.accepts:
        inputs = " or ".join({1: "mono", 2: "stereo"}.get(n, str(n)) for n in upmixer.accepts)
        rate = f" at {upmixer.sample_rate} Hz" if upmixer.sample_rate else ""
        lines.append(f"{inputs} to {upmixer.format or 'its own format'}{rate}")
    if upmixer.problem:
        # Most problems contain the origin already.
        place = "" if upmixer.origin in upmixer.problem else f" ({upmixer.origin})"
        lines.append(f"cannot be used: {upmixer.problem}{place}")
    for line in lines:
        toolkit.print_wrapped(line, first=2, rest=2)
    for option in upmixer.options:
        setting = f"-O {option.name}={option.text(option.default)}"
        toolkit.print_wrapped(f"{setting}  {option.help} ({option.accepts})", first=2, rest=6)
