"""System under test: a named function of audio with a stated output format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import ShapeError, SignalError
from spatialkit.layouts import Format, Layout

__all__ = ["System"]

Process = Callable[[NDArray[Any], int], NDArray[Any]]


@dataclass(frozen=True)
class System:
    """System that a benchmark measures.

    Parameters
    ----------
    name : str
        Name in tables.
    process : callable
        Function of audio (channels, samples) and a sample rate in Hz that returns audio of the same
        length in ``format``.
    format : Layout or AmbisonicFormat
        Format of the output, which specifies the order of its channels.
    accepts : tuple of int
        Channel counts of the input that can be processed.
    origin : str
        Class and package with version, or command.
    facts : mapping
        Further facts for the results, such as options.
    uncorrected : callable, optional
        The same without the correction that makes its downmix exact; None without such a
        correction.
    is_recorded : bool
        True if the output is read from files and exists for the stimuli of the benchmark only.
    """

    name: str
    process: Process
    format: Format
    accepts: tuple[int, ...] = (1, 2)
    origin: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    uncorrected: Process | None = None
    is_recorded: bool = False

    def run(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        """Process audio and check the result.

        Parameters
        ----------
        audio : ndarray, shape (channels, samples)
        sample_rate : int
            In Hz.

        Returns
        -------
        ndarray, shape (channels of ``format``, samples)

        Raises
        ------
        ShapeError
            If the output has another number of channels or samples.
        SignalError
            If the output contains NaN or infinity.
        """
        output = np.asarray(self.process(audio, sample_rate))
        expected = (self.format.n_channels, audio.shape[1])
        if output.shape != expected:
            named = self.format.name
            if isinstance(self.format, Layout):
                named = f"{named}: {' '.join(self.format.labels)}"
            found = " x ".join(map(str, output.shape)) or "no"
            raise ShapeError(
                f"the output must have {expected[0]} channels ({named}) and {expected[1]} "
                f"samples like the input, got {found}"
            )
        if not np.isfinite(output).all():
            raise SignalError("the output contains NaN or infinity")
        return output
