"""Channel orders of WAVE, film and Vorbis, and WAVE masks, by the labels of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

from spatialkit.errors import LayoutError, OptionError
from spatialkit.layouts import tables
from spatialkit.validation import as_choice, as_count

LoudspeakerOrder: TypeAlias = Literal["wave", "film", "vorbis"]
"""Order of the channels of a loudspeaker layout."""

CHANNEL_ORDERS: tuple[LoudspeakerOrder, ...] = get_args(LoudspeakerOrder)


def mask_labels(mask: Any) -> list[str]:
    """Return the labels of a WAVE mask, in the order of the file; 5.x has surrounds, not backs."""
    try:
        mask = as_count(mask, "mask", minimum=0)
    except OptionError as error:
        raise LayoutError(str(error)) from None
    labels = [label for label, bit in tables.WAVE_BITS.items() if mask & bit]
    if mask != sum(tables.WAVE_BITS[label] for label in labels) or not labels:
        raise LayoutError(
            f"mask must have at least one of bits 0 to 17 and no other, got {mask:#x}"
        )
    return tables.with_surrounds(labels)


def wave_mask(labels: Sequence[str]) -> int:
    """Return the WAVE mask of channels, 0 if none describes them in this order."""
    bits = [tables.WAVE_BITS.get(tables.everyday_label(label), 0) for label in labels]
    ascending = all(a < b for a, b in zip([0, *bits], bits, strict=False))
    return sum(bits) if ascending else 0


def ordered_channels(labels: Sequence[str], order: str, name: str) -> list[int]:
    """Return the indices of the channels of layout ``name`` in another order."""
    order = as_choice(order, "order", CHANNEL_ORDERS)
    ranks = list(tables.WAVE_BITS) if order == "wave" else tables.FILM_ORDER
    roles = [tables.everyday_label(label) for label in labels]
    lost = [label for label, role in zip(labels, roles, strict=True) if role not in ranks]
    if lost or len(set(roles)) < len(roles):
        raise LayoutError(
            f"order {order!r} does not define the position of {', '.join(lost or labels)} of "
            f"{name!r}"
        )
    systems = [set(tables.EVERYDAY_SYSTEMS[each].split()) for each in tables.VORBIS_SYSTEMS]
    if order == "vorbis" and set(roles) not in systems:
        raise LayoutError(
            f"order 'vorbis' does not support {name!r}; supported: "
            + ", ".join(tables.VORBIS_SYSTEMS)
        )
    return sorted(range(len(labels)), key=lambda n: ranks.index(roles[n]))
