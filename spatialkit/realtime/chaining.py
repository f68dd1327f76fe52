"""Processors in a row."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from numpy.typing import NDArray

from spatialkit.errors import OptionError, ShapeError
from spatialkit.realtime.processor import Processor

__all__ = ["chain"]


def chain(*processors: Processor) -> Processor:
    """Join processors: each receives the blocks that the one before returns.

    Parameters
    ----------
    *processors : Processor
        At least one. Their parameters are changed by their own ``set``.

    Returns
    -------
    Processor
        Its latency is the sum of theirs.

    Raises
    ------
    ShapeError
        If a processor does not accept the channels of the one before.
    OptionError
        If there is none, or their sample rates differ.

    Examples
    --------
    >>> import numpy as np
    >>> from spatialkit.realtime import BinauralProcessor, EncoderProcessor, chain
    >>> encoder = EncoderProcessor(3, 48000)
    >>> headphones = chain(encoder, BinauralProcessor("ambix3", 48000))
    >>> encoder.set(azimuth=90.0)
    >>> headphones.process(np.zeros((1, 128), np.float32)).shape
    (2, 128)
    """
    if not processors:
        raise OptionError("chain needs at least one processor")
    for before, after in pairwise(processors):
        if before.n_outputs != after.n_inputs:
            raise ShapeError(
                f"{type(after).__name__} has {after.n_inputs} inputs, but "
                f"{type(before).__name__} before it has {before.n_outputs} outputs"
            )
        if before.sample_rate != after.sample_rate:
            raise OptionError(
                f"{type(before).__name__} and {type(after).__name__} have different sample rates: "
                f"{before.sample_rate} and {after.sample_rate} Hz"
            )
    return _Chain(processors)


class _Chain(Processor):
    def __init__(self, processors: tuple[Processor, ...]) -> None:
        first, last = processors[0], processors[-1]
        super().__init__(first.n_inputs, last.n_outputs, first.sample_rate)
        self.processors = processors
        self.latency = sum(processor.latency for processor in processors)

    def reset(self) -> None:
        """Reset all processors."""
        for processor in self.processors:
            processor.reset()

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        for processor in self.processors:
            block = processor.process(block)
        return block
