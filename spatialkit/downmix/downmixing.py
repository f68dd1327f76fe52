"""Passive downmix of layouts and Ambisonics to fewer channels with fixed matrices."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.downmix.methods import (
    DOWNMIX_METHODS,
    DownmixMethod,
    ambisonic_matrix,
    layout_matrix,
)
from spatialkit.errors import LayoutError
from spatialkit.layouts import AmbisonicFormat, Layout, channels_of, get_format
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_choice, as_number

__all__ = ["downmix", "downmix_matrix"]

# A type III FIR filter shifts the phase by exactly 90 degrees at every frequency. With this Kaiser
# window its magnitude is within 0.02 dB of 1 from 0.00175 to 0.49825 of the sample rate.
HILBERT_TAPS = 1023
HILBERT_KAISER_BETA = 5.6


def downmix(
    audio: AudioLike[FloatT],
    source: str | Layout | AmbisonicFormat | None = None,
    target: str | Layout = "stereo",
    *,
    method: DownmixMethod = "itu",
    lfe_gain: float = 0.0,
    normalize: bool = False,
) -> FloatArray[FloatT]:
    """Downmix audio to fewer channels.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples)
        Channels in the order of ``source``. An `Audio` also specifies ``source``.
    source : str, Layout or AmbisonicFormat, optional
        Format of the input; required for arrays.
    target, method, lfe_gain, normalize
        As for `downmix_matrix`.

    Returns
    -------
    ndarray, shape (..., out, samples)
        Dtype, length and timing are those of ``audio``. Nothing is clipped: sums may exceed 1. With
        "dplii" the surrounds are filtered by a linear-phase Hilbert FIR of 1023 taps, whose delay
        is compensated (90 degrees; magnitude within 0.02 dB from 0.002 to 0.498 of the sample
        rate).

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` does not have the channels of ``source``, or is not float32 or float64.
    LayoutError, OptionError
        As for `downmix_matrix`.

    Examples
    --------
    >>> surround = np.zeros((6, 100))
    >>> surround[2] = 1.0  # the centre
    >>> downmix(surround, "5.1").shape, downmix(surround, "5.1")[:, 0].round(3)
    ((2, 100), array([0.707, 0.707]))
    """
    samples, _, source = unpack_audio(audio, format=source, format_name="source")
    if source is None:
        raise LayoutError("source is missing; specify it, or pass an Audio with a format")
    array = channels_of(samples, get_format(source))
    matrix = downmix_matrix(source, target, method=method, lfe_gain=lfe_gain, normalize=normalize)
    mixed = np.matmul(matrix.real.astype(array.dtype), array)
    if np.iscomplexobj(matrix):
        mixed += _shift_90_degrees(np.matmul(matrix.imag.astype(array.dtype), array))
    return mixed


def downmix_matrix(
    source: str | Layout | AmbisonicFormat,
    target: str | Layout,
    *,
    method: DownmixMethod = "itu",
    lfe_gain: float = 0.0,
    normalize: bool = False,
) -> NDArray[Any]:
    """Return the downmix gains from one layout to another with fewer channels.

    Parameters
    ----------
    source : str, Layout or AmbisonicFormat
        Format of the input. Ambisonics is downmixed to "mono" only, by method "itu": the result is
        W in SN3D.
    target : str or Layout
        Layout of the output: fewer channels, or the same loudspeakers in another order.
    method : {"itu", "sum", "dplii", "iamf"}
        Downmix rule; matched without regard to case.

        "itu"
            ITU-R BS.775 [1]_, extended to heights, wides, sides and backs by the gains of
            IAMF [2]_. From and to every layout with known labels.
        "sum"
            Loudspeakers left of the median plane to the left channel and those right of it to the
            right channel with gain 1, those in it to both with gain 1/2 [3]_. From every layout,
            to stereo.
        "dplii"
            Lt/Rt for decoders of Dolby Pro Logic II [4]_. From every layout with known labels, to
            stereo.
        "iamf"
            Static gains of IAMF [2]_, between the layouts for which it defines them.
    lfe_gain : float
        Linear gain of the LFE if the target has no LFE; 0 omits it. The LFE is then downmixed like
        the centre, scaled by this gain: about 3.16 compensates for the 10 dB of in-band gain of
        LFE playback. If the target has an LFE, the gain to it is 1 (0.7071 each for two to one).
    normalize : bool
        Scale the whole matrix down, if necessary, so that the magnitudes of each row sum to at most
        1: no output of a real matrix then exceeds the largest input.

    Returns
    -------
    ndarray, shape (out, channels)
        float64; complex128 for "dplii", where j is a phase shift of +90 degrees. For equal
        loudspeakers in another order every method returns a permutation matrix in float64.

    Raises
    ------
    LayoutError
        If the target does not have fewer channels, a label is unknown, or the method is not
        defined for the pair. `spatialkit.render` converts between any two layouts.
    OptionError
        If an option is not accepted.

    Notes
    -----
    The output is :math:`y = G x` with the returned matrix :math:`G`.

    "itu", row by row: a loudspeaker that the target has keeps its channel with gain 1 (empty
    cells), and the right side is the mirror image. "5.x" stands for targets with surrounds at
    +-110 degrees, "7.x" for those with sides at +-90 and backs at +-135 degrees; a = 0.7071. "To
    stereo", the columns of front, centre and surrounds are Table 2 of [1]_; all others are [2]_.

    =================== ========== ======================== ============= =============
    channel             to stereo  to 5.x                   to 7.x        to quad
    =================== ========== ======================== ============= =============
    centre              a L + a R                                         a L + a R
    surround (110)      a L                                 back          back
    side (90)           a L        a L + a surround (1)                   a L + a back
    back (135)          a L        surround
    back centre         L/2 + R/2  a both surrounds         a both backs  a both backs
    wide (60)           L          .816 L + .577 surround   a L + a side  L
    inside front (15)   L          a L + a C                a L + a C     L
    top front           L          L                        L             L
    top front centre    a L + a R  C                        C             a L + a R
    top side            a L        a L + a surround         side          a L + a back
    top back            a L        surround                 back          back
    top back centre     L/2 + R/2  a both surrounds         a both backs  a both backs
    top centre          L/2 + R/2  1/2 to four corners      1/2 to four   1/2 to four
    bottom front        L          L                        L             L
    bottom front centre a L + a R  C                        C             a L + a R
    =================== ========== ======================== ============= =============

    (1) If the source also has wides: .577 L + .816 surround, as two loudspeakers within one arc
    are panned to its thirds.

    The same rules hold among top loudspeakers: a top side is routed to the front and back tops with
    a each, the top centre to all four with 1/2. If the target has front tops only, the top back is
    routed to the surround in 5.x (below it in BS.2051), and in 7.x to the top front with a, as in
    IAMF. 3.0 is like stereo with a centre; in 6.1 a back is routed to the side and the back centre
    with a each.

    Mono is a times the sum of both channels of the stereo downmix [1]_: a (L + R) + C + (Ls + Rs)/2
    for 5.0. With "iamf" it is 1/2 times that sum, 3 dB less [2]_.

    "sum" for 5.0: L + Ls + C/2 and R + Rs + C/2.

    "dplii" applies "itu" to 5.0 first, then the gains of FFmpeg's resampler with
    ``matrix_encoding=dplii`` (a = 0.7071, n = 0.8660) and the phase shift, which FFmpeg leaves out

    | Lt = L + a C - j (n Ls + Rs/2)
    | Rt = R + a C + j (Ls/2 + n Rs)

    References
    ----------
    .. [1] ITU-R BS.775-3, "Multichannel stereophonic sound system with and without accompanying
       picture", Table 2.
    .. [2] AOMediaCodec/iamf-tools, ``iamf/cli/renderer/gains/precomputed_gains.cc``, which follows
       the channel mapping of ITU-R BS.2127, "Audio Definition Model renderer for advanced sound
       systems".
    .. [3] H. Yang et al., "Upmixing via style transfer: a variational autoencoder for disentangling
       spatial images and musical content", ICASSP 2022.
    .. [4] R. Dressler, "Dolby Surround Pro Logic II Decoder: Principles of Operation", Dolby
       Laboratories, 2000.

    Examples
    --------
    >>> downmix_matrix("5.1", "stereo").round(3)
    array([[1.   , 0.   , 0.707, 0.   , 0.707, 0.   ],
           [0.   , 1.   , 0.707, 0.   , 0.   , 0.707]])
    """
    method = as_choice(method, "method", DOWNMIX_METHODS)
    lfe_gain = as_number(lfe_gain, "lfe_gain")
    goal = get_format(target)
    if isinstance(goal, AmbisonicFormat):
        raise LayoutError(
            f"the target of downmix must be a loudspeaker layout, got {goal.name!r}; use render"
        )
    return _matrix(get_format(source), goal, method, lfe_gain, bool(normalize)).copy()


@lru_cache(maxsize=256)
def _matrix(
    source: Layout | AmbisonicFormat,
    target: Layout,
    method: DownmixMethod,
    lfe_gain: float,
    normalize: bool,
) -> NDArray[Any]:
    if isinstance(source, AmbisonicFormat):
        matrix = ambisonic_matrix(source, target, method)
    else:
        matrix = layout_matrix(source, target, method, lfe_gain)
    if normalize:
        matrix /= max(1.0, np.abs(matrix).sum(axis=1).max())
    return matrix


def _shift_90_degrees(signals: NDArray[Any]) -> NDArray[Any]:
    """Advance every frequency by 90 degrees; the output is aligned with the input."""
    from scipy.signal import oaconvolve

    if not signals.size:
        return signals
    taps = _hilbert_taps().astype(signals.dtype)
    return oaconvolve(signals, taps.reshape((1,) * (signals.ndim - 1) + (-1,)), "same", axes=-1)


@lru_cache(maxsize=1)
def _hilbert_taps() -> NDArray[np.float64]:
    """Return the windowed, centred impulse response of j sign(f)."""
    offsets = np.arange(HILBERT_TAPS) - HILBERT_TAPS // 2
    odd = offsets % 2 == 1
    ideal = np.zeros(HILBERT_TAPS)
    ideal[odd] = -2.0 / (np.pi * offsets[odd])
    return ideal * np.kaiser(HILBERT_TAPS, HILBERT_KAISER_BETA)
