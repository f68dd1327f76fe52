"""Design of Ambisonic decoders: from the harmonics at the loudspeakers, or by AllRAD."""

from __future__ import annotations

from functools import lru_cache
from math import comb
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import harmonics
from spatialkit.errors import LayoutError
from spatialkit.geometry import sphere_quadrature, to_cartesian, to_spherical
from spatialkit.layouts import Layout
from spatialkit.panning import vbap_gains

Decoder: TypeAlias = Literal["allrad", "epad", "mode-matching", "sampling"]
"""Method by which a decoder is designed."""

FoaDecoder: TypeAlias = Literal["allrad", "epad", "mode-matching", "sampling", "dirac"]
"""Decoders of first-order Ambisonics: "dirac" estimates directions, the others are matrices."""

OrderWeights: TypeAlias = Literal["basic", "max-re", "in-phase"]
"""Gains of the orders in one decoder matrix."""

Weights: TypeAlias = Literal["basic", "max-re", "in-phase", "dual-band"]
"""Gains of the orders, or "dual-band": "basic" below a crossover and "max-re" above."""

DECODERS: tuple[Decoder, ...] = get_args(Decoder)
FOA_DECODERS: tuple[FoaDecoder, ...] = get_args(FoaDecoder)
ORDER_WEIGHTS: tuple[OrderWeights, ...] = get_args(OrderWeights)
WEIGHTS: tuple[Weights, ...] = get_args(Weights)

# Largest amplification of a pattern of the loudspeakers by mode matching, relative to the pattern
# that the loudspeakers reproduce best.
MAX_AMPLIFICATION_DB = 10.0
# Largest condition number for EPAD, which would otherwise assign full energy to harmonics that the
# loudspeakers cannot reproduce. It is 1e15 for named layouts that lack a harmonic, at most 37 for
# all others.
MAX_CONDITION = 100.0
# Singular values below this ratio to the largest are zeros with rounding errors.
ROUNDING = 1e-13
# Degree of the quadrature whose points AllRAD pans: about 5300 virtual loudspeakers, as in BS.2127.
VIRTUAL_DEGREE = 100


@lru_cache(maxsize=256)
def design(
    layout: Layout, order: int, decoder: Decoder, weights: OrderWeights
) -> NDArray[np.float64]:
    """Compute the decoder (loudspeakers, harmonics) of N3D harmonics in ACN order."""
    if decoder == "epad":
        _require_span(layout, order)
    if decoder == "allrad":
        vectors, quadrature = sphere_quadrature(VIRTUAL_DEGREE)
        gains = vbap_gains(*to_spherical(vectors), layout=layout) * quadrature[:, None]
        matrix = gains.T @ harmonics.harmonics(vectors, order)
    else:
        matrix = _from_modes(modes_of(layout, order), decoder) @ _scene_harmonics(layout, order)
    on_circle = layout.is_flat and decoder != "allrad"
    matrix *= order_gains(weights, order, on_circle=on_circle)[harmonics.orders_of_acn(order)]
    vectors, quadrature = plane_waves(layout, 2 * order)
    energy = np.sum((harmonics.harmonics(vectors, order) @ matrix.T) ** 2, axis=-1)
    matrix /= np.sqrt(quadrature @ energy)
    matrix.flags.writeable = False
    return matrix


def _from_modes(modes: NDArray[np.float64], decoder: Decoder) -> NDArray[np.float64]:
    """Compute a decoder from the harmonics at the loudspeakers.

    The decoders differ in the function applied to the singular values. It is odd, which preserves
    every symmetry of the layout.
    """
    left, values, right = np.linalg.svd(modes, full_matrices=False)
    if decoder == "epad":
        values = np.ones_like(values)
    elif decoder == "mode-matching":
        # The pseudo-inverse 1 / values, continued linearly to 0 below the limit, without a step.
        limit = values[0] * 10.0 ** (-MAX_AMPLIFICATION_DB / 20.0)
        values = values / np.maximum(values, limit) ** 2
    return (left * values) @ right


def order_gains(
    weights: OrderWeights, order: int, *, on_circle: bool = False
) -> NDArray[np.float64]:
    """Compute the gains of the orders 0 to ``order``, for spherical or circular harmonics.

    Parameters
    ----------
    weights : {"basic", "max-re", "in-phase"}
    order : int
    on_circle : bool
        Whether they are for circular harmonics.

    Examples
    --------
    >>> order_gains("max-re", 1).round(4)
    array([1.    , 0.5774])
    """
    n = np.arange(order + 1)
    if weights == "max-re" and on_circle:
        return np.cos(n * np.pi / (2 * order + 2))
    if weights == "max-re":
        largest_root = np.polynomial.legendre.leggauss(order + 1)[0][-1]
        return np.polynomial.legendre.legvander(largest_root, order)[0]
    if weights == "in-phase":
        # The expansion of the pattern ((1 + cos) / 2)^order.
        top = 2 * order if on_circle else 2 * order + 1
        return np.array([comb(top, order - k) / comb(top, order) for k in range(order + 1)])
    return np.ones(order + 1)


def plane_waves(layout: Layout, degree: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return directions and weights for means over the sphere, or over the horizon if flat."""
    if not layout.is_flat:
        return sphere_quadrature(degree)
    steps = 4 * (degree + 1)
    return to_cartesian(np.arange(steps) * (360.0 / steps)), np.full(steps, 1.0 / steps)


def _scene_harmonics(layout: Layout, order: int) -> NDArray[np.float64]:
    """Return the matrix (selected, harmonics) that selects the harmonics a layout can reproduce.

    These are all of them, or on flat layouts the circular ones, scaled to be orthonormal for the
    mean over the horizon.
    """
    every = np.eye((order + 1) ** 2)
    if not layout.is_flat:
        return every
    degrees = np.arange(-order, order + 1)
    orders = np.abs(degrees)
    ahead = harmonics.harmonics(np.array([1.0, 0.0, 0.0]), order)
    mean_square = ahead[orders * (orders + 2)] ** 2 / np.where(orders, 2.0, 1.0)
    return every[orders * (orders + 1) + degrees] / np.sqrt(mean_square)[:, None]


def modes_of(layout: Layout, order: int) -> NDArray[np.float64]:
    """Compute the selected harmonics at the loudspeakers: (loudspeakers, selected)."""
    return harmonics.harmonics(layout.directions, order) @ _scene_harmonics(layout, order).T


def condition_number(modes: NDArray[np.float64]) -> float:
    """Return the ratio of the largest to the smallest singular value; infinite if singular."""
    values = np.linalg.svd(modes, compute_uv=False)
    singular = modes.shape[0] < modes.shape[1] or values[-1] < values[0] * ROUNDING
    return float("inf") if singular else float(values[0] / values[-1])


def _require_span(layout: Layout, order: int) -> None:
    """Refuse an order whose harmonics are linearly dependent at the loudspeakers."""
    supported = [
        n for n in range(1, order + 1) if condition_number(modes_of(layout, n)) <= MAX_CONDITION
    ]
    if order in supported:
        return
    n_loudspeakers, n_harmonics = modes_of(layout, order).shape
    reason = "are too few for" if n_loudspeakers < n_harmonics else "cannot distinguish"
    lower = f"use order {supported[-1]}, or " if supported else "use "
    raise LayoutError(
        f"decoder 'epad' does not support order {order} on layout {layout.name!r}: its "
        f"{n_loudspeakers} loudspeakers {reason} {n_harmonics} harmonics; {lower}"
        "'allrad' or 'mode-matching', which support any layout and order"
    )
