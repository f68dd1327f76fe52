"""``spatialkit upmixers``."""

from __future__ import annotations

import click

from spatialkit.commands import toolkit


@toolkit.command("spatialkit upmixers", "spatialkit upmixers ambience")
@click.argument("name", required=False, type=toolkit.UpmixerName())
@toolkit.json_option
def command(name: str | None, as_json: bool) -> None:
    """List the installed upmixers, or one, with options.

    Set options with "spatialkit upmix -O KEY=VALUE".
    """
    from spatialkit.upmixing import describe_upmixers

    with toolkit.isolated_plugins():
        found = toolkit.plugins_named(name, describe_upmixers(), "upmixer")
    if as_json:
        facts = [{**toolkit.plugin_facts(each), "format": each.format or None} for each in found]
        toolkit.print_json(facts)
        return
    for each in found:
        toolkit.print_plugin(each, each.format or "its own format")
