"""Lengths of audio files: what a file specifies, what is there, and its parts.

Headers are believed if they can be right. A size that programs write for an unknown one is
replaced by what is there; a file that is shorter than it specifies is truncated; one that consists
of several files in a row has several parts.
"""

from spatialkit.files.lengths.extent import Extent, Part
from spatialkit.files.lengths.table import extent_of

__all__ = ["Extent", "Part", "extent_of"]
