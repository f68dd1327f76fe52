"""Passive upmixers: one real matrix each, the same at every moment and frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import Layout, everyday_label, get_layout
from spatialkit.panning import vbap_gains
from spatialkit.upmixing import controls
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
# Where stereo loudspeakers stand: the width at which L and R keep their loudspeakers.
STEREO_AZIMUTH = 30.0


class PassiveUpmixer(Upmixer):
    """Output = gains @ (left, right)."""

    accepts: tuple[int, ...] = (1, 2)
    memoryless = True
    linear_level = True
    gains: NDArray[np.float64]

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        gains = self.gains if len(audio) == 2 else MONO_TO_SIDE * self.gains.sum(1, keepdims=True)
        return apply_gains(gains, audio)


def apply_gains(gains: NDArray[np.float64], audio: NDArray[Any]) -> NDArray[Any]:
    """``gains`` (outputs, channels) times ``audio``, to the same bits in blocks of any length."""
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
    exact_downmix: bool = controls.exact_downmix()


class AllChannelStereo(PassiveUpmixer):
    """Each side copied to the front and the rear of its side, centre silent, in 5.0.

    The baseline that the style-transfer paper compares with [1]_. With gains of 0.5 the fold-down
    FL + SL + FC / 2, FR + SR + FC / 2 of the paper gives the original back, and the power is half
    of the original's. Mono is taken as both sides at -3 dB.

    A baseline stays as it was published: it has no centre, ambience or height that the other
    shared controls could change.

    Parameters
    ----------
    gain : float
        Gain of each copy, 0 to 1. The paper does not give it; 0.5 by default.
    exact_downmix : bool
        Make the fold-down of ITU-R BS.775, where surrounds count 0.7071, the original too; off by
        default.

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

    layout: Layout = controls.layout()
    width: float = controls.width()
    center: float = controls.center()
    ambience: float = controls.ambience()
    front_rear: float = controls.front_rear()
    height: float = controls.height(0.0)
    exact_downmix: bool = controls.exact_downmix()


class Matrix(PassiveUpmixer):
    """Passive Lt/Rt decode to any layout: what both sides share to the centre, the rest around.

    The decode of a passive Dolby Surround decoder [1]_ without its delay and filters::

        L = Lt    R = Rt    C = (Lt + Rt) / sqrt(2)    S = (Lt - Rt) / sqrt(2)

    times one gain, which keeps the power of two unrelated sides, but for ``ambience`` and
    ``height``, which are levels. At the defaults it is 1 / sqrt(2) wherever these four have
    loudspeakers of their own, and then the output has the power of the input whatever that is.

    L, R and C go to the loudspeakers labelled so; where there is none, they are panned to 30, -30
    and 0 degrees. S goes in equal power, positive on the left and negative on the right, to all
    loudspeakers more than 60 degrees to the side or more than 15 degrees off ear level; those in
    the middle stay silent. So the upmix of exchanged sides is the mirror image. A layout with
    rear loudspeakers in the middle only gets S there, one with front loudspeakers only gets it on
    its sides. LFE channels are silent: a crossover has memory. Mono is taken as both sides at
    -3 dB.

    Parameters
    ----------
    layout : str or Layout
        Loudspeakers to upmix to; "5.1" by default.
    width : float
        Where L and R go: at 30, by default, to the front loudspeakers, at 0 straight ahead, at 90
        to the sides; panned in between.
    center : float
        Gain of C, 0 to 1, 1 by default; without a centre loudspeaker it changes nothing. L and R
        hold the middle as well: at 0 it is heard between them.
    ambience : float
        Level of S in dB, -60 to 12, 0 by default.
    front_rear : float
        Below 0 less of S goes around, at -1 nothing. Above 0 it is taken out of L and R, which
        hold it as well: at 1 both are (Lt + Rt) / 2. 0 by default; without loudspeakers around it
        changes nothing.
    height : float
        Level of S above against around in dB, -60 to 12, 0 by default.
    exact_downmix : bool
        Make the fold-down the original again (`spatialkit.match_downmix`); off by default.

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
        layout, chosen = self.options.layout, self.options
        around = not is_front(layout)[~layout.is_lfe].all()
        rear = chosen.front_rear if around else 0.0
        sides = np.stack([_side_gains(layout, side, chosen.width) for side in ("FL", "FR")], 1)
        sides -= max(rear, 0.0) * (sides @ [[0.5, -0.5], [-0.5, 0.5]])
        centre = np.outer(_centre_gains(layout, chosen.center), [1.0, 1.0]) / np.sqrt(2.0)
        surround = np.outer(_surround_gains(layout), [1.0, -1.0]) / np.sqrt(2.0)
        surround *= np.sqrt(1.0 + min(rear, 0.0))
        power = np.sum((sides + centre + surround) ** 2)
        above = np.nan_to_num(layout.elevation) > FRONT_ELEVATION
        surround *= 10.0 ** ((chosen.ambience + chosen.height * above[:, None]) / 20.0)
        self.gains = (sides + centre + surround) * np.sqrt(2.0 / power)


def is_front(layout: Layout) -> NDArray[np.bool_]:
    """Which channels stand in front: no LFE, none above or below."""
    azimuth = np.abs((layout.azimuth + 180.0) % 360.0 - 180.0)
    # An LFE is NaN, which is below no limit and above none.
    return (azimuth <= FRONT_AZIMUTH) & (np.abs(layout.elevation) <= FRONT_ELEVATION)


def _side_gains(layout: Layout, label: str, width: float) -> NDArray[np.float64]:
    """Gains of L or R: its loudspeaker, or panned where there is none or ``width`` says so."""
    role = _role(layout, label)
    if role is not None and width == STEREO_AZIMUTH:
        return np.eye(layout.n_channels)[role]
    home = STEREO_AZIMUTH if role is None else abs(layout.azimuth[role])
    azimuth = np.interp(width, [0.0, STEREO_AZIMUTH, 90.0], [0.0, home, 90.0])
    return vbap_gains(azimuth if label == "FL" else -azimuth, layout=layout)


def _centre_gains(layout: Layout, center: float) -> NDArray[np.float64]:
    """Gains of C: its loudspeaker at ``center``, or panned where there is none."""
    role = _role(layout, "FC")
    gains = vbap_gains(0.0, layout=layout) if role is None else np.eye(layout.n_channels)[role]
    return gains * center if np.count_nonzero(gains > 1e-9) == 1 else gains


def _role(layout: Layout, label: str) -> int | None:
    """Channel with that everyday label, in whatever notation."""
    roles = [everyday_label(own) for own in layout.labels]
    return roles.index(label) if label in roles else None


def _surround_gains(layout: Layout) -> NDArray[np.float64]:
    """Gains of S: squares sum to 1, half of it on each side; negative on the right."""
    around = ~is_front(layout) & ~layout.is_lfe
    lateral = np.nan_to_num(layout.directions[:, 1])
    sides = np.where(np.abs(lateral) < 1e-9, 0.0, np.sign(lateral))
    signed = sides * around if np.any(sides * around) else np.where(around.any(), around, sides)
    gains = np.zeros(layout.n_channels)
    present = [side for side in (1.0, -1.0) if np.any(signed == side)]
    for side in present:
        gains[signed == side] = side / np.sqrt(len(present) * np.sum(signed == side))
    return gains
