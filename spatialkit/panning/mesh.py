"""Mesh of loudspeakers on which sources are panned.

The mesh is the convex hull of the loudspeakers on the unit sphere, closed by imaginary
loudspeakers where they do not surround the listener. Its faces are triangles and quads; quads are
not divided by an arbitrary diagonal. The power of an imaginary loudspeaker is distributed equally
to its neighbours until it reaches real ones, so that every direction has gains.

Each loudspeaker has a nominal and a real position. The nominal positions determine the faces and
the imaginary loudspeakers, the real positions the gains on these faces.

On the systems of ITU-R BS.2051 the mesh is the configuration of the point source panner of
ITU-R BS.2127-1, section 6.1. The rules are generalized to any other layout, and do not depend on
the azimuth that is in front. There are two exceptions, in which the azimuths of the imaginary
loudspeakers are arbitrary: two loudspeakers at the poles (gains differ by up to 0.07), and three or
more of which all are within about 0.05 degrees of one place or of two opposite ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.geometry import to_cartesian, to_spherical
from spatialkit.panning.hull import (
    MIN_THICKNESS,
    SAME_FACE,
    Face,
    Vectors,
    convex_hull,
    is_convex,
    middle_normal,
)

# Loudspeakers closer than this (in chords of the unit sphere) have the same position.
COINCIDENT = 1e-6
# Singular value below which all directions are in one plane with the listener.
COPLANAR = 1e-7
# Distance from the listener below which a face does not close the hull.
OPEN = 1e-7
# Smallest gap of the middle layer that is filled: 180 degrees, less the angle that corresponds to
# ``OPEN``.
RING_GAP = np.pi - 2e-6
# Largest azimuth difference in degrees of loudspeakers above each other.
SAME_AZIMUTH = 1e-4
# Tolerance of limits of angles in degrees, as in the reference code of BS.2127: angles computed
# from vectors differ from the specified ones by rounding errors.
ANGLE_TOLERANCE = 1e-5
MAX_CORNERS = 4
ROUNDING = 1e-12

# BS.2127-1, 6.1.3.1, in degrees: largest elevation of the middle layer, largest elevation of the
# layers above and below it, elevation of copies of middle loudspeakers where such a layer has no
# loudspeakers, and smallest azimuth of copies beyond the azimuths of the layer.
MIDDLE_LAYER = 10.0
OUTER_LAYER = 70.0
COPY_ELEVATION = 30.0
COPY_MARGIN = 40.0
# Gap in degrees between the azimuths of a layer in which it does not cover the middle layer. Those
# of BS.2051 are up to 140 degrees (4+5+0) where there are no copies, and at least 270 (9+10+3)
# where there are. Two tops at the sides, with gaps of 180 degrees, are like the former.
WIDE_GAP = 225.0
# Distance from the listener below which a face is a gap of the layout. This is the distance of the
# faces of a regular tetrahedron, the sparsest layout that surrounds the listener. BS.2127 fills a
# face at 0.30 (the nadir of 9+10+3) and not one at 0.59 (the zenith of 3+7+0).
SPANNING_DISTANCE = 1.0 / 3.0 - 1e-9


@dataclass(frozen=True)
class Mesh:
    """Faces of a mesh, as arrays for the kernel.

    A direction u intersects the face whose ``edges @ u`` are not negative.
    """

    local_axes: Vectors
    """(3, 3): axes of the mesh as rows. Loudspeakers in one plane have height 0 in them."""
    caps: Vectors
    """(faces, 4): unit vector to the middle of a face, and the cosine of the angle from there
    within which the face is."""
    edges: Vectors
    """(faces, 4, 3): unit normal vectors of the planes through the listener and the edges of a
    face; zero for the last of a triangle."""
    corners: NDArray[np.int64]
    """(faces, 4): vertices around the face; -1 is the last of a triangle."""
    bases: Vectors
    """(faces, 6, 3): rows 0-2 are the inverse basis of a triangle; for a quad they are the
    coefficients of x, and rows 3-5 those of y, highest power first, of BS.2127-1, 6.1.2.3."""
    shares: Vectors
    """(vertices, loudspeakers): gains of the loudspeakers for a vertex."""
    is_nominal: bool
    """False if the real positions turn a face of the nominal ones over, and the mesh is that of
    the real positions alone."""


@dataclass
class _Vertices:
    """Loudspeakers, real ones first, and the receivers of the power of imaginary ones."""

    nominal: Vectors
    real: Vectors
    n_real: int
    receivers: dict[int, list[int]] = field(default_factory=dict)
    """Receivers of the power of an imaginary vertex; its neighbours where there is no entry."""

    def add(self, nominal: Vectors, real: Vectors, receivers: list[int] | None = None) -> int:
        self.nominal = np.vstack([self.nominal, nominal])
        self.real = np.vstack([self.real, real])
        if receivers is not None:
            self.receivers[len(self.nominal) - 1] = receivers
        return len(self.nominal) - 1


def build_mesh(nominal: Vectors, real: Vectors) -> Mesh:
    """Build the mesh of loudspeakers whose directions are unit vectors (loudspeakers, 3)."""
    nominal_places, powers = _merge_coincident(nominal)
    real_places = powers @ real
    if len(nominal_places) == 1:
        # A quad whose corners coincide: the kernel returns this corner for every direction.
        return Mesh(
            local_axes=np.eye(3),
            caps=np.array([[0.0, 0.0, 0.0, -1.0]]),
            edges=np.zeros((1, MAX_CORNERS, 3)),
            corners=np.zeros((1, MAX_CORNERS), dtype=np.int64),
            bases=np.zeros((1, 6, 3)),
            shares=np.sqrt(powers),
            is_nominal=True,
        )
    lengths = np.linalg.norm(real_places, axis=1, keepdims=True)
    axes = _local_axes(nominal_places)
    vertices = _Vertices(
        nominal_places @ axes.T,
        real_places / np.where(lengths > 0.0, lengths, 1.0) @ axes.T,
        len(nominal_places),
    )
    real_faces = convex_hull(vertices.nominal)
    ring = _close_ring(vertices, real_faces)
    for side in (-1.0, 1.0):
        _close_pole(vertices, real_faces, ring, side)
    faces = _close_hull(vertices)
    places = [vertices.real[list(face.corners)] for face in faces]
    is_moved = not np.array_equal(nominal, real)
    if is_moved and not _covers_once(places):
        return replace(build_mesh(real, real), is_nominal=False)
    edges = [_edges(corners) for corners in places]
    return Mesh(
        local_axes=axes,
        caps=np.array([_cap(corners) for corners in places]),
        edges=np.array([np.pad(each, ((0, MAX_CORNERS - len(each)), (0, 0))) for each in edges]),
        corners=np.array([(*face.corners, -1)[:MAX_CORNERS] for face in faces]),
        bases=np.array([_basis(corners) for corners in places]),
        shares=np.sqrt(_received_power(vertices, faces) @ powers),
        is_nominal=True,
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
        # With two at the poles, all vertices are an octahedron, which is nearly round.
        lateral = np.cross([0.0, 0.0, 1.0], places[0])
        if np.linalg.norm(lateral) < COPLANAR:
            return np.eye(3)
        normal = np.cross(places[0], lateral)
    normal = normal / np.linalg.norm(normal)
    if np.hypot(normal[0], normal[1]) < COPLANAR:
        return np.eye(3)
    front = np.cross(normal, [0.0, 0.0, 1.0])
    front = front / np.linalg.norm(front)
    return np.array([front, np.cross(normal, front), normal])


def _close_ring(vertices: _Vertices, real_faces: list[Face]) -> list[list[int]]:
    """Fill gaps of 180 degrees and more in the middle layer; return its vertices.

    The ring is in the order of azimuth; loudspeakers above each other share one entry.
    """
    azimuths, elevations = to_spherical(vertices.nominal)
    real_azimuths, _ = to_spherical(vertices.real)
    moves = np.remainder(real_azimuths - azimuths + 180.0, 360.0) - 180.0
    ring: list[list[int]] = []
    for vertex in np.argsort(azimuths, kind="stable"):
        if abs(elevations[vertex]) > MIDDLE_LAYER + ANGLE_TOLERANCE:
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
            ratio = step / (n_fillers + 1)
            filler = azimuths[start[0]] + np.degrees(gap) * ratio
            nominal = to_cartesian(filler)
            if not any(_spans(face, vertices, nominal) for face in real_faces):
                move = (1.0 - ratio) * moves[start[0]] + ratio * moves[end[0]]
                real = to_cartesian(filler + move)
                ring.append([vertices.add(nominal, real, [*start, *end])])
    return ring


def _close_pole(
    vertices: _Vertices, real_faces: list[Face], ring: list[list[int]], side: float
) -> None:
    """Add an imaginary loudspeaker at the pole, and copies of the ring towards it.

    Neither is added if a loudspeaker is at the pole or a triangle of real ones contains it.
    BS.2127 tests for T+000 and UH+180 instead, which is equivalent on its layouts.
    """
    pole = np.array([0.0, 0.0, side])
    loudspeakers = vertices.nominal[: vertices.n_real]
    if np.linalg.norm(loudspeakers - pole, axis=1).min() < COINCIDENT:
        return
    if any(len(face.corners) == 3 and _spans(face, vertices, pole) for face in real_faces):
        return
    azimuths, elevations = to_spherical(vertices.nominal)
    real_azimuths, real_elevations = to_spherical(vertices.real)
    height = side * elevations
    # A loudspeaker on the boundary of two layers belongs to both, as in BS.2127.
    lowest, highest = MIDDLE_LAYER - ANGLE_TOLERANCE, OUTER_LAYER + ANGLE_TOLERANCE
    heights = height[: vertices.n_real]
    outer = np.flatnonzero((heights >= lowest) & (heights <= highest))
    nominal_elevation = real_elevation = side * COPY_ELEVATION
    if outer.size:
        nominal_elevation, real_elevation = elevations[outer].mean(), real_elevations[outer].mean()
    for place in ring:
        # Of loudspeakers above each other, the nearest to the pole is copied.
        nearest = max(place, key=lambda vertex: height[vertex])
        if not _is_covered(azimuths[nearest], azimuths[outer]):
            nominal = to_cartesian(azimuths[nearest], nominal_elevation)
            vertices.add(nominal, to_cartesian(real_azimuths[nearest], real_elevation), [nearest])
    vertices.add(pole, pole)


def _is_covered(azimuth: float, layer: NDArray[np.float64]) -> bool:
    """Return whether a layer above or below covers an azimuth, so that no copy is needed there.

    BS.2127 tests for azimuths, counted from the front, of at most 40 degrees beyond those of the
    layer. This is equivalent on its layouts: its layers surround the listener or leave one wide
    gap at the rear.
    """
    if not layer.size:
        return False
    ahead, behind = np.remainder(layer - azimuth, 360.0), np.remainder(azimuth - layer, 360.0)
    gap = ahead.min() + behind.min()
    margin = COPY_MARGIN - ANGLE_TOLERANCE
    return bool(gap < WIDE_GAP - ANGLE_TOLERANCE or ahead.min() < margin or behind.min() < margin)


def _spans(face: Face, vertices: _Vertices, direction: Vectors) -> bool:
    """Return whether a direction intersects a face that is not a gap of the layout."""
    if face.distance < SPANNING_DISTANCE or face.normal @ direction <= 0.0:
        return False
    hit = direction * (face.distance / (face.normal @ direction))
    corners = vertices.nominal[list(face.corners)]
    edges = np.roll(corners, -1, axis=0) - corners
    sides = np.cross(edges, hit - corners) @ face.normal
    return bool((sides >= -COINCIDENT).all() or (sides <= COINCIDENT).all())


def _close_hull(vertices: _Vertices) -> list[Face]:
    """Add imaginary loudspeakers in gaps and in faces of many corners; return the hull's faces."""
    points = vertices.nominal
    _, thickness, axes = np.linalg.svd(points - points.mean(axis=0))
    thickness = np.append(thickness, np.zeros(3 - len(thickness)))  # of two points
    for axis in axes[thickness < MIN_THICKNESS]:
        for side in (-1.0, 1.0):
            vertices.add(side * axis, side * axis)
    while True:
        faces = convex_hull(vertices.nominal)
        nearest = min(face.distance for face in faces)
        if nearest < OPEN:
            # All equally near faces at once: one of two mirror images would not be symmetric.
            filled = [face for face in faces if face.distance < nearest + SAME_FACE]
        else:
            filled = [face for face in faces if len(face.corners) > MAX_CORNERS]
        if not filled:
            return faces
        for face in filled:
            vertices.add(face.normal, middle_normal(vertices.real[list(face.corners)]))


def _covers_once(faces: list[Vectors]) -> bool:
    """Return whether faces, given by their corners, cover every direction exactly once.

    They do if none is turned over or concave, and their solid angles sum to that of the sphere.
    """
    if not all(map(is_convex, faces)):
        return False
    total = sum(
        _solid_angle(corners[0], corners[n], corners[n + 1])
        for corners in faces
        for n in range(1, len(corners) - 1)
    )
    return abs(total - 4.0 * np.pi) < 1.0


def _solid_angle(a: Vectors, b: Vectors, c: Vectors) -> float:
    """Return the solid angle of a triangle of unit vectors (Van Oosterom and Strackee 1983)."""
    return 2.0 * float(np.arctan2(np.cross(a, b) @ c, 1.0 + a @ b + b @ c + c @ a))


def _cap(corners: Vectors) -> Vectors:
    """Return the unit vector to the middle of a face, and the cosine of the angle around it."""
    middle = corners.sum(axis=0)
    middle = middle / np.linalg.norm(middle)
    cosine = (corners @ middle).min()
    # A cap contains the face between its corners up to 90 degrees only.
    return np.append(middle, cosine - ROUNDING if cosine > 0.0 else -2.0)


def _edges(corners: Vectors) -> Vectors:
    """Return the unit normal vectors, inwards, of the planes through the listener and the edges."""
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


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


def _received_power(vertices: _Vertices, faces: list[Face]) -> Vectors:
    """Return the powers (vertices, real vertices) at the real ones for unit power at each vertex.

    Imaginary ones distribute their power equally, also to other imaginary ones. This is an
    absorbing Markov chain, solved as a linear system.
    """
    n_vertices, n_real = len(vertices.nominal), vertices.n_real
    distributed: NDArray[Any] = np.zeros((n_vertices - n_real, n_vertices))
    for vertex in range(n_real, n_vertices):
        neighbours = {n for face in faces if vertex in face.corners for n in face.corners}
        receivers = vertices.receivers.get(vertex, sorted(neighbours - {vertex}))
        for receiver in receivers:
            distributed[vertex - n_real, receiver] += 1.0 / len(receivers)
    among_imaginary = np.eye(n_vertices - n_real) - distributed[:, n_real:]
    return np.vstack([np.eye(n_real), np.linalg.solve(among_imaginary, distributed[:, :n_real])])
