"""Base class of learned upmixers: trained weights and windowed processing."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from spatialkit.upmixing import Upmixer
from spatialkit_models.inference.trained_plugin import TrainedPlugin

if TYPE_CHECKING:
    from spatialkit_models.inference.overlap_add import WindowedStream

__all__ = ["LearnedUpmixer"]


class LearnedUpmixer(TrainedPlugin, Upmixer):
    """Upmixer with an option ``weights`` that processes a song window by window."""

    linear_level = True

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        return self._stream(sample_rate).upmix(audio)

    @abstractmethod
    def _stream(self, sample_rate: int) -> WindowedStream:
        """Return a stream that upmixes one song."""
