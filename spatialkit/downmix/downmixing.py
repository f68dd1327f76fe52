"""Passive downmix: layouts folded to fewer channels by fixed matrices, and upmixes made to fold
back to what they came from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.downmix.methods import METHODS, ambisonic_matrix, layout_matrix
from spatialkit.errors import LayoutError, OptionError, ShapeError
from spatialkit.layouts import AmbisonicFormat, Layout, channels_of, get_format
from spatialkit.validation import as_audio, as_choice, as_number

__all__ = ["downmix", "downmix_matrix", "match_downmix"]

# A type III FIR is 90 degrees at every frequency. This Kaiser window keeps its magnitude within
# 0.02 dB of 1 from 0.0017 to 0.4983 of the rate.
HILBERT_TAPS = 1023
HILBERT_KAISER_BETA = 5.6


def downmix(
    audio: ArrayLike,
    source: str | Layout | AmbisonicFormat,
    target: str | Layout = "stereo",
    *,
    method: str = "itu",
    lfe_gain: float = 0.0,
    normalize: bool = False,
) -> NDArray[Any]:
    """Fold audio to fewer channels.

    Parameters
    ----------
    audio : array_like of float, shape (..., channels, samples)
        In the order of ``source``.
    source, target, method, lfe_gain, normalize
        As in `downmix_matrix`.

    Returns
    -------
    ndarray, shape (..., out, samples)
        Of the dtype, length and timing of ``audio``. Nothing is clipped: sums may pass 1. With
        "dplii" the surrounds pass a linear-phase Hilbert FIR of 1023 taps whose delay is taken
        out (90 degrees, magnitude within 0.02 dB, from 0.002 to 0.498 of the sample rate).

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` is not audio of the format ``source``.
    LayoutError, OptionError
        As `downmix_matrix`.

    Examples
    --------
    >>> surround = np.zeros((6, 100))
    >>> surround[2] = 1.0  # the centre
    >>> downmix(surround, "5.1").shape, downmix(surround, "5.1")[:, 0].round(3)
    ((2, 100), array([0.707, 0.707]))
    """
    array = channels_of(audio, get_format(source))
    matrix = downmix_matrix(source, target, method=method, lfe_gain=lfe_gain, normalize=normalize)
    mixed = np.matmul(matrix.real.astype(array.dtype), array)
    if np.iscomplexobj(matrix):
        mixed += _shift_90_degrees(np.matmul(matrix.imag.astype(array.dtype), array))
    return mixed


def downmix_matrix(
    source: str | Layout | AmbisonicFormat,
    target: str | Layout,
    *,
    method: str = "itu",
    lfe_gain: float = 0.0,
    normalize: bool = False,
) -> NDArray[Any]:
    """Gains that fold one layout to another one with fewer channels.

    Parameters
    ----------
    source : str, Layout or AmbisonicFormat
        What is folded. Ambisonics folds to mono only, which is W.
    target : str or Layout
        What comes out: fewer channels, or the same loudspeakers in another order.
    method : {"itu", "sum", "dplii", "iamf"}
        "itu": ITU-R BS.775 with heights, wides, sides and backs folded as IAMF does, between any
        layouts whose labels are known.
        "sum": each side's loudspeakers at 1, those in the median plane at 1/2 on both sides; to
        stereo, from any layout, by the sign of the azimuth.
        "dplii": Lt/Rt of Dolby Pro Logic II, to stereo.
        "iamf": IAMF's static gains, for the pairs that it has.
    lfe_gain : float
        Linear gain of the LFE where the target has none; 0 leaves it out. It is then folded as the
        centre is, times this gain: about 3.16 makes up for the 10 dB that an LFE is played louder.
        Where the target has an LFE, the LFE goes there at 1 (two to one: each at 0.7071).
    normalize : bool
        Scale the matrix down as a whole, if needed, so that the magnitudes of each row sum to at
        most 1: then no output of a real matrix passes the largest input.

    Returns
    -------
    ndarray, shape (out, channels)
        float64; of "dplii" complex128, where j is a phase of +90 degrees. The same loudspeakers in
        another order give a permutation in float64, whatever the method.

    Raises
    ------
    LayoutError
        If the target has no fewer channels, a label is unknown, or the method does not serve the
        pair. `render` goes from any layout to any.
    OptionError
        If an option is not accepted.

    Notes
    -----
    "itu", row by row. A loudspeaker that the target has keeps its channel at 1 (empty cells); the
    right side is the mirror image. "5.x" are targets with surrounds at +-110 degrees, "7.x" those
    with sides at +-90 and backs at +-135; a = 0.7071.

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

    (1) Beside wides .577 L + .816 surround: two loudspeakers within one arc stand at its thirds.

    Among tops the rules are the same: a top side goes to the front and back tops at a each, the top
    centre to all four at 1/2. With front tops only, the top back goes to the surround in 5.x (which
    stands below it in BS.2051) and in 7.x to the top front at a, as IAMF has it. 3.0 is as stereo
    with a centre; in 6.1 backs go to the side and the back centre at a each. Mono is a times the
    sum of the stereo fold, which is BS.775's a (L + R) + C + (Ls + Rs)/2; IAMF's own is 3 dB lower.

    "dplii" folds to 5.0 by "itu" first, then (a = 0.7071, n = 0.8660)

    | Lt = L + a C - j (n Ls + Rs/2)
    | Rt = R + a C + j (Ls/2 + n Rs)

    References
    ----------
    .. [1] ITU-R BS.775-3, Multichannel stereophonic sound system with and without accompanying
       picture, Table 2.
    .. [2] AOMediaCodec/iamf-tools, ``iamf/cli/renderer/gains/precomputed_gains.cc``; after the
       mapping of ITU-R BS.2127, Audio Definition Model renderer for advanced sound systems.

    Examples
    --------
    >>> downmix_matrix("5.1", "stereo").round(3)
    array([[1.   , 0.   , 0.707, 0.   , 0.707, 0.   ],
           [0.   , 1.   , 0.707, 0.   , 0.   , 0.707]])
    """
    method = as_choice(method, "method", METHODS)
    lfe_gain = as_number(lfe_gain, "lfe_gain")
    goal = get_format(target)
    if isinstance(goal, AmbisonicFormat):
        raise LayoutError(f"downmix goes to a layout, got target {goal.name!r}: use render")
    return _matrix(get_format(source), goal, method, lfe_gain, bool(normalize)).copy()


@lru_cache(maxsize=256)
def _matrix(
    source: Layout | AmbisonicFormat, target: Layout, method: str, lfe_gain: float, normalize: bool
) -> NDArray[Any]:
    if isinstance(source, AmbisonicFormat):
        matrix = ambisonic_matrix(source, target, method)
    else:
        matrix = layout_matrix(source, target, method, lfe_gain)
    if normalize:
        matrix /= max(1.0, np.abs(matrix).sum(axis=1).max())
    return matrix


def _shift_90_degrees(signals: NDArray[Any]) -> NDArray[Any]:
    """``signals`` with every frequency advanced by 90 degrees, in time with the input."""
    from scipy.signal import oaconvolve

    if not signals.size:
        return signals
    taps = _hilbert_taps().astype(signals.dtype)
    return oaconvolve(signals, taps.reshape((1,) * (signals.ndim - 1) + (-1,)), "same", axes=-1)


@lru_cache(maxsize=1)
def _hilbert_taps() -> NDArray[np.float64]:
    """Windowed impulse response of j sign(f), centred."""
    offsets = np.arange(HILBERT_TAPS) - HILBERT_TAPS // 2
    odd = offsets % 2 == 1
    ideal = np.zeros(HILBERT_TAPS)
    ideal[odd] = -2.0 / (np.pi * offsets[odd])
    return ideal * np.kaiser(HILBERT_TAPS, HILBERT_KAISER_BETA)


@overload
def match_downmix(
    upmix: ArrayLike,
    original: ArrayLike,
    source: str | Layout | AmbisonicFormat,
    *,
    method: str = "itu",
    return_correction: Literal[False] = False,
) -> NDArray[Any]: ...


@overload
def match_downmix(
    upmix: ArrayLike,
    original: ArrayLike,
    source: str | Layout | AmbisonicFormat,
    *,
    method: str = "itu",
    return_correction: Literal[True],
) -> tuple[NDArray[Any], NDArray[np.float64]]: ...


def match_downmix(
    upmix: ArrayLike,
    original: ArrayLike,
    source: str | Layout | AmbisonicFormat,
    *,
    method: str = "itu",
    return_correction: bool = False,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.float64]]:
    """Correct an upmix, as little as possible, so that its downmix is the original again.

    Of all signals that could be added the one with the least energy is, sample by sample:
    ``pinv(G) @ (original - G @ upmix)`` with the downmix matrix G. An exact fold-down alone proves
    nothing about an upmix: look at the size of the correction too.

    Parameters
    ----------
    upmix : array_like of float, shape (..., channels, samples)
        In the order of ``source``.
    original : array_like of float, shape (..., 1, samples) or (..., 2, samples)
        The mono or stereo signal that it was made from; mono may be (samples,).
    source : str, Layout or AmbisonicFormat
        What the upmix is. An LFE stays as it is. In Ambisonics W is made to fold to the original,
        (L + R)/2 if that is stereo, and the other harmonics stay as they are.
    method : {"itu", "sum", "iamf"}
        The downmix, to "mono" or "stereo" as the original is; "dplii" shifts phases and is refused.
    return_correction : bool
        Return the size of the correction too.

    Returns
    -------
    matched : ndarray, shape (..., channels, samples)
        Of the dtype of ``upmix``; its downmix equals the original to within the rounding of its
        loudest channel.
    correction_db : ndarray of float64, shape (...)
        Only with ``return_correction``: energy of the correction over that of ``upmix``, in dB;
        -inf if nothing was corrected, +inf if the upmix was silent.

    Raises
    ------
    ShapeError, SignalError
        If ``upmix`` and ``original`` are not audio of the same length and batch axes.
    LayoutError, OptionError
        As `downmix_matrix`.

    Examples
    --------
    >>> stereo = np.array([[0.5, -0.25], [0.25, 0.75]])
    >>> surround = np.zeros((6, 2))
    >>> surround[:2] = 0.9 * stereo
    >>> matched = match_downmix(surround, stereo, "5.1")
    >>> np.allclose(downmix(matched, "5.1"), stereo)
    True
    """
    upmixed, difference, matrix = _misfit(upmix, original, source, method)
    matched = upmixed.copy()
    inverse = np.linalg.pinv(matrix)
    for folded in np.flatnonzero(matrix.any(axis=0)):
        matched[..., folded, :] += np.matmul(inverse[folded], difference)
    return (matched, _size_db(upmixed, difference, matrix)) if return_correction else matched


def correction_size(
    upmix: ArrayLike, original: ArrayLike, source: str | Layout | AmbisonicFormat
) -> NDArray[np.float64]:
    """Size of the correction that `match_downmix` makes, in dB, without making it."""
    return _size_db(*_misfit(upmix, original, source, "itu"))


def _misfit(
    upmix: ArrayLike, original: ArrayLike, source: str | Layout | AmbisonicFormat, method: str
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """The upmix, what its downmix lacks of the original, and the matrix of the downmix."""
    if method == "dplii":
        raise OptionError("method 'dplii' shifts phases: match_downmix needs a real matrix")
    upmixed = channels_of(upmix, get_format(source))
    wanted, matrix = _original_and_matrix(original, upmixed, source, method)
    difference = wanted.astype(np.float64)
    # Channel by channel: in float64 without a float64 copy of all of them.
    for channel in np.flatnonzero(matrix.any(axis=0)):
        difference -= matrix[:, channel, None] * upmixed[..., channel, None, :]
    return upmixed, difference, matrix


def _original_and_matrix(
    original: ArrayLike, upmix: NDArray[Any], source: str | Layout | AmbisonicFormat, method: str
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    wanted = as_audio(original, "original", allow_mono=True)
    if wanted.ndim == 1:
        wanted = wanted[None]
    if wanted.shape[-2] not in (1, 2):
        raise ShapeError(f"original must be mono or stereo, got shape {wanted.shape}")
    if (wanted.shape[:-2], wanted.shape[-1]) != (upmix.shape[:-2], upmix.shape[-1]):
        raise ShapeError(
            f"original of shape {wanted.shape} does not fit upmix of shape {upmix.shape}: batch "
            "axes and samples must be equal"
        )
    stereo = wanted.shape[-2] == 2
    if stereo and isinstance(get_format(source), AmbisonicFormat):
        wanted, stereo = wanted.mean(axis=-2, keepdims=True, dtype=np.float64), False
    return wanted, downmix_matrix(source, "stereo" if stereo else "mono", method=method)


def _size_db(
    upmixed: NDArray[Any], difference: NDArray[np.float64], matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Energy of pinv(matrix) @ difference over that of ``upmixed``, in dB."""
    inverse = np.linalg.pinv(matrix)
    # From the two or one signals of the difference.
    products = difference @ difference.swapaxes(-1, -2)
    energy = np.einsum("ij,...ij->...", inverse.T @ inverse, products)
    reference = np.sum(np.square(upmixed, dtype=np.float64), axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(energy > 0.0, energy / reference, 0.0)
        return 10.0 * np.log10(ratio)
