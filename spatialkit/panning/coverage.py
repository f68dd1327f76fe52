"""Directions that the loudspeakers of a layout enclose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import Layout

__all__ = ["is_enclosed"]

ROUNDING = 1e-9


def is_enclosed(vectors: NDArray[np.float64], layout: Layout) -> NDArray[np.bool_]:
    """Return whether loudspeakers of a layout enclose directions.

    They do if the directions intersect a face of the convex hull of the loudspeakers that is not a
    gap: one that is at least as far from the listener as the faces of a tetrahedron. On flat
    layouts, they are between neighbours less than 141 degrees apart.

    Parameters
    ----------
    vectors : ndarray of float64, shape (n, 3)
        Unit vectors; of the horizon on flat layouts.
    layout : Layout

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> from spatialkit import get_layout
    >>> front_zenith_nadir = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    >>> is_enclosed(front_zenith_nadir, get_layout("7.1.4"))
    array([ True,  True, False])
    """
    from spatialkit.panning.hull import convex_hull
    from spatialkit.panning.mesh import SPANNING_DISTANCE

    places = layout.directions[layout.loudspeakers]
    if layout.is_flat:
        # Copies of the loudspeakers and of the listener above and below make a prism.
        above = np.array([0.0, 0.0, 1.0])
        places = np.vstack([places, np.zeros(3)])
        places = np.vstack([places + above, places - above])
    enclosed = np.zeros(len(vectors), dtype=bool)
    for face in convex_hull(places):
        if face.distance < SPANNING_DISTANCE:
            continue
        corners = places[list(face.corners)]
        sides = vectors @ np.cross(corners, np.roll(corners, -1, axis=0)).T
        around = (sides >= -ROUNDING).all(axis=1) | (sides <= ROUNDING).all(axis=1)
        enclosed |= around & (vectors @ face.normal > 0.0)
    return enclosed
