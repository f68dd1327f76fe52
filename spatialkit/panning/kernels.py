"""Compiled loops of the panner: face of a direction, gains of its corners and their outputs."""

from __future__ import annotations

import math

from spatialkit._kernels import kernel

# Gains below this, before normalization, are 0 with rounding errors: the gains of a face sum to at
# least 1, and the errors are about 1e-16.
ROUNDING = 1e-13


@kernel
def quad_coordinate(basis, row, x, y, z):
    """Return the root in [0, 1] of a quadratic; coefficients are rows of basis times (x, y, z)."""
    a = basis[row, 0] * x + basis[row, 1] * y + basis[row, 2] * z
    b = basis[row + 1, 0] * x + basis[row + 1, 1] * y + basis[row + 1, 2] * z
    c = basis[row + 2, 0] * x + basis[row + 2, 1] * y + basis[row + 2, 2] * z
    # The sum without cancellation gives one root as q / a and the other as c / q.
    root = math.sqrt(max(b * b - 4.0 * a * c, 0.0))
    q = -0.5 * (b + math.copysign(root, b))
    first = q / a if abs(q) < 2.0 * abs(a) else 2.0
    second = c / q if q != 0.0 else 0.0
    # The root nearer to [0, 1]: rounding may put it slightly outside.
    if abs(first - 0.5) < abs(second - 0.5):
        second = first
    return min(max(second, 0.0), 1.0)


@kernel
def find_face(caps, edges, x, y, z):
    """Return the face whose edges enclose a direction.

    Rounding errors may leave a direction at a vertex outside of all faces: then the nearest one.
    """
    nearest = 0
    largest = -2.0
    for face in range(caps.shape[0]):
        if caps[face, 0] * x + caps[face, 1] * y + caps[face, 2] * z < caps[face, 3]:
            continue
        smallest = 0.0
        for edge in range(4):
            normal = edges[face, edge]
            distance = normal[0] * x + normal[1] * y + normal[2] * z
            smallest = min(smallest, distance)
        if smallest == 0.0:
            return face
        if smallest > largest:
            largest = smallest
            nearest = face
    return nearest


@kernel
def pan(vectors, caps, edges, corners, bases, starts, outputs, shares, gains):
    """Compute gains (directions, outputs) of unit vectors (directions, 3) in the mesh's local axes.

    Caps, edges, corners and bases are those of `spatialkit.panning.mesh.Mesh`. Its shares are given
    row by row without zeros: vertex v contributes to ``outputs[starts[v]:starts[v + 1]]``.
    """
    for n in range(vectors.shape[0]):
        x, y, z = vectors[n]
        face = find_face(caps, edges, x, y, z)
        basis = bases[face]
        g3 = 0.0
        if corners[face, 3] < 0:
            g0 = basis[0, 0] * x + basis[0, 1] * y + basis[0, 2] * z
            g1 = basis[1, 0] * x + basis[1, 1] * y + basis[1, 2] * z
            g2 = basis[2, 0] * x + basis[2, 1] * y + basis[2, 2] * z
        else:
            across = quad_coordinate(basis, 0, x, y, z)
            along = quad_coordinate(basis, 3, x, y, z)
            g0 = (1.0 - across) * (1.0 - along)
            g1 = across * (1.0 - along)
            g2 = across * along
            g3 = (1.0 - across) * along
        gains[n] = 0.0
        for corner in range(4):
            gain = g0
            g0, g1, g2, g3 = g1, g2, g3, 0.0
            if gain < ROUNDING:
                continue
            vertex = corners[face, corner]
            for share in range(starts[vertex], starts[vertex + 1]):
                gains[n, outputs[share]] += gain * shares[share]
        power = 0.0
        for output in range(gains.shape[1]):
            power += gains[n, output] ** 2
        scale = 1.0 / math.sqrt(power)
        for output in range(gains.shape[1]):
            gains[n, output] *= scale
