"""Passive upmixers: time-invariant real mixing matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import Layout, everyday_label, get_layout
from spatialkit.panning import vbap_gains
from spatialkit.plugins import option, preset
from spatialkit.upmixing import controls
from spatialkit.upmixing.interface import Upmixer

__all__ = ["FRONT_ELEVATION", "AllChannelStereo", "Matrix", "is_front"]

# Samples per block: a block fits into the cache of the processor.
BLOCK_SIZE = 4096
# Mono is upmixed as a stereo signal of the same power with two identical channels.
MONO_GAIN = np.sqrt(0.5)
# Largest absolute azimuth and elevation in degrees of front loudspeakers, including wide ones.
FRONT_AZIMUTH = 60.0
FRONT_ELEVATION = 15.0
# Azimuth of stereo loudspeakers: the width at which L and R go to their own loudspeakers.
STEREO_AZIMUTH = 30.0


class PassiveUpmixer(Upmixer):
    """Base class of upmixers with output = gains @ (left, right)."""

    accepts: tuple[int, ...] = (1, 2)
    memoryless = True
    linear_level = True
    gains: NDArray[np.float64]

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        gains = self.gains if len(audio) == 2 else MONO_GAIN * self.gains.sum(1, keepdims=True)
        return apply_gains(gains, audio)


def apply_gains(gains: NDArray[np.float64], audio: NDArray[Any]) -> NDArray[Any]:
    """Return ``gains`` (outputs, channels) @ ``audio``, bit-identical for any block length."""
    gains = gains.astype(audio.dtype)
    result = np.empty((len(gains), audio.shape[1]), audio.dtype)
    for start in range(0, audio.shape[1], BLOCK_SIZE):
        samples = slice(start, start + BLOCK_SIZE)
        block, mixed = audio[:, samples], result[:, samples]
        # gains @ block is not used because the rounding of BLAS depends on the block length.
        np.multiply(gains[:, :1], block[0], out=mixed)
        for column, channel in zip(gains.T[1:], block[1:], strict=True):
            mixed += column[:, None] * channel
    return result


@dataclass(frozen=True)
class AllChannelStereoOptions:
    """Options of `AllChannelStereo`."""

    gain: float = option(0.5, "Gain of each copy.", minimum=0.0, maximum=1.0)
    exact_downmix: bool = controls.exact_downmix()


class AllChannelStereo(PassiveUpmixer):
    """Left and right copied to the front and surround loudspeakers of 5.0; silent centre.

    This is the baseline of the style-transfer paper [1]_. With gains of 0.5, the downmix of the
    paper, FL + SL + FC / 2 and FR + SR + FC / 2, equals the input, and the power is half the power
    of the input. Mono is upmixed as two identical channels at -3 dB.

    The baseline follows the publication: it has no centre, ambience or height, and so none of the
    other shared options.

    Parameters
    ----------
    gain : float
        Gain of each copy, 0 to 1; 0.5 by default (the paper does not specify it).
    exact_downmix : bool
        Correct the upmix so that its downmix by ITU-R BS.775, with surround gains of 0.7071, equals
        the input; False by default.

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
        rows = {"FL": (1.0, 0.0), "SL": (1.0, 0.0), "FR": (0.0, 1.0), "SR": (0.0, 1.0)}
        labels = self.format.labels
        self.gains = self.options.gain * np.array([rows.get(name, (0.0, 0.0)) for name in labels])


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
    """Passive Lt/Rt decoder to any layout: the sum goes to the centre, the difference around.

    The equations of a passive Dolby Surround decoder [1]_, without its delay and filters, are::

        L = Lt    R = Rt    C = (Lt + Rt) / sqrt(2)    S = (Lt - Rt) / sqrt(2)

    They are multiplied by a common gain that preserves the power of uncorrelated left and right
    channels before the levels ``ambience`` and ``height`` are applied. At the defaults this gain is
    1 / sqrt(2) if each of the four signals has its own loudspeakers, and the output then has the
    power of the input for any input.

    L, R and C go to the loudspeakers with these labels or, if there is none, are panned to 30, -30
    and 0 degrees. S goes with equal power, positive on the left and negative on the right, to all
    loudspeakers of azimuth beyond +-60 degrees or elevation beyond +-15 degrees; those in the
    median plane are silent. Swapping the left and right input channels therefore mirrors the
    upmix. If all of these loudspeakers are in the median plane, they play S; if there are none, the
    left and right front loudspeakers do. LFE channels are silent, as a crossover has memory. Mono
    is upmixed as two identical channels at -3 dB.

    Parameters
    ----------
    layout : str or Layout
        Output layout; "5.1" by default.
    width : float
        Angle of L and R from the centre in degrees, 0 to 90; 30 by default. At 30 they go to the
        front loudspeakers; other values are panned.
    center : float
        Gain of C, 0 to 1; 1 by default. At 0 central sound is a phantom centre, as L and R contain
        it as well. Has no effect without a centre loudspeaker.
    ambience : float
        Level of S in dB, -60 to 12; 0 by default.
    front_rear : float
        Balance of S between front and rear, -1 to 1; 0 by default. Values below 0 attenuate S, to
        silence at -1. Values above 0 remove S from L and R, which contain it as well: at 1 both
        are (Lt + Rt) / 2. Has no effect if all loudspeakers are in front.
    height : float
        Level of S in the height loudspeakers in dB relative to ear level, -60 to 12; 0 by default.
    exact_downmix : bool
        Correct the upmix so that its downmix equals the input (`spatialkit.match_downmix`); False
        by default.

    References
    ----------
    .. [1] R. Dressler, "Dolby Surround Pro Logic Decoder: Principles of Operation", Dolby
       Laboratories.

    Examples
    --------
    >>> stereo = np.array([[1.0, 1.0], [1.0, -1.0]])  # identical channels; opposite polarity
    >>> Matrix(layout="5.0").upmix(stereo, 48000).round(3)  # FL FR FC SL SR
    array([[ 0.707,  0.707],
           [ 0.707, -0.707],
           [ 1.   ,  0.   ],
           [ 0.   ,  0.707],
           [ 0.   , -0.707]])
    """

    name = "matrix"
    options_class = MatrixOptions
    presets = (
        preset("studio", "The front stage of the stereo mix, with quiet surrounds.", ambience=-4.0),
        preset(
            "concert",
            "A seat in the hall: louder surrounds, and less of their sound in front.",
            ambience=3.0,
            front_rear=0.5,
        ),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        layout, values = self.options.layout, self.options
        around = not is_front(layout)[~layout.is_lfe].all()
        rear = values.front_rear if around else 0.0
        front = np.stack([_front_gains(layout, label, values.width) for label in ("FL", "FR")], 1)
        front -= max(rear, 0.0) * (front @ [[0.5, -0.5], [-0.5, 0.5]])
        centre = np.outer(_centre_gains(layout, values.center), [1.0, 1.0]) / np.sqrt(2.0)
        surround = np.outer(_surround_gains(layout), [1.0, -1.0]) / np.sqrt(2.0)
        surround *= np.sqrt(1.0 + min(rear, 0.0))
        power = np.sum((front + centre + surround) ** 2)
        above = np.nan_to_num(layout.nominal[1]) > FRONT_ELEVATION
        surround *= 10.0 ** ((values.ambience + values.height * above[:, None]) / 20.0)
        self.gains = (front + centre + surround) * np.sqrt(2.0 / power)


def is_front(layout: Layout) -> NDArray[np.bool_]:
    """Return the mask of front channels: at ear level, LFE excluded."""
    azimuths, elevations = layout.nominal
    azimuths = np.abs((azimuths + 180.0) % 360.0 - 180.0)
    # The direction of an LFE is NaN, for which all comparisons are False.
    return (azimuths <= FRONT_AZIMUTH) & (np.abs(elevations) <= FRONT_ELEVATION)


def _front_gains(layout: Layout, label: str, width: float) -> NDArray[np.float64]:
    """Return the gains of L or R: its loudspeaker, or panned without one or at other widths."""
    index = _channel_index(layout, label)
    if index is not None and width == STEREO_AZIMUTH:
        return np.eye(layout.n_channels)[index]
    default = STEREO_AZIMUTH if index is None else abs(layout.azimuth[index])
    azimuth = np.interp(width, [0.0, STEREO_AZIMUTH, 90.0], [0.0, default, 90.0])
    return vbap_gains(azimuth if label == "FL" else -azimuth, layout=layout)


def _centre_gains(layout: Layout, center: float) -> NDArray[np.float64]:
    """Return the gains of C: its loudspeaker with gain ``center``, or panned without one."""
    index = _channel_index(layout, "FC")
    gains = vbap_gains(0.0, layout=layout) if index is None else np.eye(layout.n_channels)[index]
    return gains * center if np.count_nonzero(gains > 1e-9) == 1 else gains


def _channel_index(layout: Layout, label: str) -> int | None:
    """Return the index of the channel with an everyday label, in any notation, or None."""
    labels = [everyday_label(own) for own in layout.labels]
    return labels.index(label) if label in labels else None


def _surround_gains(layout: Layout) -> NDArray[np.float64]:
    """Return the gains of S: unit power in total, equal left and right, negative on the right."""
    around = ~is_front(layout) & ~layout.is_lfe
    lateral = np.nan_to_num(layout.nominal_directions[:, 1])
    sign = np.where(np.abs(lateral) < 1e-9, 0.0, np.sign(lateral))
    signed = sign * around if np.any(sign * around) else np.where(around.any(), around, sign)
    gains = np.zeros(layout.n_channels)
    present = [polarity for polarity in (1.0, -1.0) if np.any(signed == polarity)]
    for polarity in present:
        mask = signed == polarity
        gains[mask] = polarity / np.sqrt(len(present) * np.sum(mask))
    return gains
