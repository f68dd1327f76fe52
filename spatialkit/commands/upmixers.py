"""``spatialkit upmixers``."""

from __future__ import annotations

from spatialkit.commands import toolkit


@toolkit.command("spatialkit upmixers")
@toolkit.json_option
def command(as_json: bool) -> None:
    """List the installed upmixers with their options.

    Set options with "spatialkit upmix -O KEY=VALUE".
    """
    from spatialkit.upmixing import describe_upmixers

    with toolkit.isolated_plugins():
        found = describe_upmixers()
    if as_json:
        facts = [{**toolkit.plugin_facts(each), "format": each.format or None} for each in found]
        toolkit.print_json(facts)
        return
    for each in found:
        toolkit.print_plugin(each, each.format or "its own format")
