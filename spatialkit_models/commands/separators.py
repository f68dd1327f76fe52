"""``spatialkit separators``."""

from __future__ import annotations

from spatialkit.commands import toolkit

__all__ = ["command"]


@toolkit.command("spatialkit separators")
@toolkit.json_option
def command(as_json: bool) -> None:
    """List the installed separators with their stems and options.

    Set options with "spatialkit separate -O KEY=VALUE".
    """
    from spatialkit_models.separation import describe_separators

    with toolkit.isolated_plugins():
        found = describe_separators()
    if as_json:
        facts = [{**toolkit.plugin_facts(each), "stems": list(each.stems)} for each in found]
        toolkit.print_json(facts)
        return
    for each in found:
        toolkit.print_plugin(each, ", ".join(each.stems) if each.stems else "its own stems")
