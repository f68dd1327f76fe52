"""``spatialkit layouts``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit

if TYPE_CHECKING:
    from spatialkit.layouts import Layout


@toolkit.command(
    "spatialkit layouts",
    "spatialkit layouts 7.1.4",
    "spatialkit layouts studio.json",
)
@click.argument("name", required=False, type=toolkit.LayoutName())
@toolkit.json_option
def command(name: str | Layout | None, as_json: bool) -> None:
    """List loudspeaker layouts, or the channels of one layout.

    Append ":film" or ":vorbis" to NAME for these channel orders. Wherever a layout is expected,
    here and in other commands, the path of a .json file as written by the IEM and SPARTA plug-ins
    gives a layout with other angles. Azimuths are in degrees, positive to the left.
    """
    from spatialkit.layouts import get_layout, layout_names

    chosen = [get_layout(each) for each in ([name] if name else layout_names())]
    if as_json:
        facts = [_facts(layout) for layout in chosen]
        toolkit.print_json(facts[0] if name else facts)
    elif name:
        _print_channels(chosen[0])
    else:
        rows = [(one.name, str(one.n_channels), _mask(one), " ".join(one.labels)) for one in chosen]
        toolkit.print_table(("layout", "channels", "WAVE mask", "labels"), rows)
        toolkit.print_line("Ambisonics: ambix1 ... ambix7 (ACN, SN3D), fuma1 ... fuma3")


def _mask(layout: Layout) -> str:
    return f"{layout.wave_mask:#x}" if layout.wave_mask else "-"


def _facts(layout: Layout) -> dict[str, Any]:
    channels = [
        {"label": label, "azimuth": azimuth, "elevation": elevation, "is_lfe": is_lfe}
        for label, azimuth, elevation, is_lfe in zip(
            layout.labels,
            layout.azimuth.tolist(),
            layout.elevation.tolist(),
            layout.is_lfe.tolist(),
            strict=True,
        )
    ]
    return {
        "name": layout.name,
        "n_channels": layout.n_channels,
        "wave_mask": layout.wave_mask,
        "channels": channels,
    }


def _print_channels(layout: Layout) -> None:
    count = toolkit.counted(layout.n_channels, "channel")
    toolkit.print_line(f"{layout.name}: {count}, WAVE mask {_mask(layout)}")
    rows = [
        (
            str(number),
            channel["label"],
            "LFE" if channel["is_lfe"] else f"{channel['azimuth']:g}",
            "" if channel["is_lfe"] else f"{channel['elevation']:g}",
        )
        for number, channel in enumerate(_facts(layout)["channels"], 1)
    ]
    toolkit.print_table(("channel", "label", "azimuth", "elevation"), rows)
