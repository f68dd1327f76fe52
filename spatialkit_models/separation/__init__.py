"""Separators: songs to stems, by the shipped network, by other packages, or from files."""

from typing import TYPE_CHECKING, Any

from spatialkit_models._lazy import lazy_attribute
from spatialkit_models.separation.conformance import check_separator
from spatialkit_models.separation.folder import FolderOptions, FolderSeparator
from spatialkit_models.separation.interface import Separator, SeparatorError, StemStream
from spatialkit_models.separation.masks import MaskOptions, MaskSeparator
from spatialkit_models.separation.registry import (
    get_separator,
    load_separator,
    register_separator,
    separator_names,
)
from spatialkit_models.separation.stem_files import StemFiles, find_stem_files

if TYPE_CHECKING:  # at run time `__getattr__` imports it, and songs and scenes with it
    from spatialkit_models.separation import benchmark

__all__ = [
    "FolderOptions",
    "FolderSeparator",
    "MaskOptions",
    "MaskSeparator",
    "Separator",
    "SeparatorError",
    "StemFiles",
    "StemStream",
    "benchmark",
    "check_separator",
    "find_stem_files",
    "get_separator",
    "load_separator",
    "register_separator",
    "separator_names",
]

_MODULES = ("benchmark",)


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
