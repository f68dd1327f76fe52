"""Upmixing by direct and ambient decomposition of time-frequency bins."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from spatialkit.errors import SpatialkitWarning
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.plugins import preset
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
    """Direct sound panned in front, ambience around; the downmix equals the input.

    In each time-frequency bin, direct sound is the principal component of left and right, and its
    amplitudes in left and right give its position [1]_ [2]_ [3]_. The residual, scaled to the
    power that both channels share, is ambience. Direct sound is panned between the front
    loudspeakers. The ambience of each input channel is decorrelated by all-pass filters [4]_ and
    played by all loudspeakers of azimuth beyond +-60 degrees or elevation beyond +-15 degrees,
    with the total power of the ambience. The front left and right loudspeakers play the input
    minus the downmix of the other channels; the centre plays the part of decorrelated ambience
    that both would subtract. The downmix is therefore exact, and errors of the separation cancel
    in it. Mirror pairs of loudspeakers have decorrelators of opposite sign: exchanging left and
    right of the input exchanges the levels of the upmix, within 0.5 dB in octave bands of noise.

    The bands are one equivalent rectangular bandwidth wide [5]_. Statistics are averaged over
    75 ms before and after each frame; louder neighbours are scaled down to the power of the frame,
    so that a drum neither suppresses the ambience before it nor leaks into it. Left and right of
    opposite polarity count as uncorrelated and surround the listener. If there is almost no
    ambience, decaying direct sound is added to it, 20 dB below the front. Mono is spread between
    the front loudspeakers, band by band above 300 Hz, and surrounded by decaying direct sound at
    -14 dB.

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        Output format; "5.1" by default. A layout needs a left and a right loudspeaker. For
        Ambisonics, direct sound is encoded at its azimuth and ambience at the loudspeaker
        directions of 9.1.6, and W = (L + R) / 2.
    width : float
        Angle from the centre of the stage to its edge in degrees, 0 to 90; 30 by default. On
        loudspeakers, values below 30 require ``exact_downmix=False``: sound of the left channel
        only has to stay in the left loudspeaker for an exact downmix.
    center : float
        Ratio of central sound that goes to the centre loudspeaker, 0 to 1; 1 by default.
    ambience : float
        Level of the ambience in dB, -60 to 12; 0 by default.
    front_rear : float
        Balance of the ambience, -1 to 1; 0 by default. At -1 only the front plays the ambience; at
        0 the other loudspeakers do, too. At 1 the ambience is removed from the front as far as the
        downmix allows, and the other loudspeakers play this part without decorrelation.
    height : float
        Level of the height loudspeakers in dB, -60 to 12; -3 by default.
    lfe : bool
        Add the bass of left and right to the LFE; False by default. The LFE is not part of the
        downmix.
    lfe_crossover : float
        Frequency in Hz at which the low-pass of the LFE is at -6 dB, 40 to 200; 120 by default.
    lfe_level : float
        Level of the LFE in dB, -60 to 12; 0 by default. At 0 dB its bass is as loud as that of the
        input if the LFE is played back 10 dB louder, as is standard.
    exact_downmix : bool
        Make the downmix equal to the input; True by default. If False, direct sound is panned by
        VBAP alone, and the front also keeps the ambience that the other loudspeakers play, so that
        the downmix contains more ambience than the input.

    Notes
    -----
    The latency of a stream is at most 116 ms at 44.1 kHz and 107 ms at 48 kHz, for any block
    length.

    References
    ----------
    .. [1] C. Avendano and J.-M. Jot, "A frequency-domain approach to multichannel upmix", J. Audio
       Eng. Soc. 52(7/8), 2004.
    .. [2] C. Faller, "Multiple-loudspeaker playback of stereo signals", J. Audio Eng. Soc. 54(11),
       2006.
    .. [3] J. Merimaa, M. Goodwin and J.-M. Jot, "Correlation-based ambience extraction from
       stereo recordings", 123rd AES Convention, 2007.
    .. [4] M. R. Schroeder, "Natural sounding artificial reverberation", J. Audio Eng. Soc. 10(3),
       1962.
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
    presets = (
        preset(
            "studio",
            "The front stage of the stereo mix, with quiet surrounds.",
            ambience=-4.0,
            front_rear=-0.3,
            height=-6.0,
        ),
        preset(
            "concert",
            "A seat in the hall: more ambience beside, behind and above.",
            ambience=4.0,
            height=0.0,
        ),
        preset(
            "film",
            "Voices in the centre loudspeaker, bass in the LFE, quiet heights.",
            ambience=-2.0,
            height=-6.0,
            lfe=True,
        ),
        preset(
            "background",
            "Sound from everywhere, for listeners who walk about; the downmix is not exact.",
            width=60.0,
            ambience=4.0,
            height=0.0,
            exact_downmix=False,
        ),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for message in _ineffective_options(self.options, self.format):
            warnings.warn(message, SpatialkitWarning, stacklevel=2)
        self.placements = {
            channels: place(self.format, self.options, channels) for channels in self.accepts
        }

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        stream = AmbienceStream(self, self.placements, sample_rate)
        return upmix_in_blocks(audio, self.format.n_channels, stream.take, stream.finish)

    def _stream(self, sample_rate: int) -> UpmixStream:
        return AmbienceStream(self, self.placements, sample_rate)


def _ineffective_options(
    options: AmbienceOptions, target: Layout | AmbisonicFormat
) -> Iterator[str]:
    """Yield a message for each option that has no effect."""
    if isinstance(target, AmbisonicFormat):
        if options.lfe:
            yield f"{target.name!r} has no LFE; lfe has no effect"
        if options.center != AmbienceOptions.center:
            yield f"{target.name!r} has no centre loudspeaker; center has no effect"
        return
    if options.lfe and not target.is_lfe.any():
        yield f"layout {target.name!r} has no LFE; lfe has no effect"
    if options.width < STEREO_AZIMUTH and options.exact_downmix:
        yield (
            f"width is {options.width:g}, but with an exact downmix the stage is at least "
            f"{STEREO_AZIMUTH:g} degrees wide; use exact_downmix=False for a narrower stage"
        )
