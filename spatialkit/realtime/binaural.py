"""Headphone renderer with a moving head, block by block."""

from __future__ import annotations

from typing import Any, Unpack

from numpy.typing import ArrayLike, NDArray

from spatialkit.binaural import BinauralStream, FilterOptions
from spatialkit.layouts import Format, Layout, get_format
from spatialkit.realtime.processor import Processor
from spatialkit.realtime.rotation import Orientation

__all__ = ["BinauralProcessor"]


class BinauralProcessor(Processor):
    """Render a layout or Ambisonics for headphones; the head may turn with every block.

    With a constant orientation the output equals `spatialkit.render` to "binaural". New filters
    are faded in over 10 ms, and at most one orientation every 10 ms is used.

    Parameters
    ----------
    source : str, Layout or AmbisonicFormat
        Format of the blocks.
    sample_rate : float
        Hz, at least 8000.
    **options
        ``hrtf``, ``method``, ``order`` and ``lfe_gain``, as in
        `spatialkit.binaural.render_binaural`. The order through which loudspeakers are rendered is
        5 by default, because its filters for a new orientation are computed in a tenth of the time
        that HRIRs between the measured directions need; None renders each loudspeaker by its own
        HRIRs.

    Examples
    --------
    >>> import numpy as np
    >>> headphones = BinauralProcessor("7.1.4", 48000)
    >>> headphones.process(np.zeros((12, 512), np.float32), yaw=-30.0).shape
    (2, 512)
    """

    def __init__(
        self,
        source: str | Format,
        sample_rate: float,
        **options: Unpack[FilterOptions],
    ) -> None:
        form = get_format(source)
        super().__init__(form.n_channels, 2, sample_rate)
        if isinstance(form, Layout):
            options.setdefault("order", 5)
        self._stream = BinauralStream(form, sample_rate, **options)
        self._orientation = Orientation()

    def set(self, **parameters: ArrayLike) -> None:
        """Change parameters from the next block on.

        Parameters
        ----------
        yaw, pitch, roll : float
            Rotation of the scene in degrees, as in `spatialkit.rotate_ambisonics`: a head that
            turns to the left by 30 degrees is ``yaw=-30``.
        """
        if self._orientation.set(parameters):
            self._stream.turn(**self._orientation.angles)

    def reset(self) -> None:
        """Forget all blocks: the next one has the present orientation from its first sample on."""
        self._stream.reset()

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        return self._stream.process(block)
