"""Upmixing by what the sides have in common, moment by moment and band by band."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from spatialkit.errors import SpatialkitWarning
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.upmixing import controls
from spatialkit.upmixing.ambience.placement import STEREO_AZIMUTH, place
from spatialkit.upmixing.ambience.stream import AmbienceStream
from spatialkit.upmixing.block_processing import upmix_in_blocks
from spatialkit.upmixing.interface import Upmixer, UpmixStream

__all__ = ["Ambience"]


@dataclass(frozen=True)
class AmbienceOptions:
    """Options of `Ambience`."""

    layout: Layout | AmbisonicFormat = controls.layout()
    width: float = controls.width()
    center: float = controls.center()
    ambience: float = controls.ambience()
    front_rear: float = controls.front_rear()
    height: float = controls.height()
    lfe: bool = controls.lfe()
    lfe_crossover: float = controls.lfe_crossover()
    lfe_level: float = controls.lfe_level()
    exact_downmix: bool = controls.exact_downmix(True)


class Ambience(Upmixer):
    """Direct sound panned in front, ambience around; folds down to the original.

    In every band and moment the principal component of the two sides is the direct sound, and
    their amplitudes in it say where it stands [1]_ [2]_ [3]_; what is left, at the power that both
    sides share, is ambience. Direct sound is panned between the loudspeakers in front. Ambience
    goes, each side's through decorrelators of velvet noise [4]_, to all loudspeakers more than 60
    degrees to the side or more than 15 off ear level, whose power together is that of the
    ambience. The front left and right loudspeakers play the input less what the others give to
    its fold-down: nothing is lost, and what separation does wrong in one is made good in another.

    Bands are one equivalent rectangular bandwidth wide [5]_. Averages take in 75 ms before and
    after; neighbours louder than the moment count no more than it does, so that a drum neither
    silences the ambience before it nor enters it. Sides of opposite polarity have nothing in
    common and surround the listener. Where there is hardly any ambience, direct sound that dies
    away stands in for it, 20 dB below the front. Mono is spread between the front loudspeakers
    band by band above 300 Hz, and surrounded by what dies away at -14 dB.

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        Output format; "5.1" by default. A layout needs a left and a right loudspeaker. Ambisonics:
        direct sound is encoded where it is, ambience from the places of 9.1.6, and
        W = (L + R) / 2.
    width : float
        Degrees from the centre of the stage to its edge, 0 to 90; 30 by default. On loudspeakers
        less than 30 needs ``exact_downmix=False``: what is on one side alone has to stay there to
        fold down to it.
    center : float
        Share of the middle of the stage that the centre loudspeaker takes, 0 to 1; 1 by default.
    ambience : float
        Level of the ambience in dB, -60 to 12; 0 by default.
    front_rear : float
        -1 leaves the ambience to the front, 0 plays it around, too, and 1 takes it from the front
        as far as the fold-down allows: what it has of the ambience is then played around without
        decorrelators.
    height : float
        Level of the height loudspeakers in dB, -60 to 12; -3 by default.
    lfe : bool
        Whether the bass of both sides goes to the LFE, too; False by default. It does not enter
        the fold-down.
    lfe_crossover, lfe_level : float
        Where the LFE is 6 dB down, in Hz, 40 to 200, 120 by default; and its level, -60 to 12 dB:
        at 0 its bass is as loud as that of the input if the LFE is played 10 dB louder, as usual.
    exact_downmix : bool
        True by default: the fold-down is the input. If False direct sound is panned by VBAP alone,
        and the front keeps the ambience that is played around as well: the fold-down has more of
        it.

    Notes
    -----
    A stream holds back up to 116 ms (at 44.1 kHz; 107 at 48), whatever the blocks.

    References
    ----------
    .. [1] C. Avendano and J.-M. Jot, "A frequency-domain approach to multichannel upmix", J. Audio
       Eng. Soc. 52(7/8), 2004.
    .. [2] C. Faller, "Multiple-loudspeaker playback of stereo signals", J. Audio Eng. Soc. 54(11),
       2006.
    .. [3] J. Merimaa, M. Goodwin and J.-M. Jot, "Correlation-based ambience extraction from
       stereo recordings", 123rd AES Convention, 2007.
    .. [4] B. Alary, A. Politis and V. Valimaki, "Velvet-noise decorrelator", DAFx 2017.
    .. [5] B. Glasberg and B. Moore, "Derivation of auditory filter shapes from notched-noise
       data", Hearing Research 47, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from spatialkit import downmix
    >>> stereo = 0.1 * np.random.default_rng(0).standard_normal((2, 48000))
    >>> surround = Ambience(layout="7.1.4").upmix(stereo, 48000)
    >>> surround.shape, np.allclose(downmix(surround, "7.1.4"), stereo)
    ((12, 48000), True)
    """

    name = "ambience"
    accepts = (1, 2)
    options_class = AmbienceOptions
    linear_level = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for what in _idle(self.options, self.format):
            warnings.warn(what, SpatialkitWarning, stacklevel=2)
        self.placements = {
            channels: place(self.format, self.options, channels) for channels in self.accepts
        }

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        stream = AmbienceStream(self, self.placements, sample_rate)
        return upmix_in_blocks(audio, self.format.n_channels, stream.take, stream.finish)

    def _stream(self, sample_rate: int) -> UpmixStream:
        return AmbienceStream(self, self.placements, sample_rate)


def _idle(options: AmbienceOptions, target: Layout | AmbisonicFormat) -> Iterator[str]:
    """Say which options can do nothing."""
    if isinstance(target, AmbisonicFormat):
        if options.lfe:
            yield f"{target.name!r} has no LFE: lfe does nothing"
        if options.center != AmbienceOptions.center:
            yield f"{target.name!r} has no centre loudspeaker: center does nothing"
        return
    if options.lfe and not target.is_lfe.any():
        yield f"layout {target.name!r} has no LFE: lfe does nothing"
    if options.width < STEREO_AZIMUTH and options.exact_downmix:
        yield (
            f"the stage stays {STEREO_AZIMUTH:g} degrees wide: a sound on one side alone stays "
            "there if the fold-down is exact; exact_downmix=False narrows the stage"
        )
