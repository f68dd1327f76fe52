"""Separators: songs to stems, by the shipped network, by other packages, or from files."""

from typing import TYPE_CHECKING, Any

from spatialkit.plugins import lazy_attribute
from spatialkit_models.separation.choice import (
    DEFAULT_SEPARATOR,
    as_text,
    choose_separator,
    separator_facts,
    separator_option,
    stems_option,
)
from spatialkit_models.separation.config import MaskLossConfig
from spatialkit_models.separation.conformance import check_separator
from spatialkit_models.separation.folder import FolderOptions, FolderSeparator
from spatialkit_models.separation.interface import Separator, SeparatorError, StemStream
from spatialkit_models.separation.masks import MaskOptions, MaskSeparator
from spatialkit_models.separation.recipes import RECIPES
from spatialkit_models.separation.registry import (
    SeparatorDescription,
    describe_separators,
    get_separator,
    load_separator,
    register_separator,
    separator_names,
)
from spatialkit_models.separation.stem_files import StemFiles, find_stem_files
from spatialkit_models.separation.stem_stream import StemUpmixStream, separate_all

if TYPE_CHECKING:  # at run time `__getattr__` imports these, and torch and songs with them
    from spatialkit_models.separation import benchmark
    from spatialkit_models.separation.losses import MaskLoss
    from spatialkit_models.separation.mask_model import MaskModel, load_mask_model
    from spatialkit_models.separation.programs import command_separator
    from spatialkit_models.separation.training_task import SeparatorTask, separator_task

__all__ = [
    "DEFAULT_SEPARATOR",
    "RECIPES",
    "FolderOptions",
    "FolderSeparator",
    "MaskLoss",
    "MaskLossConfig",
    "MaskModel",
    "MaskOptions",
    "MaskSeparator",
    "Separator",
    "SeparatorDescription",
    "SeparatorError",
    "SeparatorTask",
    "StemFiles",
    "StemStream",
    "StemUpmixStream",
    "as_text",
    "benchmark",
    "check_separator",
    "choose_separator",
    "command_separator",
    "describe_separators",
    "find_stem_files",
    "get_separator",
    "load_mask_model",
    "load_separator",
    "register_separator",
    "separate_all",
    "separator_facts",
    "separator_names",
    "separator_option",
    "separator_task",
    "stems_option",
]


_MODULES = ("losses", "mask_model", "training_task", "programs", "benchmark")


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
