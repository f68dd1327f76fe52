"""Base class of learned upmixers: shipped or custom weights, and windowed processing."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from spatialkit.upmixing import Upmixer
from spatialkit_models.weights import missing_packages, shipped_names

if TYPE_CHECKING:
    from spatialkit_models.inference.overlap_add import WindowedStream

__all__ = ["LearnedUpmixer"]


class LearnedUpmixer(Upmixer):
    """Upmixer with an option ``weights``: a file that replaces the shipped weights."""

    linear_level = True

    def __init__(self, **options: Any) -> None:
        if isinstance(options.get("weights"), Path):
            options["weights"] = str(options["weights"])
        if options.get("weights"):  # custom weights: only packages can be missing
            self.unavailable = missing_packages  # type: ignore[method-assign]
        super().__init__(**options)

    @classmethod
    def unavailable(cls) -> str:
        """Return what is missing, the extra or the weights; an empty text if nothing is."""
        has_weights = any(name.startswith(f"{cls.name}-") for name in shipped_names())
        return missing_packages() or (
            "" if has_weights else "lacks its weights, which are part of the package"
        )

    def _upmix(self, audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        return self._stream(sample_rate).upmix(audio)

    @abstractmethod
    def _stream(self, sample_rate: int) -> WindowedStream:
        """Return a stream that upmixes one song."""
