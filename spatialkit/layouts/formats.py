"""What the channels of an Ambisonic signal mean. Public from `spatialkit.layouts`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from spatialkit.errors import LayoutError
from spatialkit.validation import as_choice, as_count

NORMALIZATIONS = ("SN3D", "N3D", "FuMa")
AMBISONIC_ORDERS = ("ACN", "FuMa")
HIGHEST_ORDER = 7
HIGHEST_FUMA_ORDER = 3


@dataclass(frozen=True)
class AmbisonicFormat:
    """Order, normalization and channel order of an Ambisonic signal.

    Parameters
    ----------
    order : int
        1 to 7; to 3 with anything of FuMa.
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Examples
    --------
    >>> AmbisonicFormat(3).n_channels, AmbisonicFormat(3).name
    (16, 'ambix3')
    """

    order: int = 1
    normalization: str = "SN3D"
    channel_order: str = "ACN"

    def __post_init__(self) -> None:
        as_choice(self.normalization, "normalization", NORMALIZATIONS)
        as_choice(self.channel_order, "channel_order", AMBISONIC_ORDERS)
        as_count(self.order, "order", most=HIGHEST_ORDER)
        fuma = "FuMa" in (self.normalization, self.channel_order)
        if fuma and self.order > HIGHEST_FUMA_ORDER:
            raise LayoutError(f"FuMa is defined up to order 3, got order {self.order}")

    @property
    def n_channels(self) -> int:
        """Number of channels, (order + 1) squared."""
        return (self.order + 1) ** 2

    @property
    def name(self) -> str:
        """Name such as "ambix1" or "fuma2"; spelled out where no name is usual."""
        usual = {("SN3D", "ACN"): "ambix", ("FuMa", "FuMa"): "fuma"}
        prefix = usual.get((self.normalization, self.channel_order))
        return f"{prefix or f'{self.normalization}-{self.channel_order}-'}{self.order}"


def _all_formats() -> Iterator[AmbisonicFormat]:
    for normalization, channel_order in product(NORMALIZATIONS, AMBISONIC_ORDERS):
        fuma = "FuMa" in (normalization, channel_order)
        for order in range(1, (HIGHEST_FUMA_ORDER if fuma else HIGHEST_ORDER) + 1):
            yield AmbisonicFormat(order, normalization, channel_order)


FORMATS = {"foa": AmbisonicFormat(1), **{form.name: form for form in _all_formats()}}
