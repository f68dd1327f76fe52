"""Tables of channel labels, layouts, directions and channel orders.

Sources: ITU-R BS.2051-3, Table 1 and Attachment 1 (systems, labels, nominal angles);
WAVEFORMATEXTENSIBLE (mask bits); RFC 7845, section 5.1.1.2 (Vorbis order); ITU-R BS.775 and the
everyday names of consumer formats.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# Elevation of each layer, by the first letters of a label of BS.2051.
LAYER_ELEVATIONS = {"M": 0.0, "U": 30.0, "UH": 45.0, "T": 90.0, "B": -30.0}
# The screen loudspeakers M+SC and M-SC: 5-25 degrees or 35-60 are allowed, 15 is nominal.
SCREEN_AZIMUTH = 15.0

_4_7_0 = "M+030 M-030 M+000 LFE1 M+090 M-090 M+135 M-135 U+045 U-045 U+135 U-135"
_0_5_0 = "M+030 M-030 M+000 LFE1 M+110 M-110"
BS2051_SYSTEMS = {
    "0+2+0": "M+030 M-030",
    "0+5+0": _0_5_0,
    "2+5+0": f"{_0_5_0} U+030 U-030",
    "4+5+0": f"{_0_5_0} U+030 U-030 U+110 U-110",
    "4+5+1": f"{_0_5_0} U+030 U-030 U+110 U-110 B+000",
    "3+7+0": "M+000 M+030 M-030 U+045 U-045 M+090 M-090 M+135 M-135 UH+180 LFE1 LFE2",
    "4+9+0": f"{_4_7_0} M+SC M-SC",
    "9+10+3": (
        "M+060 M-060 M+000 LFE1 M+135 M-135 M+030 M-030 M+180 LFE2 M+090 M-090 "
        "U+045 U-045 U+000 T+000 U+135 U-135 U+090 U-090 U+180 B+000 B+045 B-045"
    ),
    "0+7+0": "M+030 M-030 M+000 LFE1 M+090 M-090 M+135 M-135",
    "4+7+0": _4_7_0,
}

# Permitted angles of BS.2051-3: lowest and highest azimuth on the left, lowest and highest
# elevation. A loudspeaker on the right has the mirrored range.
_Ranges = dict[str, tuple[float, float, float, float]]
_FRONT: _Ranges = {"M+030": (30, 30, 0, 0), "M+000": (0, 0, 0, 0)}
_TOPS: _Ranges = {"U+030": (30, 45, 30, 55), "U+110": (100, 135, 30, 55)}
_SEVEN: _Ranges = {
    "M+030": (30, 45, 0, 0),
    "M+000": (0, 0, 0, 0),
    "M+090": (85, 110, 0, 0),
    "M+135": (120, 150, 0, 0),
    "U+045": (30, 45, 30, 55),
    "U+135": (100, 150, 30, 55),
    "M+SC": (5, 60, 0, 0),
}
BS2051_RANGES: dict[str, _Ranges] = {
    "0+2+0": _FRONT,
    "0+5+0": {**_FRONT, "M+110": (100, 120, 0, 15)},
    "2+5+0": {**_FRONT, **_TOPS, "M+110": (100, 120, 0, 15)},
    "4+5+0": {**_FRONT, **_TOPS, "M+110": (100, 120, 0, 0)},
    "4+5+1": {**_FRONT, **_TOPS, "M+110": (100, 120, 0, 0), "B+000": (0, 0, -30, -15)},
    "3+7+0": {
        **_FRONT,
        "U+045": (30, 45, 30, 45),
        "M+090": (60, 150, 0, 0),
        "M+135": (60, 150, 0, 0),
        "UH+180": (180, 180, 45, 90),
    },
    "4+9+0": _SEVEN,
    "9+10+3": {
        "M+060": (45, 60, 0, 5),
        "M+000": (0, 0, 0, 5),
        "M+135": (110, 135, 0, 15),
        "M+030": (22.5, 30, 0, 5),
        "M+180": (180, 180, 0, 15),
        "M+090": (90, 90, 0, 15),
        "U+045": (45, 60, 30, 45),
        "U+000": (0, 0, 30, 45),
        "T+000": (0, 0, 90, 90),
        "U+135": (110, 135, 30, 45),
        "U+090": (90, 90, 30, 45),
        "U+180": (180, 180, 30, 45),
        "B+000": (0, 0, -30, -15),
        "B+045": (45, 60, -30, -15),
    },
    "0+7+0": _SEVEN,
    "4+7+0": _SEVEN,
}

# Everyday systems: labels in WAVE order.
_5_1 = "FL FR FC LFE SL SR"
_7_1 = "FL FR FC LFE BL BR SL SR"
_FOUR_TOPS = "TFL TFR TBL TBR"
EVERYDAY_SYSTEMS = {
    "mono": "FC",
    "stereo": "FL FR",
    "3.0": "FL FR FC",
    "quad": "FL FR BL BR",
    "5.0": "FL FR FC SL SR",
    "5.1": _5_1,
    "6.1": "FL FR FC LFE BC SL SR",
    "7.0": "FL FR FC BL BR SL SR",
    "7.1": _7_1,
    "5.1.2": f"{_5_1} TFL TFR",
    "7.1.2": f"{_7_1} TFL TFR",
    "5.1.4": f"{_5_1} {_FOUR_TOPS}",
    "7.1.4": f"{_7_1} {_FOUR_TOPS}",
    "9.1.4": f"{_7_1} {_FOUR_TOPS} FWL FWR",
    "9.1.6": f"{_7_1} {_FOUR_TOPS} FWL FWR TSL TSR",
    "paper5": "FL SL FC FR SR",
}
# (azimuth, elevation); every ...L has its mirror image ...R.
EVERYDAY_DIRECTIONS = {
    "FL": (30.0, 0.0),
    "FC": (0.0, 0.0),
    "BL": (135.0, 0.0),
    "FLC": (15.0, 0.0),
    "BC": (180.0, 0.0),
    "SL": (90.0, 0.0),
    "FWL": (60.0, 0.0),
    "TC": (0.0, 90.0),
    "TFL": (45.0, 45.0),
    "TFC": (0.0, 45.0),
    "TSL": (90.0, 45.0),
    "TBL": (135.0, 45.0),
    "TBC": (180.0, 45.0),
}
# Exceptions: the only surround pair of 5.x is at 110 degrees, the front pair of quad at 45.
SURROUND_AZIMUTH = 110.0
QUAD_FRONT_AZIMUTH = 45.0

# dwChannelMask of WAVEFORMATEXTENSIBLE; channels are stored in ascending order of their bits.
WAVE_BITS = {
    "FL": 0x1,
    "FR": 0x2,
    "FC": 0x4,
    "LFE": 0x8,
    "BL": 0x10,
    "BR": 0x20,
    "FLC": 0x40,
    "FRC": 0x80,
    "BC": 0x100,
    "SL": 0x200,
    "SR": 0x400,
    "TC": 0x800,
    "TFL": 0x1000,
    "TFC": 0x2000,
    "TFR": 0x4000,
    "TBL": 0x8000,
    "TBC": 0x10000,
    "TBR": 0x20000,
}

# Film (SMPTE, Pro Tools) and Vorbis/Opus use the same order up to 8 channels: left, centre, right,
# side, back, LFE; film appends the top channels.
FILM_ORDER = (
    *("FL", "FLC", "FC", "FRC", "FR", "FWL", "FWR", "SL", "SR", "BL", "BR", "BC", "LFE"),
    *("TFL", "TFC", "TFR", "TSL", "TC", "TSR", "TBL", "TBC", "TBR"),
)

# Layouts for which Vorbis and Opus (mapping family 1) define an order: RFC 7845, 5.1.1.2.
VORBIS_SYSTEMS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")

# The everyday label of each label of BS.2051; "..L" represents the pair.
_ROLES = {
    "M030": "FL",
    "M000": "FC",
    "M060": "FWL",
    "M090": "SL",
    "M110": "SL",
    "M135": "BL",
    "M180": "BC",
    "MSC": "FLC",
    "U000": "TFC",
    "U030": "TFL",
    "U045": "TFL",
    "U090": "TSL",
    "U110": "TBL",
    "U135": "TBL",
    "U180": "TBC",
    "UH180": "TBC",
    "T000": "TC",
}


def mirrored(label: str) -> str:
    """Return the label of the loudspeaker on the other side: FL for FR, FLC for FRC."""
    swapped = {"L": "R", "R": "L"}
    return re.sub(r"([LR])(?=C?$)", lambda match: swapped[match[1]], label)


def everyday_direction(label: str) -> tuple[float, float] | None:
    """Return azimuth and elevation of an everyday label, without the exceptions of systems."""
    if label in EVERYDAY_DIRECTIONS:
        return EVERYDAY_DIRECTIONS[label]
    if mirrored(label) in EVERYDAY_DIRECTIONS:
        azimuth, elevation = EVERYDAY_DIRECTIONS[mirrored(label)]
        return -azimuth, elevation
    return None


def bs2051_direction(label: str) -> tuple[float, float] | None:
    """Return nominal azimuth and elevation of a label of BS.2051."""
    match = re.fullmatch(r"(M|UH|U|T|B)([+-])(\d{3}|SC)", label)
    if not match:
        return None
    layer, sign, angle = match.groups()
    azimuth = SCREEN_AZIMUTH if angle == "SC" else float(angle)
    return (azimuth if sign == "+" else -azimuth), LAYER_ELEVATIONS[layer]


def label_direction(label: str) -> tuple[float, float] | None:
    """Return azimuth and elevation of a label of everyday layouts or BS.2051."""
    return everyday_direction(label) or bs2051_direction(label)


def with_surrounds(labels: Sequence[str]) -> list[str]:
    """Return labels in which back channels without side channels, with a centre, are surrounds."""
    if {"FC", "BL", "BR"} <= set(labels) and not {"SL", "SR"} & set(labels):
        return [{"BL": "SL", "BR": "SR"}.get(label, label) for label in labels]
    return list(labels)


def has_meaning(label: str) -> bool:
    """Return whether a label is one of BS.2051 or of everyday layouts."""
    return label.startswith("LFE") or label_direction(label) is not None


def everyday_label(label: str) -> str:
    """Return the everyday equivalent of a label of BS.2051 ("SL" of "M+110"), else the label."""
    if label == "LFE1":
        return "LFE"
    role = _ROLES.get(re.sub("[+-]", "", label))
    if role is None:
        return label
    return mirrored(role) if "-" in label else role
