"""Description of an upmix as objects: tracks of beds and objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spatialkit.files.adm import AdmContent, DescribedPart
from spatialkit.layouts import Layout

__all__ = ["ObjectUpmix", "TrackStream"]


class TrackStream(Protocol):
    """Stream of tracks, such as an `UpmixStream` with ``channels`` of its own."""

    def process(self, block: NDArray[Any]) -> NDArray[Any]:
        """Process the next samples and return those that are ready, (tracks, samples)."""

    def flush(self) -> NDArray[Any]:
        """End the signal and return the buffered samples, (tracks, samples)."""


@dataclass(frozen=True, eq=False)
class ObjectUpmix:
    """Upmix as tracks: the channels of beds, then one track for each object, all static.

    Parameters
    ----------
    parts : tuple of DescribedPart
        Beds and objects in the order of the tracks.
    format : Layout
        Layout on which the rendering of the parts equals the upmix to channels.
    rendering : ndarray of float64, shape (channels of format, tracks)
        Matrix of that rendering.
    open : callable
        Called with a sample rate in Hz; returns a `TrackStream`.
    """

    parts: tuple[DescribedPart, ...]
    format: Layout
    rendering: NDArray[np.float64]
    open: Callable[[int], TrackStream]

    @property
    def tracks(self) -> int:
        """Number of tracks."""
        return sum(part.channels for part in self.parts)

    def content(self, name: str) -> AdmContent:
        """Return the description of a file with these tracks, for `spatialkit.write_stream`."""
        return AdmContent(name, self.parts)
