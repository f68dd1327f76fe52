"""Resolutions of the multi-resolution STFT loss, shared by torch (training) and NumPy."""

from spatialkit.metrics import STFT_MIN_POWER as MIN_POWER
from spatialkit.metrics import STFT_RESOLUTIONS as RESOLUTIONS

__all__ = ["MIN_POWER", "RESOLUTIONS"]
