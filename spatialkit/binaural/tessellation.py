"""Interpolation weights on the sphere between measured directions.

The measured directions are the corners of their convex hull, whose faces are the Delaunay polygons
of the sphere. Corners on one circle, as in a grid of azimuths and elevations, are one polygon that
no arbitrary diagonal divides, so that the weights have every symmetry of the directions. On a face
they are the coordinates of E. L. Wachspress ("A Rational Finite Element Basis", 1975): 1 at a
corner, linear along an edge, and on a triangle the barycentric coordinates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]

# Largest difference of the equations of triangles that are one face.
SAME_FACE = 1e-6
# Smallest distance of the faces from the listener in a set that surrounds the listener.
MIN_DISTANCE = 0.05
# Cosine of the angle to a measured direction from which on an axis needs a corner of its own. With
# a corner at less than 35 degrees from each axis, the hull contains the listener.
NEAR_AXIS = np.cos(np.radians(30.0))
# Areas, relative to the largest, that count as zero, and weights that do.
ROUNDING = 1e-30
NEGLIGIBLE = 1e-9


class Tessellation:
    """Faces between measured directions.

    Parameters
    ----------
    directions : ndarray, shape (directions, 3)
        Different unit vectors. If they do not surround the listener, as those of a horizontal set,
        the axes far from all of them are added as corners, with the mean of their neighbours.
    """

    def __init__(self, directions: Vectors) -> None:
        self._count = len(directions)
        faces = _faces(directions)
        if faces is None:
            axes = np.vstack([np.eye(3), -np.eye(3)])
            far = (axes @ directions.T).max(axis=1) < NEAR_AXIS
            directions = np.vstack([directions, axes[far]])
            faces = _faces(directions, min_distance=0.0)
            assert faces is not None
        self._corners, self._normals = faces
        self._points = directions
        self._added = self._shares_of_added_corners()

    def weights(self, directions: Vectors) -> NDArray[np.float64]:
        """Return weights (n, measured directions) of unit vectors (n, 3).

        They are not negative, and those of a direction sum to 1.
        """
        # The ray in a direction u leaves the hull through the face n.x = 1 with the largest n.u.
        heights = directions @ self._normals.T
        faces = heights.argmax(axis=1)
        hits = directions / heights[np.arange(len(faces)), faces, None]
        weights = np.zeros((len(directions), len(self._points)))
        sizes = np.array([len(self._corners[face]) for face in faces])
        for size in np.unique(sizes):
            rows = np.flatnonzero(sizes == size)
            corners = np.array([self._corners[face] for face in faces[rows]])
            found = _wachspress(hits[rows], self._points[corners], self._normals[faces[rows]])
            weights[rows[:, None], corners] = found
        return weights[:, : self._count] + weights[:, self._count :] @ self._added

    def _shares_of_added_corners(self) -> NDArray[np.float64]:
        """Return the weights (added corners, measured directions) of which these consist."""
        shares = np.zeros((len(self._points) - self._count, self._count))
        for row, added in enumerate(range(self._count, len(self._points))):
            near = {n for corners in self._corners if added in corners for n in corners}
            measured = [n for n in sorted(near) if n < self._count] or list(range(self._count))
            shares[row, measured] = 1.0 / len(measured)
        return shares


def _faces(
    points: Vectors, min_distance: float = MIN_DISTANCE
) -> tuple[list[NDArray[np.intp]], Vectors] | None:
    """Return the corners of each face, in order around it, and its normal n with n.x = 1.

    None if the points do not surround the listener at a distance.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):  # fewer than four points, or all in one plane
        return None
    if (-hull.equations[:, 3]).min() <= min_distance:
        return None
    normals = hull.equations[:, :3] / -hull.equations[:, 3:]
    first, second = np.repeat(np.arange(len(normals)), 3), hull.neighbors.ravel()
    same = np.abs(normals[first] - normals[second]).max(axis=1) < SAME_FACE
    edges = np.ones(same.sum()), (first[same], second[same])
    links = csr_array(edges, shape=(len(normals), len(normals)))
    _, face_of = connected_components(links, directed=False)
    triangles = np.split(np.argsort(face_of), np.cumsum(np.bincount(face_of))[:-1])
    corners = [
        _around(points, np.unique(hull.simplices[face]), normals[face[0]]) for face in triangles
    ]
    return corners, normals[[face[0] for face in triangles]]


def _around(points: Vectors, corners: NDArray[np.intp], normal: Vectors) -> NDArray[np.intp]:
    """Return corners in their order around a face, anticlockwise from outside."""
    arms = points[corners] - points[corners].mean(axis=0)
    lateral = np.cross(normal, arms[0]) / np.linalg.norm(normal)
    return corners[np.argsort(np.arctan2(arms @ lateral, arms @ arms[0]))]


def _wachspress(hits: Vectors, corners: Vectors, normals: Vectors) -> NDArray[np.float64]:
    """Return the coordinates (n, corners) of points (n, 3) on faces with the given corners."""
    arms = corners - hits[:, None]
    following = np.roll(corners, -1, axis=1)
    # Areas of the triangles at each edge, from its corner on, and at each corner.
    edges = np.sum(np.cross(arms, np.roll(arms, -1, axis=1)) * normals[:, None], axis=-1)
    ears = np.cross(following - corners, np.roll(corners, 1, axis=1) - corners)
    areas = np.sum(ears * normals[:, None], axis=-1)
    edges = np.maximum(edges, ROUNDING * edges.max(axis=1, keepdims=True))
    weights = areas / (edges * np.roll(edges, 1, axis=1))
    weights /= weights.sum(axis=1, keepdims=True)
    weights[weights < NEGLIGIBLE] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)
