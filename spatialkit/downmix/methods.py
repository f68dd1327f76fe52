"""Downmix matrices by method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit.downmix.rules import HALF_POWER, ROLES, role_matrix, roles_of
from spatialkit.errors import LayoutError
from spatialkit.layouts import AmbisonicFormat, Layout, channel_map, get_layout

DownmixMethod = Literal["itu", "sum", "dplii", "iamf"]
"""Name of a downmix method, see `spatialkit.downmix.downmix_matrix`."""
DOWNMIX_METHODS: tuple[DownmixMethod, ...] = get_args(DownmixMethod)

# Mono is the sum of both channels of the stereo downmix divided by one of these: the centre then
# has gain 1 in BS.775, and 3 dB less in IAMF.
BS775_MONO_DIVISOR, IAMF_MONO_DIVISOR = np.sqrt(2), 2.0
# Gains of Pro Logic II from a surround to the total of its own side and to that of the other side.
DPLII_NEAR, DPLII_FAR = np.sqrt(3) / 2, 0.5
# Layouts between which IAMF defines static gains, by the names of layouts with equal loudspeakers.
IAMF_SOURCES = ("stereo", "5.1", "5.1.2", "5.1.4", "7.1", "7.1.4", "7.1.2", "9.1.6", "22.2")
IAMF_TARGETS = ("mono", *IAMF_SOURCES[:-1], "4+5+1", "3+7+0", "4+9+0")
# Method "sum" treats a loudspeaker with |y| below this (about 6e-8 degrees) as in the median plane.
MEDIAN_PLANE_TOLERANCE = 1e-9


def ambisonic_matrix(source: AmbisonicFormat, target: Layout, method: str) -> NDArray[Any]:
    """Return the gains (1, harmonics) from Ambisonics to mono, which is W in SN3D.

    W has gain 1 in SN3D and N3D, and sqrt(2) in FuMa, where it is 3 dB lower.
    """
    if method != "itu" or not _is_mono(target):
        raise LayoutError(
            f"downmix of Ambisonics must have target 'mono' (W) and method 'itu', got target "
            f"{target.name!r} and method {method!r}; use render for loudspeakers, "
            "virtual_microphones for a stereo pair"
        )
    matrix = np.zeros((1, source.n_channels))
    matrix[0, 0] = np.sqrt(2) if source.normalization == "FuMa" else 1.0
    return matrix


def layout_matrix(
    source: Layout, target: Layout, method: DownmixMethod, lfe_gain: float
) -> NDArray[Any]:
    """Return the gains (target, source) between two layouts, LFE channels included."""
    permutation = permutation_matrix(source, target)
    if permutation is not None:
        return permutation
    if source.n_channels <= target.n_channels:
        raise LayoutError(
            f"the target of downmix must have fewer channels than {source.name!r} "
            f"({source.n_channels}), got {target.name!r} ({target.n_channels}); use render"
        )
    gains = METHODS[method](source, target)
    matrix = np.zeros((target.n_channels, source.n_channels), dtype=gains.dtype)
    matrix[np.ix_(target.loudspeakers, source.loudspeakers)] = gains
    matrix += lfe_matrix(source, target, lfe_gain)
    if method == "iamf" and (source.n_channels, target.n_channels) == (24, 16):
        _apply_iamf_exceptions(matrix, source, target)
    return matrix


def permutation_matrix(source: Layout, target: Layout) -> NDArray[np.float64] | None:
    """Return the matrix that reorders the channels of one layout to those of another.

    Parameters
    ----------
    source, target : Layout

    Returns
    -------
    ndarray of float64, shape (target, source), or None
        None if the loudspeakers differ.

    Examples
    --------
    >>> permutation_matrix(get_layout("3.0"), get_layout("3.0:film"))
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    try:
        return np.eye(source.n_channels)[channel_map(source, target)]
    except LayoutError:
        return None


def lfe_matrix(source: Layout, target: Layout, lfe_gain: float = 0.0) -> NDArray[np.float64]:
    """Return the gains of the LFE channels of one layout to the channels of another.

    Parameters
    ----------
    source, target : Layout
    lfe_gain : float
        Linear gain to the loudspeakers of a target without LFE, see `downmix_matrix`.

    Returns
    -------
    ndarray of float64, shape (target, source)
        Zero for the loudspeakers of ``source``.

    Examples
    --------
    >>> lfe_matrix(get_layout("5.1"), get_layout("stereo"), 1.0)[:, 3].round(3)
    array([0.707, 0.707])
    """
    matrix = np.zeros((target.n_channels, source.n_channels))
    inputs, outputs = np.flatnonzero(source.is_lfe), np.flatnonzero(target.is_lfe)
    if len(inputs) <= len(outputs):
        matrix[outputs[: len(inputs)], inputs] = 1.0
    elif len(outputs):
        matrix[np.ix_(outputs[:1], inputs)] = 1.0 / np.sqrt(len(inputs))
    elif lfe_gain:
        matrix[:, inputs] = lfe_gain / np.sqrt(len(inputs)) * _itu_role_gains(("FC",), target)
    return matrix


def _is_mono(layout: Layout) -> bool:
    return roles_of(layout) == ("FC",)


def _itu_gains(
    source: Layout, target: Layout, mono_divisor: float = BS775_MONO_DIVISOR
) -> NDArray[np.float64]:
    for layout in (source, target):
        unknown = [role for role in roles_of(layout) if role not in ROLES]
        if unknown:
            raise LayoutError(
                f"downmix has no rule for label {', '.join(unknown)} of {layout.name!r}; use "
                "render, which needs directions only"
            )
    return _itu_role_gains(roles_of(source), target, mono_divisor)


def _itu_role_gains(
    source: tuple[str, ...], target: Layout, mono_divisor: float = BS775_MONO_DIVISOR
) -> NDArray[np.float64]:
    if _is_mono(target):
        return role_matrix(source, ("FL", "FR")).sum(axis=0, keepdims=True) / mono_divisor
    roles = roles_of(target)
    if not {"FL", "FR"} <= set(roles):
        raise LayoutError(
            "the target of downmix must have a front pair or be a single centre, got "
            f"{target.name!r} with {' '.join(target.labels)}; use render"
        )
    return role_matrix(source, roles)


def _sum_gains(source: Layout, target: Layout) -> NDArray[np.float64]:
    y = source.directions[source.loudspeakers, 1]
    median = np.abs(y) < MEDIAN_PLANE_TOLERANCE
    rows = {"FL": np.where(median, 0.5, y > 0.0), "FR": np.where(median, 0.5, y < 0.0)}
    return np.stack([rows[role] for role in _stereo_roles(target, "sum")])


def _dplii_gains(source: Layout, target: Layout) -> NDArray[Any]:
    near, far = 1j * DPLII_NEAR, 1j * DPLII_FAR
    totals = {
        "FL": [1.0, 0.0, HALF_POWER, -near, -far],
        "FR": [0.0, 1.0, HALF_POWER, far, near],
    }
    encoder = np.array([totals[role] for role in _stereo_roles(target, "dplii")])
    return encoder @ _itu_gains(source, get_layout("5.0"))


def _stereo_roles(target: Layout, method: str) -> tuple[str, ...]:
    roles = roles_of(target)
    if sorted(roles) != ["FL", "FR"]:
        raise LayoutError(
            f"the target of method {method!r} must be 'stereo', got {target.name!r}; use method "
            "'itu'"
        )
    return roles


def _iamf_gains(source: Layout, target: Layout) -> NDArray[np.float64]:
    if not (_is_one_of(source, IAMF_SOURCES) and _is_one_of(target, IAMF_TARGETS)):
        raise LayoutError(
            f"method 'iamf' has no gains from {source.name!r} to {target.name!r}; accepted are "
            f"sources {', '.join(IAMF_SOURCES)} and, with fewer channels, targets "
            f"{', '.join(IAMF_TARGETS)}; use method 'itu'"
        )
    return _itu_gains(source, target, IAMF_MONO_DIVISOR)


def _is_one_of(layout: Layout, names: tuple[str, ...]) -> bool:
    def channels(known: Layout) -> tuple[frozenset[str], int]:
        return frozenset(roles_of(known)), int(known.is_lfe.sum())

    return channels(layout) in [channels(get_layout(name)) for name in names]


def _apply_iamf_exceptions(matrix: NDArray[Any], source: Layout, target: Layout) -> None:
    """Set the gains that IAMF defines from 22.2 to 9.1.6 only, unlike its own rules elsewhere."""
    roles = dict(zip(roles_of(target), target.loudspeakers, strict=True))
    top_centre = source.loudspeakers[roles_of(source).index("TFC")]
    matrix[:, top_centre] = 0.0
    matrix[[roles["FL"], roles["FR"]], top_centre] = HALF_POWER
    matrix[target.is_lfe, np.flatnonzero(source.is_lfe)[0]] = 1.0


METHODS: dict[DownmixMethod, Callable[[Layout, Layout], NDArray[Any]]] = {
    "itu": _itu_gains,
    "sum": _sum_gains,
    "dplii": _dplii_gains,
    "iamf": _iamf_gains,
}
