"""Report on the real positions of the loudspeakers of a layout."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialkit.geometry import angle_between
from spatialkit.layouts import Layout, get_layout, permitted_angles
from spatialkit.panning.vbap import panner

__all__ = ["LayoutReport", "layout_report"]

# Smallest deviation in degrees that counts: angles in files are rounded.
ROUNDING_DEGREES = 0.05


@dataclass(frozen=True, eq=False)
class LayoutReport:
    """Distances of loudspeakers from where a standard specifies them, as `layout_report` returns.

    Arrays have one value per channel; NaN for LFE channels.
    """

    layout: str
    """Name of the layout."""
    system: str | None
    """System of ITU-R BS.2051 with the same loudspeakers; None if there is none."""
    labels: tuple[str, ...]
    """Label of each channel."""
    distance: NDArray[np.float64]
    """Angle between real and nominal direction, in degrees."""
    azimuth_excess: NDArray[np.float64]
    """Degrees by which the azimuth is outside of the range that the system permits, 0 within it;
    NaN without a system."""
    elevation_excess: NDArray[np.float64]
    """The same for the elevation."""
    is_nominal: bool
    """False if the loudspeakers are so far from their nominal directions that sources are panned
    by the real ones alone."""

    @property
    def is_permitted(self) -> bool | None:
        """True if all loudspeakers are in the permitted ranges; None without a system."""
        if self.system is None:
            return None
        worst = np.nanmax([self.azimuth_excess, self.elevation_excess])
        return bool(worst <= ROUNDING_DEGREES)


def layout_report(layout: str | os.PathLike[str] | Layout) -> LayoutReport:
    """Compare the real directions of loudspeakers with their nominal directions and BS.2051.

    Parameters
    ----------
    layout : str, path or Layout
        Name, path of a JSON file, or layout.

    Returns
    -------
    LayoutReport

    Raises
    ------
    LayoutError
        If the layout is unknown.

    References
    ----------
    .. [1] ITU-R BS.2051-3, "Advanced sound system for programme production", Table 1 and
       Attachment 1.

    Examples
    --------
    >>> report = layout_report(get_layout("5.1").move({"SR": -104.0, "FL": 27.5}))
    >>> report.system, report.distance.round(1).tolist()
    ('0+5+0', [2.5, 0.0, 0.0, nan, 0.0, 6.0])
    >>> report.azimuth_excess.tolist(), report.is_permitted
    ([2.5, 0.0, 0.0, nan, 0.0, 0.0], False)
    """
    chosen = get_layout(layout)
    system, ranges = permitted_angles(chosen.labels)
    lowest, highest = ranges[:, 0], ranges[:, 1]
    azimuth = np.remainder(chosen.azimuth - lowest[0] + 180.0, 360.0) - 180.0
    width = highest[0] - lowest[0]
    return LayoutReport(
        layout=chosen.name,
        system=system,
        labels=chosen.labels,
        distance=angle_between(chosen.directions, chosen.nominal_directions),
        azimuth_excess=_excess(azimuth, np.zeros_like(width), width),
        elevation_excess=_excess(chosen.elevation, lowest[1], highest[1]),
        is_nominal=panner(chosen).is_nominal,
    )


def _excess(
    angle: NDArray[np.float64], lowest: NDArray[np.float64], highest: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.maximum(np.maximum(lowest - angle, angle - highest), 0.0)
