"""Formats by the program or device that plays them, for ``spatialkit upmix --for``.

`docs/guides/delivery.md` contains the sources: what was tested, and what makers document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.layouts import Format

# Formats in the order of preference; the first that can contain the channels is written. FLAC has
# up to 8 channels, which is what most of these players have.
PLAYERS: dict[str, tuple[str, ...]] = {
    "vlc": ("flac",),
    "kodi": ("flac",),
    "mpv": ("flac", "wav"),
    "foobar2000": ("flac", "wavpack"),
    "browser": ("opus",),
    "avr": ("ac3", "flac"),
    "apple": ("m4a", "caf"),
    "youtube": ("mov", "iamf-mp4"),
    "daw": ("wav",),
    "broadcast": ("adm",),
}
# Players that treat the channels of Ambisonics as such; others would play them as loudspeakers.
SCENE_PLAYERS = ("youtube", "daw", "broadcast")
# Channels that the maker documents for a format; others are written in the next one.
_DOCUMENTED = {("youtube", "mov"): ("mono", "stereo", "5.1", "ambix1")}
# Sample rates in Hz that the maker documents; other sources are refused, not converted unasked.
SAMPLE_RATES: dict[str, tuple[int, ...]] = {"youtube": (48000,)}


def format_for(player: str, form: Format) -> str:
    """Return the name of the format for a player.

    Raises
    ------
    OptionError
        If none of its formats can contain the channels.
    """
    from spatialkit.errors import SpatialkitError
    from spatialkit.files import check_format, file_format
    from spatialkit.layouts import AmbisonicFormat

    if isinstance(form, AmbisonicFormat) and player not in SCENE_PLAYERS:
        raise OptionError(
            f"--for {player} has no format for Ambisonics: render it to a layout, such as with "
            "`spatialkit render`"
        )
    for name in PLAYERS[player]:
        if form.name not in _DOCUMENTED.get((player, name), (form.name,)):
            continue
        try:
            check_format(f"OUT{file_format(name).suffixes[0]}", form)
        except SpatialkitError:
            continue
        return name
    formats = ", ".join(PLAYERS[player])
    raise OptionError(
        f"--for {player} has no format for {form.name}: {formats} cannot contain it; choose "
        "another --layout such as 5.1, or --headphones"
    )
