"""How decoders are made: from the harmonics at the loudspeakers, or by panning a full sphere."""

from __future__ import annotations

from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import harmonics
from spatialkit.errors import LayoutError
from spatialkit.geometry import sphere_quadrature, to_cartesian, to_spherical
from spatialkit.layouts import Layout
from spatialkit.panning import vbap_gains

DECODERS = ("allrad", "epad", "mode-matching", "sampling")
WEIGHTS = ("basic", "max-re", "in-phase")
# Mode matching amplifies no pattern of the loudspeakers by more than this over the best one.
MOST_AMPLIFICATION_DB = 10.0
# Condition number beyond which EPAD would put full energy where the loudspeakers have none. Named
# layouts that lack a harmonic come to 1e15, all others to 37 at most.
WORST_CONDITION = 100.0
# Singular values this far below the largest are zeros that were rounded.
ROUNDING = 1e-13
# Degree of the quadrature that AllRAD pans: about 5300 virtual loudspeakers, as many as BS.2127's.
VIRTUAL_DEGREE = 100


@lru_cache(maxsize=256)
def design(layout: Layout, order: int, decoder: str, weights: str) -> NDArray[np.float64]:
    """Decoder of N3D harmonics in ACN order: (loudspeakers, harmonics)."""
    if decoder == "epad":
        _require_span(layout, order)
    if decoder == "allrad":
        vectors, quadrature = sphere_quadrature(VIRTUAL_DEGREE)
        gains = vbap_gains(*to_spherical(vectors), layout=layout) * quadrature[:, None]
        matrix = gains.T @ harmonics.harmonics(vectors, order)
    else:
        matrix = _shaped(modes_of(layout, order), decoder) @ _scene_harmonics(layout, order)
    on_circle = layout.is_flat and decoder != "allrad"
    matrix *= _order_weights(weights, order, on_circle)[harmonics.orders_of_acn(order)]
    vectors, quadrature = plane_waves(layout, 2 * order)
    energy = np.sum((harmonics.harmonics(vectors, order) @ matrix.T) ** 2, axis=-1)
    matrix /= np.sqrt(quadrature @ energy)
    matrix.flags.writeable = False
    return matrix


def _shaped(modes: NDArray[np.float64], decoder: str) -> NDArray[np.float64]:
    """Decoder from the harmonics at the loudspeakers: only the singular values differ.

    An odd function of the singular values keeps every symmetry of the layout.
    """
    left, values, right = np.linalg.svd(modes, full_matrices=False)
    if decoder == "epad":
        values = np.ones_like(values)
    elif decoder == "mode-matching":
        # The pseudo-inverse, bent down to 0 at 0 without a step.
        least = values[0] * 10.0 ** (-MOST_AMPLIFICATION_DB / 20.0)
        values = values / np.maximum(values, least) ** 2
    return (left * values) @ right


def _order_weights(weights: str, order: int, on_circle: bool) -> NDArray[np.float64]:
    """Gains of the orders 0 to ``order``, for spherical or circular harmonics."""
    n = np.arange(order + 1)
    if weights == "max-re" and on_circle:
        return np.cos(n * np.pi / (2 * order + 2))
    if weights == "max-re":
        largest_root = np.polynomial.legendre.leggauss(order + 1)[0][-1]
        return np.polynomial.legendre.legvander(largest_root, order)[0]
    if weights == "in-phase":
        # The pattern ((1 + cos) / 2)^order, expanded.
        top = 2 * order if on_circle else 2 * order + 1
        return np.array([comb(top, order - k) / comb(top, order) for k in range(order + 1)])
    return np.ones(order + 1)


def plane_waves(layout: Layout, degree: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions that a layout is judged by and their weights: over the sphere or the horizon."""
    if not layout.is_flat:
        return sphere_quadrature(degree)
    steps = 4 * (degree + 1)
    return to_cartesian(np.arange(steps) * (360.0 / steps)), np.full(steps, 1.0 / steps)


def _scene_harmonics(layout: Layout, order: int) -> NDArray[np.float64]:
    """Matrix that takes those harmonics which a layout can tell apart: (taken, harmonics).

    All of them, or on flat layouts the circular ones, orthonormal for the mean over the horizon.
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
    """Those harmonics at the loudspeakers: (loudspeakers, taken)."""
    return harmonics.harmonics(layout.directions, order) @ _scene_harmonics(layout, order).T


def condition_number(modes: NDArray[np.float64]) -> float:
    """Largest over smallest singular value; infinite where loudspeakers are too few."""
    values = np.linalg.svd(modes, compute_uv=False)
    lost = modes.shape[0] < modes.shape[1] or values[-1] < values[0] * ROUNDING
    return float("inf") if lost else float(values[0] / values[-1])


def _require_span(layout: Layout, order: int) -> None:
    """Refuse an order whose harmonics the loudspeakers do not tell apart."""
    carried = [
        n for n in range(1, order + 1) if condition_number(modes_of(layout, n)) <= WORST_CONDITION
    ]
    if order in carried:
        return
    n_loudspeakers, n_harmonics = modes_of(layout, order).shape
    reason = "are too few for" if n_loudspeakers < n_harmonics else "do not tell apart"
    lower = f"it carries order {carried[-1]}; " if carried else ""
    raise LayoutError(
        f"layout {layout.name!r} cannot carry order {order} with decoder 'epad': its "
        f"{n_loudspeakers} loudspeakers {reason} {n_harmonics} harmonics; {lower}"
        "'allrad' and 'mode-matching' serve any layout and order"
    )
