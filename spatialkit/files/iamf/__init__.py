"""Immersive Audio Model and Formats (IAMF): bitstream, codecs and MP4."""

from spatialkit.files.iamf.descriptors import Loudness
from spatialkit.files.iamf.encoder import IamfEncoder, Meter, stored_format
from spatialkit.files.iamf.tables import LAYOUTS, IamfLayout, layout_of_format

__all__ = [
    "LAYOUTS",
    "IamfEncoder",
    "IamfLayout",
    "Loudness",
    "Meter",
    "layout_of_format",
    "stored_format",
]
