"""Upmixers: interface, registry, options, conformance checks and file upmixing."""

from typing import TYPE_CHECKING, Any

from spatialkit.plugins import (
    CheckResult,
    Option,
    describe_options,
    lazy_attribute,
    option,
    option_values,
    parse_options,
)
from spatialkit.upmixing import controls
from spatialkit.upmixing.album import album_gain, measure_upmix
from spatialkit.upmixing.block_processing import upmix_in_blocks
from spatialkit.upmixing.conformance import check_upmixer
from spatialkit.upmixing.decorrelation import AllPassDecorrelator
from spatialkit.upmixing.delivery import Delivery
from spatialkit.upmixing.file_upmix import UpmixedFile, UpmixJob, kept_upmixer, upmix_file
from spatialkit.upmixing.headphones import Headphones, headphones_path
from spatialkit.upmixing.interface import Upmixer, UpmixStream
from spatialkit.upmixing.object_tracks import ObjectUpmix, TrackStream
from spatialkit.upmixing.objects import upmix_objects
from spatialkit.upmixing.plane_waves import plane_wave_x
from spatialkit.upmixing.registry import (
    UpmixerDescription,
    describe_upmixers,
    get_upmixer,
    load_upmixer,
    register_upmixer,
    upmixer_names,
    upmixer_package,
)
from spatialkit.upmixing.source_check import SourceCheck, SourceReport

if TYPE_CHECKING:  # at run time `__getattr__` imports these
    from spatialkit.upmixing.foa import FirstOrderDecoder
    from spatialkit.upmixing.passive import FRONT_ELEVATION, is_front

__all__ = [
    "FRONT_ELEVATION",
    "AllPassDecorrelator",
    "CheckResult",
    "Delivery",
    "FirstOrderDecoder",
    "Headphones",
    "ObjectUpmix",
    "Option",
    "SourceCheck",
    "SourceReport",
    "TrackStream",
    "UpmixJob",
    "UpmixStream",
    "UpmixedFile",
    "Upmixer",
    "UpmixerDescription",
    "album_gain",
    "check_upmixer",
    "controls",
    "describe_options",
    "describe_upmixers",
    "get_upmixer",
    "headphones_path",
    "is_front",
    "kept_upmixer",
    "load_upmixer",
    "measure_upmix",
    "option",
    "option_values",
    "parse_options",
    "plane_wave_x",
    "register_upmixer",
    "upmix_file",
    "upmix_objects",
    "upmix_in_blocks",
    "upmixer_names",
    "upmixer_package",
]


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, ("passive", "foa"))
