"""Any format to any format: loudspeakers and Ambisonics, through one matrix each way."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.ambisonics import convert_ambisonics, decoder_matrix, spherical_harmonics
from spatialkit.downmix import downmix_matrix, lfe_matrix, permutation_matrix, roles_of
from spatialkit.errors import LayoutError, OptionError
from spatialkit.geometry import angle_between
from spatialkit.layouts import (
    SAME_DIRECTION_DEGREES,
    AmbisonicFormat,
    Format,
    Layout,
    channels_of,
    get_format,
    get_layout,
)
from spatialkit.panning import vbap_gains

__all__ = ["as_target", "render", "render_matrix"]

DECODING_OPTIONS = ("decoder", "weights")


def render(
    audio: ArrayLike, source: str | Format, target: str | Format, **options: Any
) -> NDArray[Any]:
    """Audio of one format in another one.

    Parameters
    ----------
    audio : array_like of float, shape (..., channels, samples)
        In the order of ``source``.
    source, target, **options
        As in `render_matrix`.

    Returns
    -------
    ndarray, shape (..., channels of the target, samples)
        In the dtype of ``audio``: its product with `render_matrix`.

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` is not audio of the format ``source``.
    LayoutError, OptionError
        As `render_matrix`.

    Examples
    --------
    >>> render(np.ones((2, 100), np.float32), "stereo", "7.1.4").shape
    (12, 100)
    """
    matrix = _matrix_of(source, target, options)
    array = channels_of(audio, get_format(source))
    return np.matmul(matrix.astype(array.dtype), array)


def render_matrix(
    source: str | Format, target: str | Format, **options: Any
) -> NDArray[np.float64]:
    """Gains that turn one format into another one.

    Parameters
    ----------
    source, target : str, Layout or AmbisonicFormat
        Names as `spatialkit.layouts.get_format` knows them.
    **options
        From Ambisonics to loudspeakers: ``decoder`` and ``weights`` as in
        `spatialkit.decoder_matrix`.

    Returns
    -------
    ndarray of float64, shape (channels of the target, channels of the source)
        Computed once per process.

    Raises
    ------
    LayoutError
        If a format is unknown, or the target is "binaural", which is not available yet.
    OptionError
        If an option is unknown or has no meaning between these formats.

    Notes
    -----
    Between layouts:

    - with the same loudspeakers, channels are reordered;
    - between named layouts to fewer channels, `spatialkit.downmix_matrix` folds by "itu";
    - else a loudspeaker that the target has too keeps its channel, and every other one is panned to
      its direction with VBAP. Named layouts share what has the same role (the left front of
      "stereo" at 30 degrees and of "quad" at 45, but not the surround of "5.1" at 110 and the side
      of "7.1" at 90), others what has the same direction;
    - an LFE goes to the LFE of the target. A target without one does not get it, nor does
      Ambisonics.

    Loudspeakers are encoded to Ambisonics as plane waves from their directions. Ambisonics of a
    higher order than the target's loses its upper harmonics; to a higher order they stay silent.

    Examples
    --------
    >>> render_matrix("mono", "stereo").round(3)
    array([[0.707],
           [0.707]])
    >>> render_matrix("stereo", "foa").round(3)
    array([[ 1.   ,  1.   ],
           [ 0.5  , -0.5  ],
           [ 0.   ,  0.   ],
           [ 0.866,  0.866]])
    """
    return _matrix_of(source, target, options).copy()


def as_target(target: str | Format) -> Format:
    """``target`` as what `render` goes to."""
    if isinstance(target, str) and target == "binaural":
        raise LayoutError("binaural rendering is not available in this version")
    return get_format(target)


def _matrix_of(
    source: str | Format, target: str | Format, options: dict[str, Any]
) -> NDArray[np.float64]:
    start, goal = get_format(source), as_target(target)
    decodes = isinstance(start, AmbisonicFormat) and isinstance(goal, Layout)
    unknown = [name for name in options if not (decodes and name in DECODING_OPTIONS)]
    if unknown:
        accepted = " and ".join(DECODING_OPTIONS) if decodes else "none"
        raise OptionError(
            f"render from {start.name!r} to {goal.name!r} has no option {unknown[0]!r}: it accepts "
            f"{accepted}"
        )
    for name, value in options.items():
        if not isinstance(value, str):
            raise OptionError(f"{name} must be a name, got {value!r}")
    if options.get("weights") == "dual-band":
        raise OptionError("dual-band decoding is not one matrix: use decode_ambisonics")
    return _matrix(start, goal, **options)


@lru_cache(maxsize=256)
def _matrix(source: Format, target: Format, **options: str) -> NDArray[np.float64]:
    if isinstance(source, Layout):
        if isinstance(target, Layout):
            return _between_layouts(source, target)
        return _encoder(source, target)
    if isinstance(target, Layout):
        return decoder_matrix(
            target,
            source.order,
            normalization=source.normalization,
            channel_order=source.channel_order,
            **options,
        )
    return _between_orders(source, target)


def _between_layouts(source: Layout, target: Layout) -> NDArray[np.float64]:
    named = _is_named(source) and _is_named(target)
    permutation = permutation_matrix(source, target) if named else None
    if permutation is not None:
        return permutation
    if named and source.n_channels > target.n_channels:
        return downmix_matrix(source, target)
    matrix = lfe_matrix(source, target)
    shared = _shared_by_role(source, target) if named else _shared_by_direction(source, target)
    for column in source.loudspeakers:
        if column in shared:
            matrix[shared[column], column] = 1.0
        else:
            azimuth, elevation = source.azimuth[column], source.elevation[column]
            matrix[:, column] = vbap_gains(azimuth, elevation, layout=target)
    return matrix


def _is_named(layout: Layout) -> bool:
    try:
        return get_layout(layout.name) == layout
    except LayoutError:
        return False


def _shared_by_role(source: Layout, target: Layout) -> dict[int, int]:
    places = dict(zip(roles_of(target), target.loudspeakers, strict=True))
    pairs = zip(roles_of(source), source.loudspeakers, strict=True)
    return {int(column): int(places[role]) for role, column in pairs if role in places}


def _shared_by_direction(source: Layout, target: Layout) -> dict[int, int]:
    apart = angle_between(
        source.directions[source.loudspeakers, None], target.directions[target.loudspeakers]
    )
    pairs = zip(source.loudspeakers, apart.argmin(axis=1), apart.min(axis=1), strict=True)
    return {
        int(column): int(target.loudspeakers[nearest])
        for column, nearest, angle in pairs
        if angle < SAME_DIRECTION_DEGREES
    }


def _encoder(source: Layout, target: AmbisonicFormat) -> NDArray[np.float64]:
    real = source.loudspeakers
    matrix = np.zeros((target.n_channels, source.n_channels))
    matrix[:, real] = spherical_harmonics(
        source.azimuth[real],
        source.elevation[real],
        order=target.order,
        normalization=target.normalization,
        channel_order=target.channel_order,
    ).T
    return matrix


def _between_orders(source: AmbisonicFormat, target: AmbisonicFormat) -> NDArray[np.float64]:
    order = min(source.order, target.order)
    common = AmbisonicFormat(order, target.normalization, target.channel_order)
    matrix = np.zeros((target.n_channels, source.n_channels))
    # Harmonics of higher orders come behind in every channel order.
    matrix[: common.n_channels] = convert_ambisonics(np.eye(source.n_channels), source, common)
    return matrix
