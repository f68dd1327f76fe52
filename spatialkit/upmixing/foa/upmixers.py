"""Baseline upmixers from mono and stereo to first-order Ambisonics.

All return horizontal AmbiX (ACN order W, Y, Z, X; SN3D; +Y left, +X front) with silent Z. W, the
downmix of Ambisonics, equals the input (L + R) / 2. With ``layout`` the Ambisonic signal is
converted to another format, by the decoder ``decoder``.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.plugins import option
from spatialkit.upmixing import controls
from spatialkit.upmixing.block_processing import upmix_in_blocks
from spatialkit.upmixing.foa.decoding import FirstOrderDecoder
from spatialkit.upmixing.foa.streams import GainStream, MonoStream, ResidualStream, SharpUpmixStream
from spatialkit.upmixing.interface import Upmixer, UpmixStream

__all__ = ["FOAResidual", "FOAMono", "FOAPair", "FOASides"]

# W and Y of left and right.
MID_SIDE = np.array([[0.5, 0.5], [0.5, -0.5]])


class FirstOrderUpmixer(Upmixer):
    """Base class of upmixers to W, Y and X, which are decoded to the format of the output."""

    linear_level = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._decoder = FirstOrderDecoder(self.format, self.options.decoder)
        # Gains of W, Y and X, of what `_first_order` returns.
        self._wyx = self._decoder.matrix[:, [0, 1, 3]]

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        stream = self._stream(sample_rate)
        return upmix_in_blocks(audio, self.format.n_channels, stream.take, stream.finish)

    def _stream(self, sample_rate: int) -> Any:
        stream = self._first_order(sample_rate)
        if self._decoder.is_linear:
            return stream
        return SharpUpmixStream(self, stream, self._decoder.stream(sample_rate))

    @abstractmethod
    def _first_order(self, sample_rate: int) -> Any:
        """Return a stream of the product of ``_wyx`` and W, Y and X."""


class PassiveFirstOrder(FirstOrderUpmixer):
    """Base class of upmixers whose W, Y and X are ``waves`` @ (left, right)."""

    accepts = (2,)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.memoryless = self._decoder.is_linear

    @abstractmethod
    def _waves(self) -> NDArray[np.float64]:
        """Return the gains of left and right in W, Y and X, shape (3, 2)."""

    def _first_order(self, sample_rate: int) -> UpmixStream:
        return GainStream(self, sample_rate, self._wyx @ self._waves())


@dataclass(frozen=True)
class FOAPairOptions:
    """Options of `FOAPair`."""

    layout: Layout | AmbisonicFormat = controls.layout("foa")
    decoder: str = controls.decoder()
    width: float = controls.width()
    exact_downmix: bool = controls.exact_downmix()


class FOAPair(PassiveFirstOrder):
    """Stereo to first-order Ambisonics: left and right as two plane waves.

    The left and right channels arrive from +-``width`` degrees at half their amplitude::

        W = (L + R) / 2    Y = sin(width) (L - R) / 2    X = cos(width) (L + R) / 2

    in AmbiX (ACN, SN3D).

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        Output format; "foa" by default.
    decoder : str
        Decoder to loudspeakers, as in `spatialkit.decode_foa`; "allrad" by default. "dirac" is
        sharp, also to Ambisonics of higher order, but not linear.
    width : float
        Angle from the centre of the stage to its edge in degrees, 0 to 90; 30 by default.
    exact_downmix : bool
        Correct loudspeaker feeds so that their downmix equals the input; off by default. W equals
        the downmix without correction.

    Examples
    --------
    >>> stereo = np.array([[1.0], [0.0]])  # left only
    >>> FOAPair().upmix(stereo, 48000)[:, 0].round(3)  # W Y Z X
    array([0.5  , 0.25 , 0.   , 0.433])
    """

    name = "foa-pair"
    options_class = FOAPairOptions

    def _waves(self) -> NDArray[np.float64]:
        angle = np.radians(self.options.width)
        return 0.5 * np.array([[1.0, 1.0], [np.sin(angle), -np.sin(angle)], [np.cos(angle)] * 2])


@dataclass(frozen=True)
class FOASidesOptions:
    """Options of `FOASides`."""

    layout: Layout | AmbisonicFormat = controls.layout("foa")
    decoder: str = controls.decoder()
    front: float = option(
        0.0, "Ratio of X to W; negative values are behind.", minimum=-1.0, maximum=1.0
    )
    exact_downmix: bool = controls.exact_downmix()


class FOASides(PassiveFirstOrder):
    """Stereo to first-order Ambisonics: mid is W, side is Y, X is proportional to W.

    In AmbiX (ACN, SN3D)::

        W = (L + R) / 2    Y = (L - R) / 2    X = front W

    so that two cardioids to the left and right, L = W + Y and R = W - Y, are the stereo input.

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        Output format; "foa" by default.
    decoder : str
        Decoder to loudspeakers, as in `spatialkit.decode_foa`; "allrad" by default. "dirac" is
        sharp, also to Ambisonics of higher order, but not linear.
    front : float
        Ratio of X to W, -1 (behind) to 1 (in front); 0 by default: front and rear are equal.
    exact_downmix : bool
        Correct loudspeaker feeds so that their downmix equals the input; off by default. W equals
        the downmix without correction.

    Examples
    --------
    >>> stereo = np.array([[1.0, 1.0], [0.0, 1.0]])  # left only; the same in both channels
    >>> FOASides().upmix(stereo, 48000).T  # W Y Z X
    array([[0.5, 0.5, 0. , 0. ],
           [1. , 0. , 0. , 0. ]])
    """

    name = "foa-sides"
    options_class = FOASidesOptions

    def _waves(self) -> NDArray[np.float64]:
        return np.array([*MID_SIDE, self.options.front * MID_SIDE[0]])


@dataclass(frozen=True)
class FOAResidualOptions:
    """Options of `FOAResidual`."""

    layout: Layout | AmbisonicFormat = controls.layout("foa")
    decoder: str = controls.decoder()
    level: float = option(0.75, "Ratio of X to the residual.", minimum=0.0, maximum=1.0)
    exact_downmix: bool = controls.exact_downmix()


class FOAResidual(FirstOrderUpmixer):
    """Stereo to first-order Ambisonics: mid is W, side is Y, X is their residual in front.

    For a plane wave from azimuth a, Y = W sin(a) and X = W cos(a) in AmbiX (ACN, SN3D): if one
    source is active in a bin of the STFT, W = (L + R) / 2 and Y = (L - R) / 2 determine the
    magnitude of X, but not its sign (front or rear). This upmixer assumes the front::

        X = level sqrt(max(|W|^2 - |Y|^2, 0)) W / |W|

    in frames of 43 ms (2048 samples at 44.1 and 48 kHz) with a hop of a quarter frame. W and Y
    are passed through unchanged: L = W + Y, R = W - Y.

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        Output format; "foa" by default.
    decoder : str
        Decoder to loudspeakers, as in `spatialkit.decode_foa`; "allrad" by default. "dirac" is
        sharp, also to Ambisonics of higher order, but not linear.
    level : float
        Ratio of X to the residual, 0 to 1; 0.75 by default, as wide and reverberant sound has a
        smaller X than a plane wave.
    exact_downmix : bool
        Correct loudspeaker feeds so that their downmix equals the input; off by default. W equals
        the downmix without correction.

    Notes
    -----
    The latency of a stream is one frame minus one sample: 2047 samples at 44.1 and 48 kHz; with
    "dirac", that of `spatialkit.ambisonics.ParametricStream` is added.

    Examples
    --------
    >>> source = 0.1 * np.random.default_rng(0).standard_normal(48000)
    >>> stereo = [[0.75], [0.25]] * source  # W = 0.5, Y = 0.25: a source at 30 degrees
    >>> scene = FOAResidual(level=1.0).upmix(stereo, 48000)
    >>> np.allclose(scene, [[0.5], [0.25], [0.0], [0.5 * np.cos(np.radians(30.0))]] * source)
    True
    """

    name = "foa-residual"
    accepts = (2,)
    options_class = FOAResidualOptions

    def _first_order(self, sample_rate: int) -> UpmixStream:
        return ResidualStream(self, sample_rate, self._wyx * [1.0, 1.0, self.options.level])


@dataclass(frozen=True)
class FOAMonoOptions:
    """Options of `FOAMono`."""

    layout: Layout | AmbisonicFormat = controls.layout("foa")
    decoder: str = controls.decoder()
    front: float = option(
        0.7, "Ratio of X to W; negative values are behind.", minimum=-1.0, maximum=1.0
    )
    side: float = option(
        0.35, "Ratio of Y to the decorrelated copy of W.", minimum=0.0, maximum=1.0
    )
    exact_downmix: bool = controls.exact_downmix()


class FOAMono(FirstOrderUpmixer):
    """Mono to first-order Ambisonics: W in front, Y a decorrelated copy of W.

    In AmbiX (ACN, SN3D)::

        W = input    Y = side all-pass(W)    X = front W

    which is Schroeder's quasi-stereophony [1]_, L = W + Y and R = W - Y, with an X component. The
    all-pass is a series of four sections of Schroeder and Logan [2]_ with gains of 0.5 and delays
    of 2.3, 4.1, 5.2 and 8.1 ms, which alternates left and right along the frequency axis.

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        Output format; "foa" by default.
    decoder : str
        Decoder to loudspeakers, as in `spatialkit.decode_foa`; "allrad" by default. "dirac" is
        sharp, also to Ambisonics of higher order, but not linear.
    front : float
        Ratio of X to W, -1 (behind) to 1 (in front); 0.7 by default.
    side : float
        Ratio of Y to the decorrelated copy of W, 0 to 1; 0.35 by default.
    exact_downmix : bool
        Correct loudspeaker feeds so that their downmix equals the input; off by default. W equals
        the downmix without correction.

    Notes
    -----
    Streams have no latency; with "dirac" that of `spatialkit.ambisonics.ParametricStream`.

    References
    ----------
    .. [1] M. R. Schroeder, "Improved quasi-stereophony and 'colorless' artificial reverberation",
       J. Acoust. Soc. Am. 33(8), 1961.
    .. [2] M. R. Schroeder and B. F. Logan, "'Colorless' artificial reverberation", J. Audio Eng.
       Soc. 9(3), 1961.

    Examples
    --------
    >>> impulse = np.eye(1, 48000)
    >>> scene = FOAMono().upmix(impulse, 48000)
    >>> scene[:, 0].round(3)  # W Y Z X
    array([1.   , 0.022, 0.   , 0.7  ])
    >>> float(np.sqrt(np.sum(scene[1] ** 2)).round(3))
    0.35
    """

    name = "foa-mono"
    accepts = (1,)
    options_class = FOAMonoOptions

    def _first_order(self, sample_rate: int) -> UpmixStream:
        passed = [[1.0, 0.0], [0.0, self.options.side], [self.options.front, 0.0]]
        return MonoStream(self, sample_rate, self._wyx @ passed)
