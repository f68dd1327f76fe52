"""Headphones: HRTFs."""

from spatialkit.binaural.hrtf import HRTF, Equalization
from spatialkit.binaural.reading import HRTF_NAMES, read_hrtf

__all__ = ["HRTF", "HRTF_NAMES", "Equalization", "read_hrtf"]
