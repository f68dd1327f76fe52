"""Crossover with state: two bands that are in phase at all frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_number

__all__ = ["MIN_CROSSOVER", "BandSplit"]

MIN_CROSSOVER = 20.0
"""Lowest frequency of a crossover in Hz."""


class BandSplit:
    """Linkwitz-Riley crossover of order 4, 24 dB per octave, without latency.

    The low band is filtered twice by a Butterworth low-pass of order 2. The sum of both bands is an
    all-pass of order 2, so that the high band is that all-pass minus the low band [1]_.

    Parameters
    ----------
    channels : int
    sample_rate : int
        Hz.
    crossover : float
        Hz; both bands are 6 dB down there.
    name : str
        Name of the argument ``crossover`` of the calling function, for error messages.

    References
    ----------
    .. [1] S. Linkwitz, "Active Crossover Networks for Noncoincident Drivers", J. Audio Eng. Soc.
       24(1), 1976.
    """

    def __init__(
        self, channels: int, sample_rate: int, crossover: float, name: str = "crossover"
    ) -> None:
        from scipy.signal import butter

        hertz = as_number(crossover, name, minimum=MIN_CROSSOVER, unit="Hz")
        if hertz >= sample_rate / 2.0:
            raise OptionError(
                f"{name} must be below half the sample rate of {sample_rate} Hz, got {hertz:g}"
            )
        section = butter(2, 2.0 * hertz / sample_rate, output="sos")
        self._low = np.vstack([section, section])
        # The all-pass has the denominator of the low-pass, and it reversed as the numerator.
        self._all = np.hstack([section[:, :2:-1], section[:, 3:]])
        self._channels = channels
        self.reset()

    def reset(self) -> None:
        """Forget all blocks."""
        self._low_state = np.zeros((2, self._channels, 2))
        self._all_state = np.zeros((1, self._channels, 2))

    def process(self, block: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the low and the high band (channels, samples) of the next block."""
        from scipy.signal import sosfilt

        if not block.shape[1]:
            return block, block
        low, self._low_state = sosfilt(self._low, block, zi=self._low_state)
        whole, self._all_state = sosfilt(self._all, block, zi=self._all_state)
        return low.astype(block.dtype), (whole - low).astype(block.dtype)
