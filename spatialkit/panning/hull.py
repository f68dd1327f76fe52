"""Convex hull of points on the unit sphere, and the geometry of its faces."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]

# Thickness below which a point set is extended by both poles of its plane before its hull is
# computed.
MIN_THICKNESS = 1e-3
# Largest difference of the equations of one face. The reference code of BS.2127 uses 1e-5.
SAME_FACE = 1e-6
# Sets of more points, or with closer ones, are left to SciPy (Qhull).
MAX_TRIED = 40
MIN_APART = 1e-3
# Largest height of a point above the plane of a face in which it is, from rounding.
ON_PLANE = 1e-12
# Largest flatness (`_flatness`) of adjacent faces that are one: loudspeakers whose directions were
# measured or rounded are in one plane as those of a standard are. It is half of the smallest
# flatness of adjacent faces in the named layouts that are not in one plane: 0.0150, in 4+9+0.
NEARLY_FLAT = 0.0075
# Largest difference of the heights of loudspeakers in one layer, relative to their distance.
SAME_HEIGHT = 0.02
# Smallest volume of the parallelepiped of three corners of a face that is not turned over.
MIN_VOLUME = 1e-9


@dataclass(frozen=True)
class Face:
    """Face of a hull: indices of its corners, in order around it, and its plane."""

    corners: tuple[int, ...]
    normal: Vectors
    distance: float


def convex_hull(points: Vectors) -> list[Face]:
    """Return the faces of the convex hull, nearly flat ones merged; none if the hull is flat."""
    if len(points) < 4 or np.linalg.svd(points - points.mean(axis=0))[1][-1] < MIN_THICKNESS:
        return []
    equations: list[Vectors] = []
    members: list[set[int]] = []
    for simplex, equation in zip(*_triangles(points), strict=True):
        same = (n for n, one in enumerate(equations) if np.linalg.norm(one - equation) < SAME_FACE)
        number = next(same, len(equations))
        if number == len(equations):
            equations.append(equation)
            members.append(set())
        members[number].update(simplex.tolist())
    faces = [
        Face(_around(points, sorted(corners), equation[:3]), equation[:3], -float(equation[3]))
        for equation, corners in zip(equations, members, strict=True)
    ]
    pairs = combinations(range(len(faces)), 2)
    return _merge_faces(
        points, faces, [(a, b) for a, b in pairs if len(members[a] & members[b]) > 1]
    )


def _triangles(points: Vectors) -> tuple[NDArray[np.intp], Vectors]:
    """Return corners (n, 3) and plane equations (n, 4) of triangles on a hull, which cover it."""
    apart = np.linalg.norm(points[:, None] - points, axis=-1) + 2.0 * np.eye(len(points))
    if len(points) > MAX_TRIED or apart.min() < MIN_APART:
        from scipy.spatial import ConvexHull

        hull = ConvexHull(points)
        return hull.simplices, hull.equations
    # Of the few loudspeakers of a layout all triangles are tried: the import of SciPy's hull would
    # take a quarter of a second of each command.
    corners = np.array(list(combinations(range(len(points)), 3)))
    first, second, third = points[corners.T]
    normals = np.cross(second - first, third - first)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    distances = np.sum(normals * first, axis=-1)
    heights = normals @ points.T - distances[:, None]
    outward, inward = ((sign * heights <= ON_PLANE).all(axis=1) for sign in (1.0, -1.0))
    equations = np.column_stack([normals, -distances]) * np.where(inward, -1.0, 1.0)[:, None]
    return corners[outward | inward], equations[outward | inward]


def _merge_faces(points: Vectors, faces: list[Face], pairs: list[tuple[int, int]]) -> list[Face]:
    """Merge pairs of adjacent faces that are together nearly flat, the flattest first."""
    found = []
    for a, b in pairs:
        whole = _united(points, [faces[a], faces[b]])
        if whole is not None:
            found.append((_flatness(points[list(whole.corners)]), a, b))
    found.sort()
    merged = [{number} for number in range(len(faces))]
    while found:
        # All equally flat pairs at once: one of two mirror images would not be symmetric.
        batch = [pair for pair in found if pair[0] < found[0][0] + SAME_FACE]
        found = found[len(batch) :]
        united: list[set[int]] = []
        for _, a, b in batch:
            union = set.union(*(group for group in [*merged, *united] if {a, b} & group))
            united = [group for group in united if not group & union] + [union]
        for union in united:
            if _united(points, [faces[n] for n in union]) is not None:
                merged = [group for group in merged if not group & union] + [union]
    unions = [_united(points, [faces[n] for n in sorted(group)]) for group in merged]
    return [face for face in unions if face is not None]


def _united(points: Vectors, faces: list[Face]) -> Face | None:
    """Return the union of faces, or None if it is not nearly flat, level and convex."""
    if len(faces) == 1:
        return faces[0]
    corners = sorted({corner for face in faces for corner in face.corners})
    opposed = min(face.normal @ faces[0].normal for face in faces) <= 0.0
    if opposed or not _is_level(points[corners]) or _flatness(points[corners]) > NEARLY_FLAT:
        return None
    around = _around(points, corners, np.sum([face.normal for face in faces], axis=0))
    if not is_convex(points[list(around)]):
        return None
    normal = middle_normal(points[list(around)])
    return Face(around, normal, min(face.distance for face in faces))


def _is_level(corners: Vectors) -> bool:
    """Return whether corners are at one height, or two and two at different heights.

    The faces of layouts in layers, whose pairs are symmetric, are like that. Four loudspeakers in
    arbitrary places may be nearly in one plane as well, but were not meant to be.
    """
    heights = np.sort(corners[:, 2])
    steps = heights[1::2] - heights[::2] if len(corners) == 4 else np.ptp(heights)
    return bool(np.all(steps <= SAME_HEIGHT * _diameter(corners)))


def _diameter(corners: Vectors) -> float:
    return float(np.linalg.norm(corners[:, None] - corners, axis=-1).max())


def _flatness(corners: Vectors) -> float:
    """Return the thickness of corners relative to their diameter, 0 if they are in one plane.

    Below a diameter of 1 it is relative to the squared diameter: the thickness of a cap of the
    sphere is proportional to that.
    """
    arms = corners - corners.mean(axis=0)
    height = arms @ np.linalg.svd(arms)[2][-1]
    diameter = _diameter(corners)
    return float(np.ptp(height)) / (diameter * min(diameter, 1.0))


def _around(points: Vectors, corners: list[int], normal: Vectors) -> tuple[int, ...]:
    """Return corners in their order around the face."""
    arms = points[corners] - points[corners].mean(axis=0)
    lateral = np.cross(normal, arms[0])
    angles = np.arctan2(arms @ lateral, arms @ arms[0])
    return tuple(corners[n] for n in np.argsort(angles))


def is_convex(corners: Vectors) -> bool:
    """Return whether a face, seen by the listener, is convex and not turned over."""
    edges = np.cross(np.roll(corners, 1, axis=0), corners)
    return bool((np.sum(edges * np.roll(corners, -1, axis=0), axis=1) > MIN_VOLUME).all())


def middle_normal(corners: Vectors) -> Vectors:
    """Return the mean unit normal vector of a polygon, which need not be flat."""
    normal = np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0)
    length = np.linalg.norm(normal)
    return normal / (length if length > 0.0 else 1.0)
