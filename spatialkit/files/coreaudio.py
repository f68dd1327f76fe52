"""Channel layouts of Core Audio: in CAF ("chan"), AIFF ("CHAN") and QuickTime ("chan").

Source: Apple, CoreAudioBaseTypes.h (AudioChannelLayout: tags, bitmap, labels). The bits of the
bitmap are those of WAVE.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from spatialkit.files.channels import Channels, by_ambisonics, by_labels, by_mask
from spatialkit.layouts import AmbisonicFormat, Format, Layout, Normalization, get_format

_HEADER = struct.Struct(">III")  # tag, bitmap, number of descriptions
_DESCRIPTION = struct.Struct(">I16x")  # label, flags, coordinates
_BY_DESCRIPTIONS, _BY_BITMAP = 0, 1
_DISCRETE, _UNKNOWN = 147, 0xFFFF
# Normalizations of Ambisonic channels in ACN order, by tag and by the upper bits of a label.
_HOA: dict[int, Normalization] = {190: "SN3D", 191: "N3D"}
_HOA_LABELS: dict[int, Normalization] = {2: "SN3D", 3: "N3D"}
# B-format, and 22.2 in the order of BS.2051.
_FORMATS = {107: "fuma1", 204: "22.2"}
# Channels of the tags, without the number of channels in their lower 16 bits, in Apple's names.
_TAGS = {
    100: "C",
    101: "L R",
    102: "L R",  # headphones
    108: "L R Rls Rrs",  # quadraphonic, 90 degrees apart
    109: "L R Ls Rs C",
    110: "L R Ls Rs C Cs",
    113: "L R C",
    114: "C L R",
    115: "L R C Cs",
    116: "C L R Cs",
    117: "L R C Ls Rs",
    118: "L R Ls Rs C",
    119: "L C R Ls Rs",
    120: "C L R Ls Rs",
    121: "L R C LFE Ls Rs",
    122: "L R Ls Rs C LFE",
    123: "L C R Ls Rs LFE",
    124: "C L R Ls Rs LFE",
    125: "L R C LFE Ls Rs Cs",
    126: "L R C LFE Ls Rs Lc Rc",
    127: "C Lc Rc L R Ls Rs LFE",
    128: "L R C LFE Ls Rs Rls Rrs",
    129: "L R Ls Rs C LFE Lc Rc",
    131: "L R Cs",
    132: "L R Ls Rs",
    133: "L R LFE",
    134: "L R LFE Cs",
    135: "L R LFE Ls Rs",
    136: "L R C LFE",
    137: "L R C LFE Cs",
    138: "L R Ls Rs LFE",
    139: "L R Ls Rs C Cs",
    140: "L R Ls Rs C Rls Rrs",
    141: "C L R Ls Rs Cs",
    142: "C L R Ls Rs Cs LFE",
    143: "C L R Ls Rs Rls Rrs",
    144: "C L R Ls Rs Rls Rrs Cs",
    148: "L R Ls Rs C Lc Rc",
    149: "C LFE",
    150: "L C R",
    151: "L C R Cs",
    152: "L C R LFE",
    153: "L R Cs LFE",
    154: "L C R Cs LFE",
    155: "L C R Ls Rs Cs",
    156: "L C R Ls Rs Rls Rrs",
    157: "L C R Ls Rs LFE Cs",
    158: "L C R Ls Rs LFE Ts",
    159: "L C R Ls Rs LFE Vhc",
    160: "L C R Ls Rs LFE Rls Rrs",
    161: "L C R Ls Rs LFE Lc Rc",
    162: "L C R Ls Rs LFE Lsd Rsd",
    163: "L C R Ls Rs LFE Lw Rw",
    164: "L C R Ls Rs LFE Vhl Vhr",
    165: "L C R Ls Rs LFE Cs Ts",
    166: "L C R Ls Rs LFE Cs Vhc",
    167: "L C R Ls Rs LFE Ts Vhc",
    168: "C L R LFE",
    169: "C L R Cs LFE",
    170: "Lc Rc L R Ls Rs",
    171: "C L R Rls Rrs Ts",
    172: "C Cs L R Rls Rrs",
    173: "Lc Rc L R Ls Rs LFE",
    174: "C L R Rls Rrs Ts LFE",
    175: "C Cs L R Rls Rrs LFE",
    176: "Lc C Rc L R Ls Rs",
    177: "Lc C Rc L R Ls Rs LFE",
    178: "Lc Rc L R Ls Rs Rls Rrs",
    179: "Lc C Rc L R Ls Cs Rs",
    180: "Lc Rc L R Ls Rs Rls Rrs LFE",
    181: "Lc C Rc L R Ls Cs Rs LFE",
    182: "C L R Ls Rs LFE Cs",
    183: "C L R Ls Rs Rls Rrs LFE",
    184: "C L R Ls Rs LFE Vhl Vhr",
    185: "L R Rls Rrs",
    186: "L R C Rls Rrs",
    187: "L R C LFE Rls Rrs",
    188: "L R C LFE Cs Ls Rs",
    189: "L R C LFE Rls Rrs Ls Rs",
    192: "L R C LFE Ls Rs Rls Rrs Vhl Vhr Ltr Rtr",
    193: "L R C LFE Ls Rs Rls Rrs Lw Rw Vhl Vhr Ltm Rtm Ltr Rtr",
    194: "L R C LFE Ls Rs Ltm Rtm",
    195: "L R C LFE Ls Rs Vhl Vhr Ltr Rtr",
    196: "L R C LFE Ls Rs Rls Rrs Ltm Rtm",
    197: "L R Cs C",
    198: "L R Ls Rs Cs C",
    199: "L R Ls Rs Cs C LFE",
    200: "L C R Ls Cs Rs LFE",
    201: "L R Ls Rs Rls Rrs C LFE",
    202: "L R Rls Rrs Ls Rs C LFE Vhl Vhr Ltr Rtr",
    203: "L R Rls Rrs Ls Rs C LFE Vhl Vhr Ltm Rtm Ltr Rtr",
    205: "L R C LFE Ls Rs Vhl Vhr",
    207: "L R C LFE Ls Rs Vhl Vhr Ltr Rtr",
    210: "L R C LFE Rls Rrs Lss Rss Vhl Vhr Ltr Rtr",
    212: "L C R Rls Rrs",
    213: "L C R Rls Rrs LFE",
    214: "L C R Ls Rs Cs LFE",
    215: "L C R Ls Rs Rls Rrs LFE",
    216: "L R Rls Rrs C",
    217: "L R Rls Rrs C LFE",
    218: "L R Ls Rs C Cs LFE",
    219: "L R Rls Rrs Ls Rs C LFE",
}
# Labels of channel descriptions.
_NAMES = {
    **{1: "L", 2: "R", 3: "C", 4: "LFE", 5: "Ls", 6: "Rs", 7: "Lc", 8: "Rc", 9: "Cs"},
    **{10: "Lsd", 11: "Rsd", 12: "Ts", 13: "Vhl", 14: "Vhc", 15: "Vhr", 16: "Ltr", 17: "Ctr"},
    **{18: "Rtr", 33: "Rls", 34: "Rrs", 35: "Lw", 36: "Rw", 37: "LFE2", 42: "C", 44: "Cs"},
    **{49: "Ltm", 51: "Rtm", 52: "Ltr", 53: "Ctr", 54: "Rtr", 55: "Lss", 56: "Rss"},
    **{60: "Lts", 61: "Rts", 301: "L", 302: "R"},
}
_LABELS = {
    **{"L": "FL", "R": "FR", "C": "FC", "LFE": "LFE", "LFE2": "LFE2", "Lc": "FLC", "Rc": "FRC"},
    **{"Ls": "SL", "Rs": "SR", "Lss": "SL", "Rss": "SR", "Lsd": "SL", "Rsd": "SR"},
    **{"Rls": "BL", "Rrs": "BR", "Cs": "BC", "Lw": "FWL", "Rw": "FWR", "Ts": "TC"},
    **{"Vhl": "TFL", "Vhc": "TFC", "Vhr": "TFR", "Ltm": "TSL", "Rtm": "TSR"},
    **{"Ltr": "TBL", "Ctr": "TBC", "Rtr": "TBR", "Lts": "TBL", "Rts": "TBR"},
}


def read_layout(content: bytes, channels: int) -> Channels:
    """Return the format in an AudioChannelLayout."""
    if len(content) < _HEADER.size:
        return Channels()
    tag, bitmap, number = _HEADER.unpack_from(content)
    kind, count = tag >> 16, tag & 0xFFFF
    if kind == _BY_BITMAP:
        return by_mask(bitmap, channels)
    if kind == _BY_DESCRIPTIONS:
        complete = (len(content) - _HEADER.size) // _DESCRIPTION.size
        descriptions = content[_HEADER.size :][: min(number, complete) * _DESCRIPTION.size]
        labels = [label for (label,) in _DESCRIPTION.iter_unpack(descriptions)]
        return _described(labels, channels)
    if kind in (_DISCRETE, _UNKNOWN):
        return Channels()
    if count != channels:
        return Channels(conflict=f"channel layout tag {tag:#x}")
    if kind in _HOA:
        return by_ambisonics(range(channels), _HOA[kind])
    if kind in _FORMATS:
        found = Channels(get_format(_FORMATS[kind]))
    elif kind in _TAGS:
        found = by_labels(everyday_labels(_TAGS[kind].split()))
    else:
        return Channels(note=f"has the unknown channel layout tag {tag:#x}")
    if found.format and found.format.n_channels != channels:
        return Channels(conflict=f"channel layout tag {tag:#x}")
    return found


def _described(labels: Sequence[int], channels: int) -> Channels:
    if len(labels) != channels:
        return Channels(conflict=f"list of {len(labels)} channel descriptions")
    if labels == [200, 201, 202, 203]:
        return Channels(get_format("fuma1"))
    for kind, normalization in _HOA_LABELS.items():
        if all(label >> 16 == kind for label in labels):
            return by_ambisonics([label & 0xFFFF for label in labels], normalization)
    if any(label not in _NAMES for label in labels):
        return Channels()
    return by_labels(everyday_labels([_NAMES[label] for label in labels]))


def everyday_labels(names: Sequence[str]) -> list[str]:
    """Return the everyday labels of Apple's names.

    The surrounds Ls and Rs are at the sides, and at the back if others are at the sides.
    """
    back = {"Ls": "BL", "Rs": "BR"} if {"Lsd", "Lss"} & set(names) else {}
    if "Rls" in names:
        back = {}
    return [back.get(name) or _LABELS[name] for name in names]


def layout_of_mask(mask: int) -> bytes:
    """Return the AudioChannelLayout of channels in WAVE order with a channel mask."""
    return _HEADER.pack(_BY_BITMAP << 16, mask, 0)


def discrete_layout(channels: int) -> bytes:
    """Return the AudioChannelLayout of channels without positions, empty if there are too many."""
    if channels > 0xFFFF:
        return b""
    return _HEADER.pack(_DISCRETE << 16 | channels, 0, 0)


def layout_of_format(format: Format) -> bytes:
    """Return an AudioChannelLayout that `read_layout` reads as a format; empty if there is none."""
    channels = format.n_channels
    kinds = [kind for kind, name in _FORMATS.items() if format == get_format(name)]
    if isinstance(format, AmbisonicFormat) and format.channel_order == "ACN":
        kinds += [kind for kind, name in _HOA.items() if name == format.normalization]
    layouts = [_HEADER.pack(kind << 16 | channels, 0, 0) for kind in kinds]
    if isinstance(format, Layout):
        layouts += _descriptions(format.labels)
    return next((each for each in layouts if _is_read_as(each, format)), b"")


def _descriptions(labels: Sequence[str]) -> list[bytes]:
    """Return the list of descriptions of channels; empty if a label has no name of Apple's."""
    codes: dict[str, int] = {}
    for code, name in _NAMES.items():
        codes.setdefault(_LABELS[name], code)
    if not set(labels) <= codes.keys():
        return []
    content = b"".join(_DESCRIPTION.pack(codes[label]) for label in labels)
    return [_HEADER.pack(_BY_DESCRIPTIONS, 0, len(labels)) + content]


def _is_read_as(content: bytes, format: Format) -> bool:
    found = read_layout(content, format.n_channels)
    return found.format == format and found.order is None
