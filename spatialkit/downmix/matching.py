"""Correction of an upmix that makes its downmix exact."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike, require_equal_rates, unpack_audio
from spatialkit.downmix.correction import DownmixCorrection, DownmixMeter
from spatialkit.downmix.downmixing import downmix_matrix
from spatialkit.downmix.methods import DOWNMIX_METHODS, DownmixMethod
from spatialkit.errors import LayoutError, OptionError, ShapeError
from spatialkit.layouts import AmbisonicFormat, Format, Layout, channels_of, get_format
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_audio, as_choice

__all__ = ["correction_size", "match_downmix"]


@overload
def match_downmix(
    upmix: AudioLike[FloatT],
    original: AudioLike[Any],
    source: str | Layout | AmbisonicFormat | None = None,
    *,
    method: DownmixMethod = "itu",
    return_correction: Literal[False] = False,
) -> FloatArray[FloatT]: ...


@overload
def match_downmix(
    upmix: AudioLike[FloatT],
    original: AudioLike[Any],
    source: str | Layout | AmbisonicFormat | None = None,
    *,
    method: DownmixMethod = "itu",
    return_correction: Literal[True],
) -> tuple[FloatArray[FloatT], NDArray[np.float64]]: ...


def match_downmix(
    upmix: AudioLike[FloatT],
    original: AudioLike[Any],
    source: str | Layout | AmbisonicFormat | None = None,
    *,
    method: DownmixMethod = "itu",
    return_correction: bool = False,
) -> FloatArray[FloatT] | tuple[FloatArray[FloatT], NDArray[np.float64]]:
    r"""Correct an upmix in proportion to its channels so that its downmix equals the original.

    .. math:: u' = u + W G^T (G W G^T)^{-1} (s - G u)

    sample by sample, for the upmix :math:`u`, the original :math:`s`, the downmix matrix :math:`G`
    and the diagonal matrix :math:`W` of the squared levels of the channels, see
    `spatialkit.downmix.DownmixCorrection`: a silent channel stays silent where another one can be
    corrected. An exact downmix alone does not indicate a good upmix: consider the size of the
    smallest correction as well.

    Parameters
    ----------
    upmix : array_like of float or Audio, shape (..., channels, samples)
        Channels in the order of ``source``. An `Audio` also specifies ``source``.
    original : array_like of float or Audio, shape (..., 1, samples) or (..., 2, samples)
        Mono or stereo signal that was upmixed; mono may be (samples,).
    source : str, Layout or AmbisonicFormat, optional
        Format of the upmix; required for arrays. LFE channels remain unchanged. In Ambisonics W is
        set to the original, or to (L + R)/2 if that is stereo, and the other harmonics remain
        unchanged.
    method : {"itu", "sum", "iamf"}
        Downmix rule, see `downmix_matrix`; the target is "mono" or "stereo" like the original.
        "dplii" is not accepted because its matrix is complex.
    return_correction : bool
        Whether to return the size of the smallest correction as well.

    Returns
    -------
    matched : ndarray, shape (..., channels, samples)
        In the dtype of ``upmix``. Its downmix equals the original within the rounding error of its
        loudest channel, in float64 within -160 dB where one side is silent.
    correction_db : ndarray of float64, shape (...)
        Only with ``return_correction``: see `spatialkit.downmix.correction_size`.

    Raises
    ------
    ShapeError, SignalError
        If ``upmix`` and ``original`` differ in length or batch axes, or are not float32 or float64.
    LayoutError, OptionError
        As for `downmix_matrix`.

    Examples
    --------
    >>> from spatialkit.downmix import downmix
    >>> stereo = np.array([[0.5, -0.25], [0.25, 0.75]])
    >>> surround = np.zeros((6, 2))
    >>> surround[:2] = 0.9 * stereo
    >>> matched = match_downmix(surround, stereo, "5.1")
    >>> np.allclose(downmix(matched, "5.1"), stereo)
    True
    """
    items = _items(upmix, original, source, method)
    matched = items.upmix.copy()
    for item in np.ndindex(matched.shape[:-2]):
        DownmixCorrection(items.format, items.matrix).apply(matched[item], items.original[item])
    return (matched, items.correction_db()) if return_correction else matched


def correction_size(
    upmix: AudioLike[Any],
    original: AudioLike[Any],
    source: str | Layout | AmbisonicFormat | None = None,
) -> NDArray[np.float64]:
    r"""Return the size of the smallest correction that makes a downmix exact, method "itu".

    .. math:: 10 \log_{10} \left( \sum (G^+ (s - G u))^2 / \sum u^2 \right)

    with the pseudoinverse :math:`G^+` of the downmix matrix. `match_downmix` corrects in proportion
    to the channels, with more energy.

    Parameters
    ----------
    upmix, original, source
        As for `match_downmix`.

    Returns
    -------
    ndarray of float64, shape (...)
        Energy relative to that of ``upmix``, in dB; -inf if no correction is necessary, +inf if the
        upmix is silent.

    Examples
    --------
    >>> stereo = np.array([[0.5, -0.25], [0.25, 0.75]])
    >>> float(correction_size(0.9 * stereo, stereo, "stereo").round(1))
    -19.1
    """
    return _items(upmix, original, source, "itu").correction_db()


class _Items(NamedTuple):
    """Upmixes and originals (..., channels, samples), checked, and the matrix between them."""

    upmix: NDArray[Any]
    original: NDArray[Any]
    format: Format
    matrix: NDArray[np.float64]

    def correction_db(self) -> NDArray[np.float64]:
        """Energy of each correction relative to the upmix."""
        decibels = np.empty(self.upmix.shape[:-2])
        for item in np.ndindex(decibels.shape):
            meter = DownmixMeter(self.format, self.matrix)
            meter.add(self.upmix[item], self.original[item])
            decibels[item] = meter.correction_db
        return decibels


def _items(
    upmix: AudioLike[Any],
    original: AudioLike[Any],
    source: str | Layout | AmbisonicFormat | None,
    method: DownmixMethod,
) -> _Items:
    method = as_choice(method, "method", DOWNMIX_METHODS)
    if method == "dplii":
        raise OptionError(
            "method of match_downmix must be 'itu', 'sum' or 'iamf', got 'dplii', whose matrix is "
            "complex"
        )
    require_equal_rates(upmix, original, "upmix and original")
    samples, _, source = unpack_audio(upmix, format=source, name="upmix", format_name="source")
    if source is None:
        raise LayoutError("source is missing; specify it, or pass an Audio with a format")
    format = get_format(source)
    upmixed = channels_of(samples, format)
    wanted = as_audio(unpack_audio(original)[0], "original", allow_mono=True)
    if wanted.ndim == 1:
        wanted = wanted[None]
    if wanted.shape[-2] not in (1, 2):
        raise ShapeError(
            f"original must be mono or stereo, (..., 1 or 2, samples), got shape {wanted.shape}"
        )
    if (wanted.shape[:-2], wanted.shape[-1]) != (upmixed.shape[:-2], upmixed.shape[-1]):
        raise ShapeError(
            "original and upmix must have the same batch axes and number of samples, got shapes "
            f"{wanted.shape} and {upmixed.shape}"
        )
    stereo = wanted.shape[-2] == 2 and isinstance(format, Layout)
    matrix = downmix_matrix(source, "stereo" if stereo else "mono", method=method)
    return _Items(upmixed, wanted, format, matrix)
