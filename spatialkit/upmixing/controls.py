"""Options shared by upmixers: the same name has the same meaning for every upmixer.

Each function declares one field of an options dataclass::

    @dataclass(frozen=True)
    class HallOptions:
        width: float = controls.width()
        exact_downmix: bool = controls.exact_downmix(True)
"""

from __future__ import annotations

from typing import Any, get_args

from spatialkit.ambisonics import FoaDecoder
from spatialkit.plugins import option

__all__ = [
    "ambience",
    "center",
    "decoder",
    "exact_downmix",
    "front_rear",
    "height",
    "layout",
    "lfe",
    "lfe_crossover",
    "lfe_level",
    "width",
]


def layout(default: str = "5.1") -> Any:
    """Declare the output format; the type of the field specifies whether Ambisonics is accepted."""
    return option(default, "Output format.")


DECODERS = get_args(FoaDecoder)


def decoder(default: str = "allrad") -> Any:
    """Declare the decoder from first-order Ambisonics to the output format.

    `spatialkit.upmixing.FirstOrderDecoder` applies it.
    """
    help = "Decoder of first-order Ambisonics to loudspeakers; 'dirac' is sharp."
    return option(default, help, choices=DECODERS)


def width(default: float = 30.0) -> Any:
    """Declare the azimuth of sound that is only in the left or only in the right channel."""
    help = "Angle from the centre of the front stage to its edge."
    return option(default, help, unit="degrees", minimum=0.0, maximum=90.0)


def center(default: float = 1.0) -> Any:
    """Declare the ratio of central sound that goes to the centre loudspeaker."""
    help = "Ratio of central sound in the centre channel, 0 none (phantom) to 1 all."
    return option(default, help, minimum=0.0, maximum=1.0)


def ambience(default: float = 0.0) -> Any:
    """Declare the level of the ambience."""
    return option(default, "Level of the ambience.", unit="dB", minimum=-60.0, maximum=12.0)


def front_rear(default: float = 0.0) -> Any:
    """Declare the balance of the ambience between front and rear."""
    help = "Balance of the ambience, -1 front only to 1 rear only."
    return option(default, help, minimum=-1.0, maximum=1.0)


def height(default: float = -3.0) -> Any:
    """Declare the level of the height loudspeakers relative to those at ear level."""
    help = "Level of the height loudspeakers."
    return option(default, help, unit="dB", minimum=-60.0, maximum=12.0)


def lfe(default: bool = False) -> Any:
    """Declare whether the LFE channel receives bass."""
    return option(default, "Add bass to the LFE channel.")


def lfe_crossover(default: float = 120.0) -> Any:
    """Declare the crossover frequency of the LFE channel."""
    return option(
        default, "Crossover frequency of the LFE channel.", unit="Hz", minimum=40.0, maximum=200.0
    )


def lfe_level(default: float = 0.0) -> Any:
    """Declare the level of the LFE channel."""
    return option(default, "Level of the LFE channel.", unit="dB", minimum=-60.0, maximum=12.0)


def exact_downmix(default: bool = False) -> Any:
    """Declare whether the upmix is corrected so that its downmix equals the input.

    `Upmixer` applies the correction, to whole signals and to streams.
    """
    help = "Correct the upmix so that its downmix equals the input, if a rule exists."
    return option(default, help)
