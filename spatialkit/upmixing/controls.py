"""Controls that upmixers share: the same name means the same for every upmixer that has it.

Each function declares one field of an options dataclass::

    @dataclass(frozen=True)
    class HallOptions:
        width: float = controls.width()
        exact_downmix: bool = controls.exact_downmix(True)
"""

from __future__ import annotations

from typing import Any

from spatialkit.upmixing.options import option

__all__ = [
    "ambience",
    "center",
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
    """What comes out; the field's type says whether Ambisonics is accepted, too."""
    return option(default, "What to upmix to.")


def width(default: float = 30.0) -> Any:
    """Half of the front stage in degrees: where a sound goes that is on one side only."""
    help = "Angle from the centre of the stage to its edge."
    return option(default, help, unit="degrees", least=0.0, most=90.0)


def center(default: float = 1.0) -> Any:
    """How much of the middle of the stage the centre loudspeaker takes."""
    help = "Share of the middle for the centre loudspeaker, 0 none (phantom) to 1 all."
    return option(default, help, least=0.0, most=1.0)


def ambience(default: float = 0.0) -> Any:
    """Level of what surrounds the listener."""
    return option(default, "Level of the ambience.", unit="dB", least=-60.0, most=12.0)


def front_rear(default: float = 0.0) -> Any:
    """Where the ambience is."""
    help = "Balance of the ambience, -1 front only to 1 rear only."
    return option(default, help, least=-1.0, most=1.0)


def height(default: float = -3.0) -> Any:
    """Level of the loudspeakers above against those around the listener."""
    help = "Level of the loudspeakers above."
    return option(default, help, unit="dB", least=-60.0, most=12.0)


def lfe(default: bool = False) -> Any:
    """Whether the LFE plays."""
    return option(default, "Whether the bass goes to the LFE, too.")


def lfe_crossover(default: float = 120.0) -> Any:
    """Where the band of the LFE ends."""
    return option(default, "Where the LFE ends.", unit="Hz", least=40.0, most=200.0)


def lfe_level(default: float = 0.0) -> Any:
    """Level of the LFE."""
    return option(default, "Level of the LFE.", unit="dB", least=-60.0, most=12.0)


def exact_downmix(default: bool = False) -> Any:
    """Whether the upmix is corrected so that its fold-down is the original.

    `Upmixer` makes the correction itself, for whole signals and for streams.
    """
    help = "Make the fold-down the original again, where a rule folds the layout down."
    return option(default, help)
