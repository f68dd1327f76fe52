"""``spatialkit separators``."""

from __future__ import annotations

import click

from spatialkit.commands import toolkit

__all__ = ["command"]


def _names() -> tuple[str, ...]:
    from spatialkit_models.separation import separator_names

    return separator_names()


@toolkit.command("spatialkit separators", "spatialkit separators masks")
@click.argument("name", required=False, type=toolkit.Name(_names))
@toolkit.json_option
def command(name: str | None, as_json: bool) -> None:
    """List the installed separators, or one, with options.

    Set options with "spatialkit separate -O KEY=VALUE".
    """
    from spatialkit_models.separation import describe_separators

    with toolkit.isolated_plugins():
        found = toolkit.plugins_named(name, describe_separators(), "separator")
    if as_json:
        facts = [{**toolkit.plugin_facts(each), "stems": list(each.stems)} for each in found]
        toolkit.print_json(facts)
        return
    for each in found:
        toolkit.print_plugin(each, ", ".join(each.stems) if each.stems else "its own stems")
