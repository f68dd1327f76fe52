"""Panner of moving sources, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.geometry import unit_vectors
from spatialkit.layouts import Layout, get_layout
from spatialkit.panning import as_spread, panner
from spatialkit.realtime.processor import Processor
from spatialkit.realtime.ramps import GainRamp
from spatialkit.realtime.sources import MAX_SOURCES, SourceParameters
from spatialkit.validation import as_count, as_directions

__all__ = ["PannerProcessor"]


class PannerProcessor(Processor):
    """Pan sources to a layout; their directions may change with every block.

    The gains are those of `spatialkit.vbap_gains`. A change takes the length of the block, at least
    10 ms, and keeps the power of a source in between. With constant directions the output equals
    `spatialkit.vbap_pan`.

    Parameters
    ----------
    layout : str or Layout
    sample_rate : float
        Hz.
    sources : int
        Number of sources.

    Examples
    --------
    >>> import numpy as np
    >>> from spatialkit.realtime import PannerProcessor
    >>> panner = PannerProcessor("7.1.4", 48000, sources=2)
    >>> block = np.ones((2, 64), dtype=np.float32)
    >>> panner.process(block, azimuth=[30.0, -110.0], elevation=[0.0, 45.0]).shape
    (12, 64)
    >>> panner.process(block, azimuth=[35.0, -110.0], gain=0.5).shape
    (12, 64)
    """

    def __init__(self, layout: str | Layout, sample_rate: float, *, sources: int = 1) -> None:
        self.layout = get_layout(layout)
        count = as_count(sources, "sources", maximum=MAX_SOURCES)
        super().__init__(count, self.layout.n_channels, sample_rate)
        self._panner = panner(self.layout)
        initial = {"azimuth": 0.0, "elevation": 0.0, "spread": 0.0}
        self._sources = SourceParameters(count, self._gains_of, **initial)
        self._ramp = GainRamp(self.n_outputs, self.sample_rate, unit_power=True)

    def set(self, **parameters: ArrayLike) -> None:
        """Change parameters from the next block on.

        Parameters
        ----------
        azimuth, elevation, spread : float or array_like, shape (sources,)
            Degrees, as in `spatialkit.vbap_gains`.
        gain : float or array_like, shape (sources,)
            Linear.
        distance : float or array_like, shape (sources,)
            Metres: the gain is 1 up to 1 m and ``1 / distance`` beyond, as in
            `spatialkit.vbap_pan`.
        """
        self._sources.set(parameters)

    def reset(self) -> None:
        """Forget all blocks: the next one has the present directions from its first sample on."""
        self._ramp.reset()

    def _gains_of(
        self,
        azimuth: NDArray[np.float64],
        elevation: NDArray[np.float64],
        spread: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return what `vbap_gains` does, without the steps that arrays of any shape need."""
        vectors = unit_vectors(*as_directions(azimuth, elevation))
        return self._panner.gains(vectors, as_spread(spread))

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        return self._ramp.mix(block, self._sources.gains)
