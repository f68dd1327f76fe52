"""Gains of objects to loudspeakers and Ambisonics: direction, distance and extent.

Source: ITU-R BS.2127-1, "Audio Definition Model renderer for advanced sound systems", section 7.3
(objects in polar coordinates). A point is panned as by `spatialkit.vbap_gains`; an extent is the
sum of virtual sources, on a grid of 5 degrees, in a region of the sphere with round corners, whose
weights decrease to 0 over 10 degrees outside of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import spherical_harmonics
from spatialkit.files.adm import Blocks
from spatialkit.geometry import unit_vectors
from spatialkit.layouts import AmbisonicFormat, Format, Layout, get_format
from spatialkit.panning import panner

__all__ = ["object_gains"]

Array = NDArray[np.float64]
# Rows of virtual sources from -90 to 90 degrees of elevation.
ROWS = 37
FADE_DEGREES = 10.0
# Size of a point at distance 1, of which a nearer object has more and a farther one less.
MIN_SIZE = 0.2
# Weights of virtual sources that are in memory at a time: 8 MB.
BLOCK_WEIGHTS = 1_000_000


def object_gains(blocks: Blocks, target: str | Format) -> NDArray[np.float64]:
    """Compute the gains of the blocks of an object.

    Parameters
    ----------
    blocks : Blocks
    target : str, Layout or AmbisonicFormat
        Format of the output.

    Returns
    -------
    ndarray of float64, shape (blocks, channels)
        Their own gains are applied. On the systems of ITU-R BS.2051 they are those of ITU-R BS.2127
        for objects in polar coordinates, except that "0+2+0" and "stereo" use the tangent law, not
        a downmix of 5.0. In Ambisonics an extent is the mean of plane waves, with the same weights.

    Examples
    --------
    >>> from spatialkit.objects import Blocks
    >>> object_gains(Blocks([0.0, 30.0], gain=0.5), "5.0")
    array([[0. , 0. , 0.5, 0. , 0. ],
           [0.5, 0. , 0. , 0. , 0. ]])
    """
    form = get_format(target)
    point, virtual = _gains_of(form), _virtual_gains(form)
    is_scene = isinstance(form, AmbisonicFormat)
    vectors = unit_vectors(blocks.azimuth, blocks.elevation)
    ends = [blocks.distance]
    if blocks.depth.any():
        near = np.maximum(blocks.distance - blocks.depth / 2.0, 0.0)
        ends = [blocks.distance + blocks.depth / 2.0, near]
    total = np.zeros((len(blocks), form.n_channels))
    for distance in ends:
        width, height = (_seen(size, distance) for size in (blocks.width, blocks.height))
        spread = np.clip(np.maximum(width, height) / FADE_DEGREES, 0.0, 1.0)[:, None]
        # Loudspeakers add in power, plane waves in amplitude.
        summed = (1.0 - spread) * (point(vectors) if is_scene else point(vectors) ** 2)
        wide = np.flatnonzero(spread[:, 0] > 1e-10)
        step = max(1, BLOCK_WEIGHTS // len(virtual))
        for start in range(0, len(wide), step):
            some = wide[start : start + step]
            weights = _weights(vectors[some], width[some], height[some])
            found = weights @ virtual
            if is_scene:
                found /= weights.sum(axis=1, keepdims=True)
            else:
                found = found**2 / np.sum(found**2, axis=1, keepdims=True)
            summed[some] += spread[some] * found
        total += summed / len(ends)
    return (total if is_scene else np.sqrt(total)) * blocks.gain[:, None]


def _gains_of(form: Format) -> Callable[[Array], Array]:
    """Return the function that computes gains (n, channels) of unit vectors (n, 3)."""
    if isinstance(form, Layout):
        gains = panner(form).gains
        return lambda vectors: gains(vectors, np.zeros(len(vectors)))
    return lambda vectors: spherical_harmonics(
        np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0])),
        np.degrees(np.arcsin(np.clip(vectors[:, 2], -1.0, 1.0))),
        order=form.order,
        normalization=form.normalization,
        channel_order=form.channel_order,
    )


@lru_cache(maxsize=1)
def _grid() -> Array:
    """Return the directions (n, 3) of the virtual sources, evenly spread."""
    elevations = np.linspace(-90.0, 90.0, ROWS)
    counts = np.maximum(np.round(2 * (ROWS - 1) * np.cos(np.radians(elevations))), 1).astype(int)
    rows = [
        unit_vectors(np.arange(count) * 360.0 / count, np.full(count, elevation))
        for elevation, count in zip(elevations, counts, strict=True)
    ]
    return np.concatenate(rows)


@lru_cache(maxsize=32)
def _virtual_gains(form: Format) -> Array:
    """Return the gains (n, channels) of the virtual sources."""
    return _gains_of(form)(_grid())


def _seen(extent: Array, distance: Array) -> Array:
    """Return extents in degrees as they are seen from a distance; unchanged at 1."""
    size = np.interp(extent, [0.0, 360.0], [MIN_SIZE, 1.0])
    near = 4.0 * np.degrees(np.arctan2(size, 1.0))
    angle = 4.0 * np.degrees(np.arctan2(size, distance))
    below = angle / near * extent
    above = extent + (angle - near) / np.maximum(360.0 - near, 1e-300) * (360.0 - extent)
    return np.where(angle <= near, below, np.minimum(above, 360.0))


def _weights(vectors: Array, width: Array, height: Array) -> Array:
    """Return the weights (blocks, n) of the virtual sources of extents in degrees."""
    width = np.radians(np.maximum(width, FADE_DEGREES / 2.0)) / 2.0
    height = np.radians(np.maximum(height, FADE_DEGREES / 2.0)) / 2.0
    right, up = _axes(vectors)
    tall = height > width
    width, height = np.where(tall, height, width), np.where(tall, width, height)
    across, along = (
        np.where(tall[:, None], up, right),
        np.where(tall[:, None], right, up),
    )
    radius = height
    # A width of 360 degrees reaches around to the back, where both ends meet.
    whole = np.pi + height
    half = np.pi / 2.0
    meeting = np.where(
        width <= half, width, half + (width - half) / (np.pi - half) * (whole - half)
    )
    share = np.clip((half - height) / (half / 2.0), 0.0, 1.0)
    width = share * meeting + (1.0 - share) * width
    centre = width - radius
    grid = _grid().T
    ahead, side, above = vectors @ grid, across @ grid, along @ grid
    azimuth = np.arctan2(np.clip(side, -1.0, 1.0), np.clip(ahead, -1.0, 1.0))
    elevation = np.arcsin(np.clip(above, -1.0, 1.0))
    cosine = np.cos(centre)[:, None] * ahead + np.sin(centre)[:, None] * np.abs(
        side
    )  # to the nearer of both round ends
    other = np.cos(centre)[:, None] * ahead - np.sin(centre)[:, None] * np.abs(side)
    corner = np.arccos(np.clip(np.maximum(cosine, other), -1.0, 1.0))
    distance = np.where(np.abs(azimuth) <= centre[:, None], np.abs(elevation), corner)
    distance -= radius[:, None]
    return np.clip(1.0 - distance / np.radians(FADE_DEGREES), 0.0, 1.0)


def _axes(vectors: Array) -> tuple[Array, Array]:
    """Return unit vectors to the right and up of directions (n, 3); at the poles, as from 0."""
    horizontal = np.hypot(vectors[:, 0], vectors[:, 1])
    pole = horizontal < np.sin(np.radians(1e-5))
    safe = np.where(pole, 1.0, horizontal)
    cosine = np.where(pole, 1.0, vectors[:, 0] / safe)
    sine = np.where(pole, 0.0, vectors[:, 1] / safe)
    zeros = np.zeros(len(vectors))
    right = np.stack([sine, -cosine, zeros], axis=1)
    up = np.stack([-cosine * vectors[:, 2], -sine * vectors[:, 2], horizontal], axis=1)
    return right, up
