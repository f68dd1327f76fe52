"""Headphones: HRTFs, binaural filters, their errors, and rendering."""

from spatialkit.binaural.convolution import binauralize
from spatialkit.binaural.filters import METHODS, Method, binaural_filters
from spatialkit.binaural.hrtf import HRTF, Equalization
from spatialkit.binaural.orientation import OrientationPath, read_orientation
from spatialkit.binaural.reading import HRTF_NAMES, read_hrtf
from spatialkit.binaural.rendering import BinauralStream, FilterOptions, render_binaural
from spatialkit.binaural.report import BinauralReport, binaural_report

__all__ = [
    "BinauralReport",
    "BinauralStream",
    "Equalization",
    "FilterOptions",
    "HRTF",
    "HRTF_NAMES",
    "METHODS",
    "Method",
    "OrientationPath",
    "binaural_filters",
    "binaural_report",
    "binauralize",
    "read_hrtf",
    "read_orientation",
    "render_binaural",
]
