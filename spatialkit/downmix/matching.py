"""Smallest correction of an upmix that makes its downmix exact."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import AudioLike, require_equal_rates, unpack_audio
from spatialkit.downmix.downmixing import downmix_matrix
from spatialkit.downmix.methods import DOWNMIX_METHODS, DownmixMethod
from spatialkit.errors import LayoutError, OptionError, ShapeError
from spatialkit.layouts import AmbisonicFormat, Layout, channels_of, get_format
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
    """Correct an upmix by the smallest signal that makes its downmix equal the original.

    .. math:: u' = u + G^+ (s - G u)

    sample by sample, for the upmix :math:`u`, the original :math:`s` and the downmix matrix
    :math:`G` with pseudoinverse :math:`G^+`: of all corrections with an exact downmix this is the
    one with the least energy. An exact downmix alone does not indicate a good upmix: consider the
    size of the correction as well.

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
        Whether to return the size of the correction as well.

    Returns
    -------
    matched : ndarray, shape (..., channels, samples)
        In the dtype of ``upmix``. Its downmix equals the original within the rounding error of its
        loudest channel.
    correction_db : ndarray of float64, shape (...)
        Only with ``return_correction``: energy of the correction relative to that of ``upmix``, in
        dB; -inf if no correction was necessary, +inf if the upmix was silent.

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
    upmixed, difference, matrix = _downmix_difference(upmix, original, source, method)
    matched = upmixed.copy()
    inverse = np.linalg.pinv(matrix)
    for channel in np.flatnonzero(matrix.any(axis=0)):
        matched[..., channel, :] += np.matmul(inverse[channel], difference)
    return (matched, _size_db(upmixed, difference, matrix)) if return_correction else matched


def correction_size(
    upmix: AudioLike[Any],
    original: AudioLike[Any],
    source: str | Layout | AmbisonicFormat | None = None,
) -> NDArray[np.float64]:
    """Return the size of the correction that `match_downmix` would apply, method "itu".

    Parameters
    ----------
    upmix, original, source
        As for `match_downmix`.

    Returns
    -------
    ndarray of float64, shape (...)
        Energy of the correction relative to that of ``upmix``, in dB; -inf if no correction is
        necessary, +inf if the upmix is silent.

    Examples
    --------
    >>> stereo = np.array([[0.5, -0.25], [0.25, 0.75]])
    >>> float(correction_size(0.9 * stereo, stereo, "stereo").round(1))
    -19.1
    """
    return _size_db(*_downmix_difference(upmix, original, source, "itu"))


def _downmix_difference(
    upmix: AudioLike[FloatT],
    original: AudioLike[Any],
    source: str | Layout | AmbisonicFormat | None,
    method: DownmixMethod,
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """Return the upmix, the original minus its downmix, and the downmix matrix."""
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
    upmixed = channels_of(samples, get_format(source))
    wanted, matrix = _original_and_matrix(unpack_audio(original)[0], upmixed, source, method)
    difference = wanted.astype(np.float64)
    # Channel by channel, which needs no float64 copy of the whole upmix.
    for channel in np.flatnonzero(matrix.any(axis=0)):
        difference -= matrix[:, channel, None] * upmixed[..., channel, None, :]
    return upmixed, difference, matrix


def _original_and_matrix(
    original: ArrayLike,
    upmix: NDArray[Any],
    source: str | Layout | AmbisonicFormat,
    method: DownmixMethod,
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    wanted = as_audio(original, "original", allow_mono=True)
    if wanted.ndim == 1:
        wanted = wanted[None]
    if wanted.shape[-2] not in (1, 2):
        raise ShapeError(
            f"original must be mono or stereo, (..., 1 or 2, samples), got shape {wanted.shape}"
        )
    if (wanted.shape[:-2], wanted.shape[-1]) != (upmix.shape[:-2], upmix.shape[-1]):
        raise ShapeError(
            "original and upmix must have the same batch axes and number of samples, got shapes "
            f"{wanted.shape} and {upmix.shape}"
        )
    stereo = wanted.shape[-2] == 2
    if stereo and isinstance(get_format(source), AmbisonicFormat):
        wanted, stereo = wanted.mean(axis=-2, keepdims=True, dtype=np.float64), False
    return wanted, downmix_matrix(source, "stereo" if stereo else "mono", method=method)


def _size_db(
    upmixed: NDArray[Any], difference: NDArray[np.float64], matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the energy of pinv(matrix) @ difference relative to that of ``upmixed``, in dB."""
    inverse = np.linalg.pinv(matrix)
    # Computed from the one or two channels of the difference rather than from all of the upmix.
    products = difference @ difference.swapaxes(-1, -2)
    energy = np.einsum("ij,...ij->...", inverse.T @ inverse, products)
    reference = np.sum(np.square(upmixed, dtype=np.float64), axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(energy > 0.0, energy / reference, 0.0)
        return 10.0 * np.log10(ratio)
