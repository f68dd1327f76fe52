"""The interface of block processors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, ShapeError, SignalError
from spatialkit.validation import MAX_SAMPLE_RATE, as_array, as_sample_rate

__all__ = ["Processor"]


class Processor(ABC):
    """Block processor: blocks of audio in, blocks of the same number of samples out.

    A processor belongs to one thread at a time: ``process``, ``set`` and ``reset`` must not be
    called at the same time. It allocates the block that it returns, and nothing that grows with
    time.

    Attributes
    ----------
    n_inputs, n_outputs : int
        Number of channels of the blocks that `process` receives and returns.
    sample_rate : int
        Hz.
    latency : int
        Number of samples by which the output is late.
    """

    latency: int = 0

    def __init__(self, n_inputs: int, n_outputs: int, sample_rate: float) -> None:
        self.n_inputs, self.n_outputs = n_inputs, n_outputs
        self.sample_rate = as_sample_rate(sample_rate, maximum=MAX_SAMPLE_RATE)

    def process(self, block: NDArray[Any], **parameters: ArrayLike) -> NDArray[Any]:
        """Process the next block.

        Parameters
        ----------
        block : ndarray of float32 or float64, shape (n_inputs, samples)
            Any number of samples, 0 included; one input may be (samples,). It is not changed.
        **parameters
            As of `set`, which is called first.

        Returns
        -------
        ndarray, shape (n_outputs, samples)
            A new array, in the precision of ``block``.

        Raises
        ------
        ShapeError, SignalError
            If ``block`` has another number of channels, or is not float32 or float64.
        """
        if parameters:
            self.set(**parameters)
        array = as_array(block, "block", SignalError)
        if array.ndim == 1 and self.n_inputs == 1:
            array = array[None]
        if array.ndim != 2 or len(array) != self.n_inputs:
            raise ShapeError(f"block must have shape ({self.n_inputs}, samples), got {array.shape}")
        if array.dtype not in (np.float32, np.float64):
            raise SignalError(f"block must be float32 or float64, got {array.dtype}")
        return self._process(array)

    def set(self, **parameters: ArrayLike) -> None:
        """Change parameters from the next block on.

        Raises
        ------
        OptionError, ShapeError, DirectionError
            If a parameter is not accepted; none is changed then.
        """
        if parameters:
            unknown = ", ".join(parameters)
            raise OptionError(f"{type(self).__name__} has no parameters, got {unknown}")

    @abstractmethod
    def reset(self) -> None:
        """Forget all blocks: the next one is processed as the first one, without a ramp."""

    @abstractmethod
    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        """Process a block of the right shape and type."""
