"""From loudspeaker directions to the mesh that a source is panned on.

The mesh is the convex hull of the loudspeakers on the unit sphere, closed by imaginary
loudspeakers wherever they do not surround the listener. Its faces are triangles and quads, none of
them cut by an arbitrary diagonal. What an imaginary loudspeaker receives is passed on to its
neighbours in equal powers until it reaches real ones, so that no direction falls silent.

On the systems of ITU-R BS.2051 this is the configuration of the point source panner of
ITU-R BS.2127-1, section 6.1; the rules are stated so that they serve any other layout too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.geometry import to_cartesian, to_spherical

Vectors = NDArray[np.float64]

# Loudspeakers closer than this (in chords of the unit sphere) stand in one place.
COINCIDENT = 1e-6
# Singular value below which directions count as lying in one plane with the listener.
COPLANAR = 1e-7
# Point sets thinner than this are given both poles of their plane before the hull is taken.
THIN = 1e-3
# Distance from the listener below which a face does not close the hull; gaps in the ring are
# closed where they reach 180 degrees less the angle that belongs to it.
OPEN = 1e-7
RING_GAP = np.pi - 2e-6
# Degrees between loudspeakers that stand above each other.
SAME_AZIMUTH = 1e-4
# Face equations nearer than this are one face. BS.2127's reference code uses 1e-5.
SAME_FACE = 1e-6
MOST_CORNERS = 4

# BS.2127-1, 6.1.3.1: the middle layer, the layers that may cover it, where copies of middle
# loudspeakers stand if a layer has none, and how far beyond the layer's range they begin.
MIDDLE_LAYER = 10.0
COVERING_LAYER = 70.0
COPY_ELEVATION = 30.0
COPY_MARGIN = 40.0
# A face that is nearer to the listener leaves a hole. This is the distance of the faces of a
# regular tetrahedron, the sparsest layout that surrounds; BS.2127 has 0.30 filled (the nadir of
# 9+10+3) and 0.59 not (the zenith of 3+7+0).
SPANNING_DISTANCE = 1.0 / 3.0 - 1e-9


@dataclass(frozen=True)
class Mesh:
    """Faces to pan on, as arrays for the kernel.

    The face that a direction u passes through is the one with the largest ``planes @ u``: the
    planes are scaled so that ``planes @ x == 1`` on them.
    """

    frame: Vectors
    """(3, 3): rows are the axes of the mesh. Loudspeakers in one plane are level in them."""
    planes: Vectors
    """(faces, 3)"""
    corners: NDArray[np.int64]
    """(faces, 4): vertices around the face, the last of a triangle is -1."""
    bases: Vectors
    """(faces, 6, 3): rows 0-2 the inverse basis of a triangle; for a quad the coefficients of x
    (rows 0-2) and y (rows 3-5), highest power first, of BS.2127-1, 6.1.2.3."""
    shares: Vectors
    """(vertices, loudspeakers): gains by which a vertex is heard."""


@dataclass
class _Vertices:
    """Loudspeakers, real ones first, and where the imaginary ones pass their power on to."""

    positions: list[Vectors]
    n_real: int
    receivers: dict[int, list[int]] = field(default_factory=dict)
    """Vertices that share the power of an imaginary one; its neighbours if it is not in here."""

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
    """Mesh of loudspeakers in ``directions``, unit vectors of shape (loudspeakers, 3)."""
    places, powers = _merge_coincident(directions)
    if len(places) == 1:
        # A quad of one corner: whatever the direction, the kernel finds that corner.
        return Mesh(
            frame=np.eye(3),
            planes=np.zeros((1, 3)),
            corners=np.zeros((1, MOST_CORNERS), dtype=np.int64),
            bases=np.zeros((1, 6, 3)),
            shares=np.sqrt(powers),
        )
    frame = _frame(places)
    vertices = _Vertices(list(places @ frame.T), len(places))
    real_faces = _hull(vertices.array())
    ring = _close_ring(vertices, real_faces)
    for side in (-1.0, 1.0):
        _close_pole(vertices, real_faces, ring, side)
    faces = _close_hull(vertices)
    return Mesh(
        frame=frame,
        planes=np.array([face.normal / face.distance for face in faces]),
        corners=np.array([(*face.corners, -1)[:MOST_CORNERS] for face in faces]),
        bases=np.array([_basis(vertices.array()[list(face.corners)]) for face in faces]),
        shares=np.sqrt(_received_power(vertices, faces) @ powers),
    )


def _merge_coincident(directions: Vectors) -> tuple[Vectors, Vectors]:
    """Places (places, 3), and the power (places, loudspeakers) that each there receives."""
    near = np.linalg.norm(directions[:, None] - directions[None], axis=-1) < COINCIDENT
    # The first loudspeaker at a place stands for it.
    first = near.argmax(axis=1)
    members = np.unique(first)[:, None] == first[None]
    powers = members / members.sum(axis=1, keepdims=True)
    places = powers @ directions
    return places / np.linalg.norm(places, axis=1, keepdims=True), powers


def _frame(places: Vectors) -> Vectors:
    """Axes of the mesh: the usual ones unless all places lie in one plane that is tilted."""
    _, values, axes = np.linalg.svd(places)
    values = np.append(values, np.zeros(3 - len(values)))
    if values[2] > COPLANAR:
        return np.eye(3)
    if values[1] > COPLANAR:
        normal = axes[2]
    else:
        # Two opposite loudspeakers lie in many planes: the one that is level sideways.
        sideways = np.cross([0.0, 0.0, 1.0], places[0])
        if np.linalg.norm(sideways) < COPLANAR:
            sideways = np.array([0.0, 1.0, 0.0])
        normal = np.cross(places[0], sideways)
    normal = normal / np.linalg.norm(normal)
    if np.hypot(normal[0], normal[1]) < COPLANAR:
        return np.eye(3)
    ahead = np.cross(normal, [0.0, 0.0, 1.0])
    ahead = ahead / np.linalg.norm(ahead)
    return np.array([ahead, np.cross(normal, ahead), normal])


def _close_ring(vertices: _Vertices, real_faces: list[_Face]) -> list[list[int]]:
    """Fill gaps of 180 degrees and more in the middle layer; return its vertices.

    They come by azimuth: loudspeakers above each other are one place of the ring.
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
    for here, there in list(zip(ring, ring[1:] + ring[:1], strict=True)):
        gap = np.radians(azimuths[there[0]] - azimuths[here[0]])
        gap = gap if gap > 0.0 else gap + 2.0 * np.pi
        if gap < RING_GAP:
            continue
        n_fillers = 2 if here is there else 1
        for step in range(1, n_fillers + 1):
            filler = to_cartesian(azimuths[here[0]] + np.degrees(gap) * step / (n_fillers + 1))
            if not any(_spans(face, vertices, filler) for face in real_faces):
                ring.append([vertices.add(filler, [*here, *there])])
    return ring


def _close_pole(
    vertices: _Vertices, real_faces: list[_Face], ring: list[list[int]], side: float
) -> None:
    """Add an imaginary loudspeaker at the pole, and copies of the ring on the way there.

    Neither is needed where a loudspeaker stands at the pole or a triangle of real ones spans it.
    BS.2127 names T+000 and UH+180 instead, which is the same on its layouts. Copies are not needed
    either where a layer covers the ring.
    """
    pole = np.array([0.0, 0.0, side])
    real = vertices.array()[: vertices.n_real]
    if np.linalg.norm(real - pole, axis=1).min() < COINCIDENT:
        return
    if any(len(face.corners) == 3 and _spans(face, vertices, pole) for face in real_faces):
        return
    azimuths, elevations = to_spherical(vertices.array())
    height = side * elevations
    # A loudspeaker at the edge of both layers belongs to both, as in BS.2127.
    covering = np.flatnonzero(
        (height[: vertices.n_real] >= MIDDLE_LAYER) & (height[: vertices.n_real] <= COVERING_LAYER)
    )
    if covering.size:
        first_azimuth = np.abs(azimuths[covering]).max() + COPY_MARGIN
        copy_elevation = elevations[covering].mean()
    else:
        first_azimuth, copy_elevation = 0.0, side * COPY_ELEVATION
    for place in ring:
        # Of loudspeakers above each other the nearest to the pole is the one below its copy.
        nearest = max(place, key=lambda vertex: height[vertex])
        if abs(azimuths[nearest]) >= first_azimuth - 1e-5:
            vertices.add(to_cartesian(azimuths[nearest], copy_elevation), [nearest])
    vertices.add(pole)


def _spans(face: _Face, vertices: _Vertices, direction: Vectors) -> bool:
    """Whether ``direction`` passes through a face that leaves no hole."""
    if face.distance < SPANNING_DISTANCE or face.normal @ direction <= 0.0:
        return False
    hit = direction * (face.distance / (face.normal @ direction))
    corners = vertices.array()[list(face.corners)]
    edges = np.roll(corners, -1, axis=0) - corners
    sides = np.cross(edges, hit - corners) @ face.normal
    return bool((sides >= -COINCIDENT).all() or (sides <= COINCIDENT).all())


def _close_hull(vertices: _Vertices) -> list[_Face]:
    """Faces of the hull, after imaginary loudspeakers in its holes and in faces of many corners."""
    points = vertices.array()
    _, thickness, axes = np.linalg.svd(points - points.mean(axis=0))
    for axis in axes[thickness < THIN]:
        for side in (-1.0, 1.0):
            vertices.add(side * axis)
    while True:
        faces = _hull(vertices.array())
        nearest = min(face.distance for face in faces)
        if nearest < OPEN:
            # All that tie at once: a choice between mirror images would not be symmetric.
            filled = [face for face in faces if face.distance < nearest + SAME_FACE]
        else:
            filled = [face for face in faces if len(face.corners) > MOST_CORNERS]
        if not filled:
            return faces
        for face in filled:
            vertices.add(face.normal)


def _hull(points: Vectors) -> list[_Face]:
    """Faces of the convex hull, coplanar triangles merged; none if the points lie in a plane."""
    from scipy.spatial import ConvexHull

    if len(points) < 4 or np.linalg.svd(points - points.mean(axis=0))[1][-1] < THIN:
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
    """Corners in their order around the face."""
    arms = points[corners] - points[corners].mean(axis=0)
    sideways = np.cross(normal, arms[0])
    angles = np.arctan2(arms @ sideways, arms @ arms[0] * np.linalg.norm(sideways))
    return tuple(corners[n] for n in np.argsort(angles))


def _basis(corners: Vectors) -> Vectors:
    """What the kernel needs to pan within one face."""
    basis = np.zeros((6, 3))
    if len(corners) == 3:
        basis[:3] = np.linalg.inv(corners).T
    else:
        basis[:3] = _quad_polynomial(*corners)
        basis[3:] = _quad_polynomial(*np.roll(corners, -1, axis=0))
    return basis


def _quad_polynomial(a: Vectors, b: Vectors, c: Vectors, d: Vectors) -> Vectors:
    """Coefficients (3, 3), highest power first: their products with u vanish at u's position.

    The plane through the listener and the points a + x (b - a) and d + x (c - d) holds u.
    """
    return np.array(
        [
            np.cross(b - a, c - d),
            np.cross(a, c - d) + np.cross(b - a, d),
            np.cross(a, d),
        ]
    )


def _received_power(vertices: _Vertices, faces: list[_Face]) -> Vectors:
    """Power (vertices, real vertices) that arrives at the real ones from a unit at each vertex.

    Imaginary ones pass all they get on, in equal parts, also to other imaginary ones: an absorbing
    Markov chain, solved at once.
    """
    n_vertices, n_real = len(vertices.positions), vertices.n_real
    passed: NDArray[Any] = np.zeros((n_vertices - n_real, n_vertices))
    for vertex in range(n_real, n_vertices):
        neighbours = {n for face in faces if vertex in face.corners for n in face.corners}
        receivers = vertices.receivers.get(vertex, sorted(neighbours - {vertex}))
        for receiver in receivers:
            passed[vertex - n_real, receiver] += 1.0 / len(receivers)
    among_imaginary = np.eye(n_vertices - n_real) - passed[:, n_real:]
    return np.vstack([np.eye(n_real), np.linalg.solve(among_imaginary, passed[:, :n_real])])
