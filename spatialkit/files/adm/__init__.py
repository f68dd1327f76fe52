"""Audio Definition Model (ADM): metadata of beds, Ambisonics and objects in WAV and BW64 files."""

from spatialkit.files.adm.blocks import TICKS, Blocks
from spatialkit.files.adm.description import AdmInfo, AdmPart
from spatialkit.files.adm.document import AdmContent, DescribedPart
from spatialkit.files.adm.parsing import parse_adm

__all__ = [
    "TICKS",
    "AdmContent",
    "AdmInfo",
    "AdmPart",
    "Blocks",
    "DescribedPart",
    "parse_adm",
]
