"""Segments of the example of a style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

__all__ = ["Segment"]


@dataclass(frozen=True)
class Segment:
    """Part of an example of a style, of the model's input length at most.

    Parameters
    ----------
    five : ndarray, shape (5, samples)
        Channels of "5.0" at the model's sample rate.
    stems : ndarray, shape (stems, 2, samples), optional
        Stems of its downmix to stereo, by which they are told apart.
    """

    five: NDArray[Any]
    stems: NDArray[Any] | None = None
