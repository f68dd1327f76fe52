"""Signals of the loudspeakers of a room, block by block."""

from __future__ import annotations

import os
from typing import Any

from numpy.typing import NDArray

from spatialkit.layouts import Layout
from spatialkit.realtime.processor import Processor
from spatialkit.setups import LoudspeakerSetup

__all__ = ["SetupProcessor"]


class SetupProcessor(Processor):
    """Adjust the channels of a layout to the loudspeakers of a room.

    The output equals `spatialkit.setups.LoudspeakerSetup.apply`. Delays of the setup are its
    purpose and do not count as latency.

    Parameters
    ----------
    setup : LoudspeakerSetup, or path of its .json file
    sample_rate : float
        Hz.

    Examples
    --------
    >>> import numpy as np
    >>> from spatialkit import LoudspeakerSetup
    >>> room = SetupProcessor(LoudspeakerSetup("5.1", crossover=80.0), 48000)
    >>> room.process(np.zeros((6, 64), np.float32)).shape
    (6, 64)
    """

    def __init__(
        self, setup: LoudspeakerSetup | str | os.PathLike[str], sample_rate: float
    ) -> None:
        if not isinstance(setup, LoudspeakerSetup):
            setup = LoudspeakerSetup.from_json(setup)
        self.layout: Layout = setup.layout
        channels = setup.layout.n_channels
        super().__init__(channels, channels, sample_rate)
        self._filter = setup.filter(self.sample_rate)

    def reset(self) -> None:
        """Forget all blocks."""
        self._filter.reset()

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        return self._filter.process(block)
