"""Description of upmixers and formats from which the page makes its form."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

from spatialkit.commands import toolkit
from spatialkit.files import FILE_FORMATS

__all__ = ["describe"]

# Options that name files and folders of this machine are left to the command line.
PATHS = ("weights", "stems", "style_stems", "names", "separator")
# Options in which the page places instruments, with the form of their text: azimuths, or positions
# between front (1) and rear (-1).
PLACES = {"directions": "azimuth", "stage": "depth"}
# Layouts of the form, from few to many loudspeakers; the option accepts more.
LAYOUTS = ("5.1", "7.1", "5.1.2", "5.1.4", "7.1.4", "9.1.6", "quad", "5.0", "ambix1", "ambix3")


@cache
def describe() -> dict[str, Any]:
    """Return the upmixers with their options, and what the page offers for layouts."""
    from spatialkit.upmixing import describe_upmixers

    with toolkit.isolated_plugins():
        found = [each for each in describe_upmixers() if not each.problem]
    upmixers = []
    for each in found:
        facts = toolkit.plugin_facts(each)
        facts["options"] = [
            {**option, "place": PLACES.get(option["name"], "")}
            for option in facts["options"]
            if option["name"] not in PATHS
        ]
        upmixers.append({**facts, "format": each.format or None})
    formats = [
        {"suffix": each.suffixes[0], "title": each.title}
        for each in FILE_FORMATS
        if not each.extra or find_spec(each.extra)
    ]
    return {"upmixers": upmixers, "layouts": LAYOUTS, "formats": formats}
