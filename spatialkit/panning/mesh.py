"""Mesh of loudspeakers on which sources are panned.

The mesh is the convex hull of the loudspeakers on the unit sphere, closed by imaginary
loudspeakers where they do not surround the listener. Its faces are triangles and quads; quads are
not divided by an arbitrary diagonal. The power of an imaginary loudspeaker is distributed equally
to its neighbours until it reaches real ones, so that every direction has gains.

On the systems of ITU-R BS.2051 the mesh is the configuration of the point source panner of
ITU-R BS.2127-1, section 6.1. The rules are generalized to any other layout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.geometry import to_cartesian, to_spherical

Vectors = NDArray[np.float64]

# Loudspeakers closer than this (in chords of the unit sphere) have the same position.
COINCIDENT = 1e-6
# Singular value below which all directions are in one plane with the listener.
COPLANAR = 1e-7
# Thickness below which a point set is extended by both poles of its plane before its hull is
# computed.
MIN_THICKNESS = 1e-3
# Distance from the listener below which a face does not close the hull.
OPEN = 1e-7
# Smallest gap of the middle layer that is filled: 180 degrees, less the angle that corresponds to
# ``OPEN``.
RING_GAP = np.pi - 2e-6
# Largest azimuth difference in degrees of loudspeakers above each other.
SAME_AZIMUTH = 1e-4
# Largest difference of the equations of one face. The reference code of BS.2127 uses 1e-5.
SAME_FACE = 1e-6
MAX_CORNERS = 4

# BS.2127-1, 6.1.3.1, in degrees: largest elevation of the middle layer, largest elevation of the
# layers above and below it, elevation of copies of middle loudspeakers where such a layer has no
# loudspeakers, and smallest azimuth of copies beyond the azimuths of the layer.
MIDDLE_LAYER = 10.0
OUTER_LAYER = 70.0
COPY_ELEVATION = 30.0
COPY_MARGIN = 40.0
# Distance from the listener below which a face is a gap of the layout. This is the distance of the
# faces of a regular tetrahedron, the sparsest layout that surrounds the listener. BS.2127 fills a
# face at 0.30 (the nadir of 9+10+3) and not one at 0.59 (the zenith of 3+7+0).
SPANNING_DISTANCE = 1.0 / 3.0 - 1e-9


@dataclass(frozen=True)
class Mesh:
    """Faces of a mesh, as arrays for the kernel.

    A direction u intersects the face with the largest ``planes @ u``: the planes are scaled so that
    ``planes @ x == 1`` for points x on them.
    """

    local_axes: Vectors
    """(3, 3): axes of the mesh as rows. Loudspeakers in one plane have height 0 in them."""
    planes: Vectors
    """(faces, 3): normal vectors, scaled."""
    corners: NDArray[np.int64]
    """(faces, 4): vertices around the face; -1 is the last of a triangle."""
    bases: Vectors
    """(faces, 6, 3): rows 0-2 are the inverse basis of a triangle; for a quad they are the
    coefficients of x, and rows 3-5 those of y, highest power first, of BS.2127-1, 6.1.2.3."""
    shares: Vectors
    """(vertices, loudspeakers): gains of the loudspeakers for a vertex."""


@dataclass
class _Vertices:
    """Loudspeakers, real ones first, and the receivers of the power of imaginary ones."""

    positions: list[Vectors]
    n_real: int
    receivers: dict[int, list[int]] = field(default_factory=dict)
    """Receivers of the power of an imaginary vertex; its neighbours where there is no entry."""

    def add(self, position: Vectors, receivers: list[int] | None = None) -> int:
        self.positions.append(position)
        if receivers is not None:
            self.receivers[len(self.positions) - 1] = receivers
        return len(self.positions) - 1

    def array(self) -> Vectors:
        return np.array(self.positions)


@dataclass(frozen=True)
class _Face:
    corners: tuple[int, ...]
    normal: Vectors
    distance: float


def build_mesh(directions: Vectors) -> Mesh:
    """Build the mesh of loudspeakers in given directions, unit vectors (loudspeakers, 3)."""
    places, powers = _merge_coincident(directions)
    if len(places) == 1:
        # A quad whose corners coincide: the kernel returns this corner for every direction.
        return Mesh(
            local_axes=np.eye(3),
            planes=np.zeros((1, 3)),
            corners=np.zeros((1, MAX_CORNERS), dtype=np.int64),
            bases=np.zeros((1, 6, 3)),
            shares=np.sqrt(powers),
        )
    axes = _local_axes(places)
    vertices = _Vertices(list(places @ axes.T), len(places))
    real_faces = _hull(vertices.array())
    ring = _close_ring(vertices, real_faces)
    for side in (-1.0, 1.0):
        _close_pole(vertices, real_faces, ring, side)
    faces = _close_hull(vertices)
    return Mesh(
        local_axes=axes,
        planes=np.array([face.normal / face.distance for face in faces]),
        corners=np.array([(*face.corners, -1)[:MAX_CORNERS] for face in faces]),
        bases=np.array([_basis(vertices.array()[list(face.corners)]) for face in faces]),
        shares=np.sqrt(_received_power(vertices, faces) @ powers),
    )


def _merge_coincident(directions: Vectors) -> tuple[Vectors, Vectors]:
    """Return distinct positions (places, 3) and powers (places, loudspeakers) at each of them."""
    near = np.linalg.norm(directions[:, None] - directions[None], axis=-1) < COINCIDENT
    # The first loudspeaker at a position represents it.
    first = near.argmax(axis=1)
    members = np.unique(first)[:, None] == first[None]
    powers = members / members.sum(axis=1, keepdims=True)
    places = powers @ directions
    return places / np.linalg.norm(places, axis=1, keepdims=True), powers


def _local_axes(places: Vectors) -> Vectors:
    """Return the axes of the mesh: the standard ones unless all places are in one tilted plane."""
    _, values, axes = np.linalg.svd(places)
    values = np.append(values, np.zeros(3 - len(values)))
    if values[2] > COPLANAR:
        return np.eye(3)
    if values[1] > COPLANAR:
        normal = axes[2]
    else:
        # Two opposite loudspeakers are in many planes: choose one with a horizontal lateral axis.
        lateral = np.cross([0.0, 0.0, 1.0], places[0])
        if np.linalg.norm(lateral) < COPLANAR:
            lateral = np.array([0.0, 1.0, 0.0])
        normal = np.cross(places[0], lateral)
    normal = normal / np.linalg.norm(normal)
    if np.hypot(normal[0], normal[1]) < COPLANAR:
        return np.eye(3)
    front = np.cross(normal, [0.0, 0.0, 1.0])
    front = front / np.linalg.norm(front)
    return np.array([front, np.cross(normal, front), normal])


def _close_ring(vertices: _Vertices, real_faces: list[_Face]) -> list[list[int]]:
    """Fill gaps of 180 degrees and more in the middle layer; return its vertices.

    The ring is in the order of azimuth; loudspeakers above each other share one entry.
    """
    azimuths, elevations = to_spherical(vertices.array())
    ring: list[list[int]] = []
    for vertex in np.argsort(azimuths, kind="stable"):
        if abs(elevations[vertex]) > MIDDLE_LAYER:
            continue
        if ring and azimuths[vertex] - azimuths[ring[-1][0]] < SAME_AZIMUTH:
            ring[-1].append(int(vertex))
        else:
            ring.append([int(vertex)])
    if len(ring) > 1 and azimuths[ring[0][0]] + 360.0 - azimuths[ring[-1][0]] < SAME_AZIMUTH:
        ring[0] += ring.pop()
    for start, end in list(zip(ring, ring[1:] + ring[:1], strict=True)):
        gap = np.radians(azimuths[end[0]] - azimuths[start[0]])
        gap = gap if gap > 0.0 else gap + 2.0 * np.pi
        if gap < RING_GAP:
            continue
        n_fillers = 2 if start is end else 1
        for step in range(1, n_fillers + 1):
            filler = to_cartesian(azimuths[start[0]] + np.degrees(gap) * step / (n_fillers + 1))
            if not any(_spans(face, vertices, filler) for face in real_faces):
                ring.append([vertices.add(filler, [*start, *end])])
    return ring


def _close_pole(
    vertices: _Vertices, real_faces: list[_Face], ring: list[list[int]], side: float
) -> None:
    """Add an imaginary loudspeaker at the pole, and copies of the ring towards it.

    Neither is added if a loudspeaker is at the pole or a triangle of real ones contains it.
    BS.2127 tests for T+000 and UH+180 instead, which is equivalent on its layouts. Where a layer
    has loudspeakers, copies are added only beyond its range of azimuths.
    """
    pole = np.array([0.0, 0.0, side])
    real = vertices.array()[: vertices.n_real]
    if np.linalg.norm(real - pole, axis=1).min() < COINCIDENT:
        return
    if any(len(face.corners) == 3 and _spans(face, vertices, pole) for face in real_faces):
        return
    azimuths, elevations = to_spherical(vertices.array())
    height = side * elevations
    # A loudspeaker on the boundary of two layers belongs to both, as in BS.2127.
    outer = np.flatnonzero(
        (height[: vertices.n_real] >= MIDDLE_LAYER) & (height[: vertices.n_real] <= OUTER_LAYER)
    )
    if outer.size:
        first_azimuth = np.abs(azimuths[outer]).max() + COPY_MARGIN
        copy_elevation = elevations[outer].mean()
    else:
        first_azimuth, copy_elevation = 0.0, side * COPY_ELEVATION
    for place in ring:
        # Of loudspeakers above each other, the nearest to the pole is copied.
        nearest = max(place, key=lambda vertex: height[vertex])
        if abs(azimuths[nearest]) >= first_azimuth - 1e-5:
            vertices.add(to_cartesian(azimuths[nearest], copy_elevation), [nearest])
    vertices.add(pole)


def _spans(face: _Face, vertices: _Vertices, direction: Vectors) -> bool:
    """Return whether a direction intersects a face that is not a gap of the layout."""
    if face.distance < SPANNING_DISTANCE or face.normal @ direction <= 0.0:
        return False
    hit = direction * (face.distance / (face.normal @ direction))
    corners = vertices.array()[list(face.corners)]
    edges = np.roll(corners, -1, axis=0) - corners
    sides = np.cross(edges, hit - corners) @ face.normal
    return bool((sides >= -COINCIDENT).all() or (sides <= COINCIDENT).all())


def _close_hull(vertices: _Vertices) -> list[_Face]:
    """Add imaginary loudspeakers in gaps and in faces of many corners; return the hull's faces."""
    points = vertices.array()
    _, thickness, axes = np.linalg.svd(points - points.mean(axis=0))
    for axis in axes[thickness < MIN_THICKNESS]:
        for side in (-1.0, 1.0):
            vertices.add(side * axis)
    while True:
        faces = _hull(vertices.array())
        nearest = min(face.distance for face in faces)
        if nearest < OPEN:
            # All equally near faces at once: one of two mirror images would not be symmetric.
            filled = [face for face in faces if face.distance < nearest + SAME_FACE]
        else:
            filled = [face for face in faces if len(face.corners) > MAX_CORNERS]
        if not filled:
            return faces
        for face in filled:
            vertices.add(face.normal)


def _hull(points: Vectors) -> list[_Face]:
    """Return the faces of the convex hull, coplanar triangles merged; none if it is flat."""
    from scipy.spatial import ConvexHull

    if len(points) < 4 or np.linalg.svd(points - points.mean(axis=0))[1][-1] < MIN_THICKNESS:
        return []
    hull = ConvexHull(points)
    equations: list[Vectors] = []
    members: list[set[int]] = []
    for simplex, equation in zip(hull.simplices, hull.equations, strict=True):
        for known, corners in zip(equations, members, strict=True):
            if np.linalg.norm(known - equation) < SAME_FACE:
                corners.update(simplex.tolist())
                break
        else:
            equations.append(equation)
            members.append(set(simplex.tolist()))
    return [
        _Face(_around(points, sorted(corners), equation[:3]), equation[:3], -float(equation[3]))
        for equation, corners in zip(equations, members, strict=True)
    ]


def _around(points: Vectors, corners: list[int], normal: Vectors) -> tuple[int, ...]:
    """Return corners in their order around the face."""
    arms = points[corners] - points[corners].mean(axis=0)
    lateral = np.cross(normal, arms[0])
    angles = np.arctan2(arms @ lateral, arms @ arms[0])
    return tuple(corners[n] for n in np.argsort(angles))


def _basis(corners: Vectors) -> Vectors:
    """Return the coefficients from which the kernel computes the gains of one face."""
    basis = np.zeros((6, 3))
    if len(corners) == 3:
        basis[:3] = np.linalg.inv(corners).T
    else:
        basis[:3] = _quad_polynomial(*corners)
        basis[3:] = _quad_polynomial(*np.roll(corners, -1, axis=0))
    return basis


def _quad_polynomial(a: Vectors, b: Vectors, c: Vectors, d: Vectors) -> Vectors:
    """Return coefficients (3, 3), highest power first, of the polynomial in x of a direction u.

    Its root x is the position of u in the quad: the plane through the listener and the points
    a + x (b - a) and d + x (c - d) contains u.
    """
    return np.array(
        [
            np.cross(b - a, c - d),
            np.cross(a, c - d) + np.cross(b - a, d),
            np.cross(a, d),
        ]
    )


def _received_power(vertices: _Vertices, faces: list[_Face]) -> Vectors:
    """Return the powers (vertices, real vertices) at the real ones for unit power at each vertex.

    Imaginary ones distribute their power equally, also to other imaginary ones. This is an
    absorbing Markov chain, solved as a linear system.
    """
    n_vertices, n_real = len(vertices.positions), vertices.n_real
    distributed: NDArray[Any] = np.zeros((n_vertices - n_real, n_vertices))
    for vertex in range(n_real, n_vertices):
        neighbours = {n for face in faces if vertex in face.corners for n in face.corners}
        receivers = vertices.receivers.get(vertex, sorted(neighbours - {vertex}))
        for receiver in receivers:
            distributed[vertex - n_real, receiver] += 1.0 / len(receivers)
    among_imaginary = np.eye(n_vertices - n_real) - distributed[:, n_real:]
    return np.vstack([np.eye(n_real), np.linalg.solve(among_imaginary, distributed[:, :n_real])])
