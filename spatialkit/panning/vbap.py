"""Amplitude panning on any loudspeaker layout: VBAP in two and three dimensions.

Gains are those of V. Pulkki, "Virtual Sound Source Positioning Using Vector Base Amplitude
Panning", JAES 45(6), 1997, on the faces of ITU-R BS.2127-1, section 6.1: quads are not divided into
triangles, and where a layout has a gap, an imaginary loudspeaker distributes its power to its
neighbours.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit._kernels import constant
from spatialkit.audio import AudioLike
from spatialkit.errors import OptionError, ShapeError
from spatialkit.geometry import unit_vectors
from spatialkit.layouts import Layout, get_layout
from spatialkit.panning.spread import arc_points, cap_points, cap_size
from spatialkit.panning.trajectories import place_sources
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_angles, as_directions

__all__ = ["vbap_gains", "vbap_pan"]

# Directions computed at a time.
BLOCK_SIZE = 4096
# Gains at the quadrature points of spread sources that are in memory at a time: 8 MB.
SPREAD_GAINS = 1_000_000
# Width in degrees of the crossfade, up to a spread of 360, from the quadrature over a cap to the
# mean over all directions. A cap of 357 degrees omits 2e-4 of the sphere, less than the error of
# the quadrature.
FULL_SPREAD_CROSSFADE = 3.0
# Largest angle between control points of moving sources.
STEP_DEGREES = 1.0


def vbap_gains(
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    layout: str | Layout = "5.0",
    spread: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Compute the gains that pan sources to the given directions.

    Every direction has gains on every layout: where loudspeakers do not surround the listener,
    imaginary ones close the gap and distribute their power to their neighbours. On the systems of
    ITU-R BS.2051 the gains are those of the point source panner of ITU-R BS.2127, except that
    "0+2+0" and "stereo" use the tangent law, not a downmix of 5.0.

    Parameters
    ----------
    azimuth, elevation : array_like
        Degrees, broadcast against each other; azimuth positive to the left, any number; elevation
        positive up, -90 to 90.
    layout : str or Layout
        See `spatialkit.layout_names`.
    spread : array_like
        Degrees, 0 to 360; 0 is a point source, 360 the mean over all directions. The gains are the
        power mean over a cap of half-angle ``spread / 2`` around the direction. If all loudspeakers
        are in one plane with the listener, the mean is over an arc, whose elevation relative to the
        plane decreases to 0 as the spread grows.

    Returns
    -------
    ndarray of float64, shape (..., channels)
        Linear and non-negative; the squared gains of a direction sum to 1. LFE columns are 0.

    Raises
    ------
    DirectionError
        If an angle is not finite, or an elevation is outside -90 to 90 degrees.
    OptionError
        If a spread is not from 0 to 360 degrees.
    LayoutError
        If the layout is unknown.

    References
    ----------
    .. [1] V. Pulkki, "Virtual Sound Source Positioning Using Vector Base Amplitude Panning",
       J. Audio Eng. Soc. 45(6), 1997.
    .. [2] ITU-R BS.2127-1, "Audio Definition Model renderer for advanced sound systems", 6.1.

    Examples
    --------
    >>> vbap_gains([0.0, 15.0, 70.0], layout="5.0").round(3)
    array([[0.   , 0.   , 1.   , 0.   , 0.   ],
           [0.707, 0.   , 0.707, 0.   , 0.   ],
           [0.707, 0.   , 0.   , 0.707, 0.   ]])
    >>> vbap_gains(0.0, 90.0, layout="7.1.4").round(3)
    array([0. , 0. , 0. , 0. , 0. , 0. , 0. , 0. , 0.5, 0.5, 0.5, 0.5])
    """
    layout = get_layout(layout)
    azimuths, elevations = as_directions(azimuth, elevation)
    spreads = as_spread(spread)
    if spreads.shape != azimuths.shape:
        try:
            azimuths, elevations, spreads = np.broadcast_arrays(azimuths, elevations, spreads)
        except ValueError as error:
            raise ShapeError(
                f"spread of shape {spreads.shape} does not broadcast against directions of shape "
                f"{azimuths.shape}"
            ) from error
    gains_of = panner(layout).gains
    gains = np.empty((azimuths.size, layout.n_channels))
    flat = [values.reshape(-1) for values in (azimuths, elevations, spreads)]
    # Blocks fit the CPU cache: twice as fast as whole arrays.
    for start in range(0, len(gains), BLOCK_SIZE):
        azimuth, elevation, spread = (values[start : start + BLOCK_SIZE] for values in flat)
        gains[start : start + BLOCK_SIZE] = gains_of(unit_vectors(azimuth, elevation), spread)
    return gains.reshape(*azimuths.shape, layout.n_channels)


def vbap_pan(
    audio: AudioLike[FloatT],
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    layout: str | Layout = "5.0",
    spread: ArrayLike = 0.0,
    distance: ArrayLike | None = None,
) -> FloatArray[FloatT]:
    """Pan static or moving sources to the channels of a layout.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (samples,) or (..., sources, samples)
        One source, or several to be summed; directions are the same for all batch axes. The
        channels of an `Audio` are its sources.
    azimuth : array_like
        Degrees, positive to the left. For audio (samples,): a scalar or (points,). Otherwise a
        scalar for all sources, (sources,), or (sources, points). Points are equally spaced from
        the first to the last sample. Between them the direction moves along the shortest arc of a
        great circle, between exactly opposite points through the left. A full circle therefore
        needs points in between, such as [0, 90, 180, 270, 360], and a circle of constant elevation
        above the horizon needs more of them.
    elevation, spread : array_like
        Degrees, as in `vbap_gains`: a scalar, the shape of ``azimuth``, or (sources,) with an
        azimuth of (sources, points).
    distance : array_like, optional
        Metres, in the shapes of ``azimuth``, with any number of points. The gain is 1 up to 1 m and
        ``1 / distance`` beyond; linear between points. For delay and absorption in air see
        `spatialkit.propagation.propagate`.
    layout : str or Layout
        See `spatialkit.layout_names`.

    Returns
    -------
    ndarray, shape (..., channels, samples)
        In the precision of ``audio``; (channels, samples) for audio (samples,).

    Raises
    ------
    ShapeError
        If the shapes of directions and sources do not match.
    SignalError
        If ``audio`` is neither float32 nor float64.
    DirectionError, OptionError, LayoutError
        As in `vbap_gains`.

    Notes
    -----
    The gains of moving sources are computed at control points at most 1 degree (of direction or
    spread) and 160 samples (10 ms at 16 kHz) apart, interpolated linearly between them and
    normalized to unit power at each sample.

    Examples
    --------
    >>> import numpy as np
    >>> from spatialkit import vbap_pan
    >>> noise = np.random.default_rng(0).standard_normal(44100)
    >>> vbap_pan(noise, [-90.0, 0.0, 90.0], layout="7.1.4").shape  # from right to left
    (12, 44100)
    >>> pair = np.ones((2, 5), dtype=np.float32)
    >>> vbap_pan(pair, [30.0, -30.0], layout="stereo").dtype
    dtype('float32')
    """
    layout = get_layout(layout)
    return place_sources(
        audio,
        azimuth,
        elevation,
        panner(layout).gains,
        n_outputs=layout.n_channels,
        step_degrees=STEP_DEGREES,
        unit_power=True,
        spread=as_spread(spread),
        distance=distance,
    )


def as_spread(spread: ArrayLike) -> NDArray[np.float64]:
    """Return spreads in degrees as a float64 array, or raise an OptionError."""
    spreads = as_angles(spread, "spread")
    if not ((spreads >= 0.0) & (spreads <= 360.0)).all():
        bad = spreads[(spreads < 0.0) | (spreads > 360.0)].flat[0]
        raise OptionError(f"spread must be from 0 to 360 degrees, got {bad:g}")
    return spreads


class Panner:
    """Gains of a layout: its mesh, in the form that the kernel needs.

    Parameters
    ----------
    layout : Layout
    """

    def __init__(self, layout: Layout) -> None:
        from spatialkit.panning.mesh import build_mesh

        self._layout = layout
        # More loudspeakers have a finer pattern of gains, which the spread averages.
        self._resolution = max(4, int(np.ceil(np.sqrt(layout.n_channels))))
        real = layout.loudspeakers
        self._mesh = build_mesh(layout.nominal_directions[real], layout.directions[real])
        vertices, shared = np.nonzero(self._mesh.shares)
        shares = (
            np.searchsorted(vertices, np.arange(len(self._mesh.shares) + 1)),
            layout.loudspeakers[shared],
            self._mesh.shares[vertices, shared],
        )
        mesh = self._mesh
        constants = (mesh.caps, mesh.edges, mesh.corners, mesh.bases, *shares)
        self._constants = [constant(array) for array in constants]

    @property
    def is_nominal(self) -> bool:
        """True if the nominal directions determine between which loudspeakers a source is."""
        return self._mesh.is_nominal

    def gains(
        self, vectors: NDArray[np.float64], spreads: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Compute gains (n, channels) of unit vectors (n, 3) with spreads (n,) in degrees."""
        vectors = vectors @ self._mesh.local_axes.T
        gains = self._point_gains(vectors)
        if not spreads.any():
            return gains
        # Up to 360 degrees the mean over all directions replaces the quadrature, so that the
        # result is the same for every direction.
        whole = np.clip(1.0 - (360.0 - spreads) / FULL_SPREAD_CROSSFADE, 0.0, 1.0)
        wide = np.flatnonzero(spreads)
        step = max(1, SPREAD_GAINS // (gains.shape[1] * cap_size(self._resolution)))
        for start in range(0, len(wide), step):
            some = wide[start : start + step]
            powers = self._mean_powers(vectors[some], np.radians(spreads[some]) / 2.0)
            if whole[some].any():
                powers += whole[some, None] * (self._mean_power - powers)
            gains[some] = np.sqrt(powers / powers.sum(axis=-1, keepdims=True))
        return gains

    def _mean_powers(
        self, vectors: NDArray[np.float64], half_angles: NDArray[np.float64], refinement: int = 1
    ) -> NDArray[np.float64]:
        """Compute mean powers (n, channels) over caps, or over arcs on flat layouts."""
        around = arc_points if self._layout.is_flat else cap_points
        points, weights = around(vectors, half_angles, refinement * self._resolution)
        each = self._point_gains(points.reshape(-1, 3))
        return weights @ each.reshape(*points.shape[:2], -1) ** 2

    @cached_property
    def _mean_power(self) -> NDArray[np.float64]:
        """Mean powers (channels,) over all directions."""
        return self._mean_powers(np.array([[1.0, 0.0, 0.0]]), np.array([np.pi]), refinement=6)[0]

    def _point_gains(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        from spatialkit.panning.kernels import pan

        gains = np.empty((len(vectors), self._layout.n_channels))
        pan(vectors, *self._constants, gains)
        return gains


@lru_cache(maxsize=128)
def panner(layout: Layout) -> Panner:
    """Return the panner of a layout, which is built once."""
    return Panner(layout)
