"""Base class and overlap-add streaming of the learned upmixers."""

from spatialkit_models.inference.learned_upmixer import LearnedUpmixer
from spatialkit_models.inference.overlap_add import WindowedStream, fitted

__all__ = [
    "LearnedUpmixer",
    "WindowedStream",
    "fitted",
]
