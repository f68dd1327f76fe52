"""Plans of layouts as SVG, for pages and notebooks: without matplotlib, in the colour of text."""

from __future__ import annotations

from html import escape

import numpy as np

from spatialkit.layouts import Layout, get_layout
from spatialkit.plots.figures import PALETTE
from spatialkit.plots.plans import from_above
from spatialkit.typing import StrPath

__all__ = ["layout_svg"]

COLOURS = {"upper": PALETTE[1], "middle": PALETTE[0], "lower": PALETTE[2]}
LAYER = 10.0
LABEL_HEIGHT = 0.135


def layout_svg(layout: StrPath | Layout, *, size: int = 260, label: str = "") -> str:
    """Return a plan of a layout as an SVG element.

    Lines have the colour of the text around the element. Each loudspeaker is a group with the
    attribute ``data-channel``, its index, which contains a circle of the class "sk-energy" with
    radius 0: a script can show levels by its radius.

    Parameters
    ----------
    layout : str, path or Layout
    size : int
        Width and height in pixels.
    label : str
        Description for screen readers; by default the loudspeakers with their directions.

    Examples
    --------
    >>> layout_svg("stereo").count("data-channel")
    2
    """
    where = get_layout(layout)
    shown = where.loudspeakers
    places = from_above(where.azimuth[shown], where.elevation[shown])
    limit = 1.25 * max(1.0, float(np.linalg.norm(places, axis=1).max()))
    if not label:
        names = (
            f"{where.labels[n]} at azimuth {where.azimuth[n]:g}, elevation {where.elevation[n]:g}"
            for n in shown
        )
        label = f"Layout {where.name} from above: {'; '.join(names)}"
    parts = [
        f'<svg viewBox="{-limit:.3f} {-limit:.3f} {2 * limit:.3f} {2 * limit:.3f}" '
        f'width="{size}" height="{size}" role="img" aria-label="{escape(label)}" '
        'style="max-width:100%;height:auto" font-family="sans-serif">',
        '<g fill="none" stroke="currentColor" stroke-width=".012" opacity=".45">'
        '<circle r="1"/><circle r=".5" stroke-dasharray=".03 .03"/></g>',
        '<g class="sk-head" fill="currentColor" opacity=".45"><circle r=".1"/>'
        '<path d="M-.05-.09L0-.18L.05-.09z"/></g>',
    ]
    for n, (x, y) in zip(shown, places, strict=True):
        elevation = where.elevation[n]
        layer = "upper" if elevation > LAYER else "lower" if elevation < -LAYER else "middle"
        text = escape(where.labels[n])
        width = max(0.075 * len(where.labels[n]) + 0.07, 0.2)
        parts.append(
            f'<g data-channel="{n}" transform="translate({x:.4f} {-y:.4f})">'
            f'<circle class="sk-energy" r="0" fill="{COLOURS[layer]}" opacity=".4"/>'
            f'<rect x="{-width / 2:.3f}" y="{-LABEL_HEIGHT / 2:.4f}" width="{width:.3f}" '
            f'height="{LABEL_HEIGHT}" rx=".04" fill="{COLOURS[layer]}"/>'
            f'<text text-anchor="middle" y=".036" font-size=".1" font-weight="bold" '
            f'fill="#fff">{text}</text></g>'
        )
    return "".join([*parts, "</svg>"])
