"""Passive upmixers: one real matrix each, the same at every moment and frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit._labels import everyday_label
from spatialkit.layouts import Layout, get_layout
from spatialkit.panning import vbap_gains
from spatialkit.upmixing.interface import Upmixer
from spatialkit.upmixing.options import option

__all__ = ["AllChannelStereo", "Matrix"]

# Samples mixed at a time: they stay within the processor's cache.
SAMPLES_AT_ONCE = 4096
# Mono stands for a stereo signal of the same power with that channel on both sides.
MONO_TO_SIDE = np.sqrt(0.5)
# What is no farther to the side and from ear level is in front: wide loudspeakers are.
FRONT_AZIMUTH = 60.0
FRONT_ELEVATION = 15.0


class _PassiveUpmixer(Upmixer):
    """Output = gains @ (left, right)."""

    accepts = (1, 2)
    memoryless = True
    gains: NDArray[np.float64]

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        gains = self.gains if len(audio) == 2 else MONO_TO_SIDE * self.gains.sum(1, keepdims=True)
        gains = gains.astype(audio.dtype)
        result = np.empty((len(gains), audio.shape[1]), audio.dtype)
        for start in range(0, audio.shape[1], SAMPLES_AT_ONCE):
            moment = slice(start, start + SAMPLES_AT_ONCE)
            block, mixed = audio[:, moment], result[:, moment]
            # Not gains @ block: the rounding of BLAS depends on how long a block is.
            np.multiply(gains[:, :1], block[0], out=mixed)
            for column, channel in zip(gains.T[1:], block[1:], strict=True):
                mixed += column[:, None] * channel
        return result


@dataclass(frozen=True)
class AllChannelStereoOptions:
    """Options of `AllChannelStereo`."""

    gain: float = option(0.5, "Gain of each copy.", least=0.0, most=1.0)


class AllChannelStereo(_PassiveUpmixer):
    """Each side copied to the front and the rear of its side, centre silent, in 5.0.

    The baseline that the style-transfer paper compares with [1]_. With gains of 0.5 the fold-down
    FL + SL + FC / 2, FR + SR + FC / 2 of the paper gives the original back, and the power is half
    of the original's. Mono is taken as both sides at -3 dB.

    Parameters
    ----------
    gain : float
        Gain of each copy, 0 to 1. The paper does not give it; 0.5 by default.

    References
    ----------
    .. [1] H. Yang et al., "Upmixing via style transfer: a variational autoencoder for
       disentangling spatial images and musical content", ICASSP 2022, arXiv:2203.12053.

    Examples
    --------
    >>> stereo = np.array([[1.0], [0.0]])  # left only
    >>> AllChannelStereo().upmix(stereo, 48000)[:, 0]  # FL FR FC SL SR
    array([0.5, 0. , 0. , 0.5, 0. ])
    """

    name = "all-channel-stereo"
    format = get_layout("5.0")
    options_class = AllChannelStereoOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        sides = {"FL": (1.0, 0.0), "SL": (1.0, 0.0), "FR": (0.0, 1.0), "SR": (0.0, 1.0)}
        labels = self.format.labels
        self.gains = self.options.gain * np.array([sides.get(name, (0.0, 0.0)) for name in labels])


@dataclass(frozen=True)
class MatrixOptions:
    """Options of `Matrix`."""

    layout: Layout = option("5.1", "Loudspeakers to upmix to.")
    center: float = option(0.0, "Level of the centre.", unit="dB", least=-60.0, most=10.0)
    surround: float = option(
        0.0, "Level of what is not in front.", unit="dB", least=-60.0, most=10.0
    )


class Matrix(_PassiveUpmixer):
    """Passive Lt/Rt decode to any layout: what both sides share to the centre, the rest around.

    The decode of a passive Dolby Surround decoder [1]_ without its delay and filters::

        L = Lt    R = Rt    C = (Lt + Rt) / sqrt(2)    S = (Lt - Rt) / sqrt(2)

    times one gain, which keeps the power: without the level options it is 1 / sqrt(2) wherever
    these four have loudspeakers of their own, and then the output has the power of the input
    whatever the input is. On other layouts it holds for two unrelated sides of equal power.

    L, R and C go to the loudspeakers labelled so; where there is none, they are panned to 30, -30
    and 0 degrees. S goes in equal power, positive on the left and negative on the right, to all
    loudspeakers more than 60 degrees to the side or more than 15 degrees off ear level; those in
    the middle stay silent. So the upmix of exchanged sides is the mirror image. A layout with
    rear loudspeakers in the middle only gets S there, one with front loudspeakers only gets it on
    its sides. LFE channels are silent. Mono is taken as both sides at -3 dB.

    Parameters
    ----------
    layout : str or Layout
        Loudspeakers to upmix to; "5.1" by default.
    center, surround : float
        Level of C and of S in dB, -60 to 10, 0 by default.

    References
    ----------
    .. [1] R. Dressler, "Dolby Surround Pro Logic Decoder: Principles of Operation", Dolby
       Laboratories.

    Examples
    --------
    >>> stereo = np.array([[1.0, 1.0], [1.0, -1.0]])  # the same on both sides; opposites
    >>> Matrix(layout="5.0").upmix(stereo, 48000).round(3)  # FL FR FC SL SR
    array([[ 0.707,  0.707],
           [ 0.707, -0.707],
           [ 1.   ,  0.   ],
           [ 0.   ,  0.707],
           [ 0.   , -0.707]])
    """

    name = "matrix"
    options_class = MatrixOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        layout = self.options.layout
        sides = np.stack([_front_gains(layout, "FL", 30.0), _front_gains(layout, "FR", -30.0)], 1)
        centre = np.outer(_front_gains(layout, "FC", 0.0), [1.0, 1.0]) / np.sqrt(2.0)
        surround = np.outer(_surround_gains(layout), [1.0, -1.0]) / np.sqrt(2.0)
        power = np.sum((sides + centre + surround) ** 2)
        levels = 10.0 ** (np.array([self.options.center, self.options.surround]) / 20.0)
        self.gains = sides + levels[0] * centre + levels[1] * surround
        self.gains *= np.sqrt(2.0 / power)


def _front_gains(layout: Layout, label: str, azimuth: float) -> NDArray[np.float64]:
    """Gains of a front feed: its loudspeaker, or panned where there is none of that label."""
    roles = [everyday_label(own) for own in layout.labels]
    if label in roles:
        gains = np.zeros(layout.n_channels)
        gains[roles.index(label)] = 1.0
        return gains
    return vbap_gains(azimuth, layout=layout)


def _surround_gains(layout: Layout) -> NDArray[np.float64]:
    """Gains of S: squares sum to 1, half of it on each side; negative on the right."""
    azimuth = np.abs((layout.azimuth + 180.0) % 360.0 - 180.0)
    # An LFE is NaN, which is below no limit and above none.
    front = (azimuth <= FRONT_AZIMUTH) & (np.abs(layout.elevation) <= FRONT_ELEVATION)
    around = ~front & ~layout.is_lfe
    lateral = np.nan_to_num(layout.directions[:, 1])
    sides = np.where(np.abs(lateral) < 1e-9, 0.0, np.sign(lateral))
    signed = sides * around if np.any(sides * around) else np.where(around.any(), around, sides)
    gains = np.zeros(layout.n_channels)
    present = [side for side in (1.0, -1.0) if np.any(signed == side)]
    for side in present:
        gains[signed == side] = side / np.sqrt(len(present) * np.sum(signed == side))
    return gains
