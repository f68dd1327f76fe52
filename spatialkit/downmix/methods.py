"""The downmix matrices: one function per method, and what they share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.downmix.rules import HALF_POWER, ROLES, fold_matrix, roles_of
from spatialkit.errors import LayoutError
from spatialkit.layouts import AmbisonicFormat, Layout, channel_map, get_layout

# Mono is the sum of the stereo fold over one of these: the centre is at 1 in BS.775, 3 dB lower in
# IAMF.
BS775_MONO_DIVISOR, IAMF_MONO_DIVISOR = np.sqrt(2), 2.0
# Pro Logic II: the surround of a side goes to the total of that side and, smaller, to the other.
DPLII_NEAR, DPLII_FAR = np.sqrt(3) / 2, 0.5
# What IAMF has static gains for, by the names of layouts with the same loudspeakers.
IAMF_SOURCES = ("stereo", "5.1", "5.1.2", "5.1.4", "7.1", "7.1.4", "7.1.2", "9.1.6", "22.2")
IAMF_TARGETS = ("mono", *IAMF_SOURCES[:-1], "4+5+1", "3+7+0", "4+9+0")
# "sum" takes what is nearer to the median plane than this (about 6e-8 degrees) as in the middle.
MEDIAN_PLANE = 1e-9


def ambisonic_matrix(source: AmbisonicFormat, target: Layout, method: str) -> NDArray[Any]:
    """W alone: 1 in SN3D and N3D, sqrt(2) in FuMa, whose W is 3 dB lower."""
    if method != "itu" or not _is_mono(target):
        raise LayoutError(
            f"Ambisonics folds to 'mono' (W) by 'itu' only, got target {target.name!r} and method "
            f"{method!r}: render decodes to loudspeakers, virtual_microphones to a stereo pair"
        )
    matrix = np.zeros((1, source.n_channels))
    matrix[0, 0] = np.sqrt(2) if source.normalization == "FuMa" else 1.0
    return matrix


def layout_matrix(source: Layout, target: Layout, method: str, lfe_gain: float) -> NDArray[Any]:
    """Gains (target, source) between two layouts, LFE included."""
    permutation = permutation_matrix(source, target)
    if permutation is not None:
        return permutation
    if source.n_channels <= target.n_channels:
        raise LayoutError(
            f"downmix goes to fewer channels, {source.name!r} has {source.n_channels} and "
            f"{target.name!r} {target.n_channels}: render goes from any layout to any"
        )
    gains = METHODS[method](source, target)
    matrix = np.zeros((target.n_channels, source.n_channels), dtype=gains.dtype)
    matrix[np.ix_(target.loudspeakers, source.loudspeakers)] = gains
    matrix += lfe_matrix(source, target, lfe_gain)
    if method == "iamf" and (source.n_channels, target.n_channels) == (24, 16):
        _apply_iamf_slips(matrix, source, target)
    return matrix


def permutation_matrix(source: Layout, target: Layout) -> NDArray[np.float64] | None:
    """What reorders ``source`` to ``target``, or None if their loudspeakers differ."""
    try:
        return np.eye(source.n_channels)[channel_map(source, target)]
    except LayoutError:
        return None


def lfe_matrix(source: Layout, target: Layout, lfe_gain: float = 0.0) -> NDArray[np.float64]:
    """Gains (target, source) of the LFE channels of ``source``, zero for its loudspeakers."""
    matrix = np.zeros((target.n_channels, source.n_channels))
    inputs, outputs = np.flatnonzero(source.is_lfe), np.flatnonzero(target.is_lfe)
    if len(inputs) <= len(outputs):
        matrix[outputs[: len(inputs)], inputs] = 1.0
    elif len(outputs):
        matrix[np.ix_(outputs[:1], inputs)] = 1.0 / np.sqrt(len(inputs))
    elif lfe_gain:
        matrix[:, inputs] = lfe_gain / np.sqrt(len(inputs)) * _fold_roles(("FC",), target)
    return matrix


def _is_mono(layout: Layout) -> bool:
    return roles_of(layout) == ("FC",)


def _fold_itu(
    source: Layout, target: Layout, mono_divisor: float = BS775_MONO_DIVISOR
) -> NDArray[np.float64]:
    for layout in (source, target):
        unknown = [role for role in roles_of(layout) if role not in ROLES]
        if unknown:
            raise LayoutError(
                f"downmix goes by labels and does not know {', '.join(unknown)} of "
                f"{layout.name!r}: render goes by directions"
            )
    return _fold_roles(roles_of(source), target, mono_divisor)


def _fold_roles(
    source: tuple[str, ...], target: Layout, mono_divisor: float = BS775_MONO_DIVISOR
) -> NDArray[np.float64]:
    if _is_mono(target):
        return fold_matrix(source, ("FL", "FR")).sum(axis=0, keepdims=True) / mono_divisor
    roles = roles_of(target)
    if not {"FL", "FR"} <= set(roles):
        raise LayoutError(
            f"downmix needs a front pair or a lone centre in the target, {target.name!r} has "
            f"{' '.join(target.labels)}: use render"
        )
    return fold_matrix(source, roles)


def _fold_sum(source: Layout, target: Layout) -> NDArray[np.float64]:
    left_to_right = source.directions[source.loudspeakers, 1]
    middle = np.abs(left_to_right) < MEDIAN_PLANE
    sides = {
        "FL": np.where(middle, 0.5, left_to_right > 0.0),
        "FR": np.where(middle, 0.5, left_to_right < 0.0),
    }
    return np.stack([sides[role] for role in _stereo_roles(target, "sum")])


def _fold_dplii(source: Layout, target: Layout) -> NDArray[Any]:
    near, far = 1j * DPLII_NEAR, 1j * DPLII_FAR
    totals = {
        "FL": [1.0, 0.0, HALF_POWER, -near, -far],
        "FR": [0.0, 1.0, HALF_POWER, far, near],
    }
    encoder = np.array([totals[role] for role in _stereo_roles(target, "dplii")])
    return encoder @ _fold_itu(source, get_layout("5.0"))


def _stereo_roles(target: Layout, method: str) -> tuple[str, ...]:
    roles = roles_of(target)
    if sorted(roles) != ["FL", "FR"]:
        raise LayoutError(f"method {method!r} goes to stereo only, got target {target.name!r}")
    return roles


def _fold_iamf(source: Layout, target: Layout) -> NDArray[np.float64]:
    if not (_is_one_of(source, IAMF_SOURCES) and _is_one_of(target, IAMF_TARGETS)):
        raise LayoutError(
            f"IAMF has no static gains from {source.name!r} to {target.name!r}, only from the "
            f"loudspeakers of {', '.join(IAMF_SOURCES)} to fewer of {', '.join(IAMF_TARGETS)}: "
            "use method 'itu'"
        )
    return _fold_itu(source, target, IAMF_MONO_DIVISOR)


def _is_one_of(layout: Layout, names: tuple[str, ...]) -> bool:
    def channels(known: Layout) -> tuple[frozenset[str], int]:
        return frozenset(roles_of(known)), int(known.is_lfe.sum())

    return channels(layout) in [channels(get_layout(name)) for name in names]


def _apply_iamf_slips(matrix: NDArray[Any], source: Layout, target: Layout) -> None:
    """What IAMF has from 22.2 to 9.1.6 and nowhere else."""
    roles = dict(zip(roles_of(target), target.loudspeakers, strict=True))
    top_centre = source.loudspeakers[roles_of(source).index("TFC")]
    matrix[:, top_centre] = 0.0
    matrix[[roles["FL"], roles["FR"]], top_centre] = HALF_POWER
    matrix[target.is_lfe, np.flatnonzero(source.is_lfe)[0]] = 1.0


METHODS = {"itu": _fold_itu, "sum": _fold_sum, "dplii": _fold_dplii, "iamf": _fold_iamf}
