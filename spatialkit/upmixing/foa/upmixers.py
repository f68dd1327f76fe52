"""First-order Ambisonics of mono and stereo by a line of arithmetic each: what others must beat.

All make AmbiX (ACN order W, Y, Z, X; SN3D; +Y on the left, +X ahead) that is flat: Z is silent.
W = (L + R) / 2, which is what Ambisonics folds down to, is the input untouched. With ``layout``
their Ambisonics is rendered to anything else (`spatialkit.render`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.rendering import render_matrix
from spatialkit.upmixing import controls
from spatialkit.upmixing.block_processing import upmix_in_blocks
from spatialkit.upmixing.foa.streams import MonoStream, ResidualStream
from spatialkit.upmixing.interface import Upmixer, UpmixStream
from spatialkit.upmixing.options import option
from spatialkit.upmixing.passive import PassiveUpmixer

__all__ = ["FOAResidual", "FOAMono", "FOAPair", "FOASides"]

FIRST_ORDER = AmbisonicFormat(1)
# W and Y of left and right.
MID_SIDE = np.array([[0.5, 0.5], [0.5, -0.5]])


def _rendering(target: Layout | AmbisonicFormat) -> NDArray[np.float64]:
    """Gains of W, Y and X in ``target``, shape (channels, 3)."""
    return render_matrix(FIRST_ORDER, target)[:, [0, 1, 3]]


@dataclass(frozen=True)
class FOAPairOptions:
    """Options of `FOAPair`."""

    layout: Layout | AmbisonicFormat = controls.layout("foa")
    width: float = controls.width()
    exact_downmix: bool = controls.exact_downmix()


class FOAPair(PassiveUpmixer):
    """Stereo to first-order Ambisonics: left and right as two loudspeakers far away.

    Each side is a plane wave from ``width`` degrees of its own side at half its amplitude::

        W = (L + R) / 2    Y = sin(width) (L - R) / 2    X = cos(width) (L + R) / 2

    in AmbiX (ACN, SN3D).

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        What to render to; "foa" by default.
    width : float
        Degrees from the centre of the stage to its edge, 0 to 90; 30 by default.
    exact_downmix : bool
        Correct loudspeakers so that they fold down to the original; off by default. W folds down
        to it as it is.

    Examples
    --------
    >>> stereo = np.array([[1.0], [0.0]])  # left only
    >>> FOAPair().upmix(stereo, 48000)[:, 0].round(3)  # W Y Z X
    array([0.5  , 0.25 , 0.   , 0.433])
    """

    name = "foa-pair"
    accepts = (2,)
    options_class = FOAPairOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        angle = np.radians(self.options.width)
        waves = np.array([[1.0, 1.0], [np.sin(angle), -np.sin(angle)], [np.cos(angle)] * 2])
        self.gains = _rendering(self.format) @ (0.5 * waves)


@dataclass(frozen=True)
class FOASidesOptions:
    """Options of `FOASides`."""

    layout: Layout | AmbisonicFormat = controls.layout("foa")
    front: float = option(0.0, "X in parts of W, below 0 behind.", least=-1.0, most=1.0)
    exact_downmix: bool = controls.exact_downmix()


class FOASides(PassiveUpmixer):
    """Stereo to first-order Ambisonics: mid is W, side is Y, and X a constant share of W.

    That is, in AmbiX (ACN, SN3D)::

        W = (L + R) / 2    Y = (L - R) / 2    X = front W

    so that L = W + Y and R = W - Y: two cardioids to the sides are the stereo signal again.

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        What to render to; "foa" by default.
    front : float
        X in parts of W, -1 (behind) to 1 (in front); 0 by default: front and back are alike.
    exact_downmix : bool
        Correct loudspeakers so that they fold down to the original; off by default. W folds down
        to it as it is.

    Examples
    --------
    >>> stereo = np.array([[1.0, 1.0], [0.0, 1.0]])  # left only; the same on both sides
    >>> FOASides().upmix(stereo, 48000).T  # W Y Z X
    array([[0.5, 0.5, 0. , 0. ],
           [1. , 0. , 0. , 0. ]])
    """

    name = "foa-sides"
    accepts = (2,)
    options_class = FOASidesOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gains = _rendering(self.format) @ [*MID_SIDE, self.options.front * MID_SIDE[0]]


@dataclass(frozen=True)
class FOAResidualOptions:
    """Options of `FOAResidual`."""

    layout: Layout | AmbisonicFormat = controls.layout("foa")
    level: float = option(0.75, "X in parts of what is left over.", least=0.0, most=1.0)
    exact_downmix: bool = controls.exact_downmix()


class FOAResidual(Upmixer):
    """Stereo to first-order Ambisonics: mid is W, side is Y, and X what they leave over.

    For a plane wave from azimuth a, Y = W sin(a) and X = W cos(a) in AmbiX (ACN, SN3D), so that
    of a source alone in its bin of the STFT only the sign of X, front or back, is not known from
    W = (L + R) / 2 and Y = (L - R) / 2. Here everything is in front::

        X = level sqrt(max(|W|^2 - |Y|^2, 0)) W / |W|

    in frames of 43 ms (2048 samples at 44.1 and 48 kHz), a quarter of that apart. W and Y are
    passed through as they are: L = W + Y, R = W - Y.

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        What to render to; "foa" by default.
    level : float
        Share of what is left over that X gets, 0 to 1. What is wide or reverberant is no plane
        wave, and has less X than the rule says; 0.75 by default.
    exact_downmix : bool
        Correct loudspeakers so that they fold down to the original; off by default. W folds down
        to it as it is.

    Notes
    -----
    A stream holds back less than a frame: 2047 samples at 44.1 and 48 kHz.

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
    linear_level = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._gains = _rendering(self.format) * [1.0, 1.0, self.options.level]

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        stream = ResidualStream(self, sample_rate, self._gains)
        return upmix_in_blocks(audio, self.format.n_channels, stream.take, stream.finish)

    def _stream(self, sample_rate: int) -> UpmixStream:
        return ResidualStream(self, sample_rate, self._gains)


@dataclass(frozen=True)
class FOAMonoOptions:
    """Options of `FOAMono`."""

    layout: Layout | AmbisonicFormat = controls.layout("foa")
    front: float = option(0.7, "X in parts of W, below 0 behind.", least=-1.0, most=1.0)
    side: float = option(0.35, "Y in parts of W through all-passes.", least=0.0, most=1.0)
    exact_downmix: bool = controls.exact_downmix()


class FOAMono(Upmixer):
    """Mono to first-order Ambisonics: W in front, and its all-passed copy to the sides.

    In AmbiX (ACN, SN3D)::

        W = input    Y = side all-pass(W)    X = front W

    which is Schroeder's quasi-stereophony [1]_, L = W + Y and R = W - Y, with a front. The
    all-pass is four sections of Schroeder and Logan's [2]_ in a row, with gains of 0.5 and delays
    of 2.3, 4.1, 5.2 and 8.1 ms: louder here on the left and there on the right, by frequency.

    Parameters
    ----------
    layout : str, Layout or AmbisonicFormat
        What to render to; "foa" by default.
    front : float
        X in parts of W, -1 (behind) to 1 (in front); 0.7 by default.
    side : float
        Y in parts of W, 0 to 1; 0.35 by default.
    exact_downmix : bool
        Correct loudspeakers so that they fold down to the original; off by default. W folds down
        to it as it is.

    Notes
    -----
    A stream holds nothing back.

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
    linear_level = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        passed = [[1.0, 0.0], [0.0, self.options.side], [self.options.front, 0.0]]
        self._gains = _rendering(self.format) @ passed

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        stream = MonoStream(self, sample_rate, self._gains)
        return upmix_in_blocks(audio, self.format.n_channels, stream.take, stream.finish)

    def _stream(self, sample_rate: int) -> UpmixStream:
        return MonoStream(self, sample_rate, self._gains)
