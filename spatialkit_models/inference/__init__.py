"""Base classes of plug-ins with trained weights, and processing in overlapping windows."""

from spatialkit_models.inference.learned_upmixer import LearnedUpmixer
from spatialkit_models.inference.overlap_add import OverlapAdd, WindowedStream, fitted
from spatialkit_models.inference.trained_plugin import TrainedPlugin

__all__ = [
    "LearnedUpmixer",
    "OverlapAdd",
    "TrainedPlugin",
    "WindowedStream",
    "fitted",
]
