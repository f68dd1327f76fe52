"""Audio file I/O."""

from spatialkit.audio import Audio
from spatialkit.files import adm, iamf
from spatialkit.files.formats import (
    FILE_FORMATS,
    FileFormat,
    Target,
    file_format,
    file_format_names,
    format_suffix,
)
from spatialkit.files.inspection import FileInfo, info
from spatialkit.files.reading import AudioStream, SampleType, read, stream
from spatialkit.files.resampling import RESAMPLING_QUALITIES, ResamplingQuality, resample
from spatialkit.files.tagging import held_tags, read_tags
from spatialkit.files.targets import (
    Dither,
    Subtype,
    check_format,
    check_target,
    fitting_rate,
    subtype_of,
)
from spatialkit.files.writer import AudioWriter
from spatialkit.files.writing import write, write_stream

__all__ = [
    "Audio",
    "AudioStream",
    "AudioWriter",
    "Dither",
    "FILE_FORMATS",
    "FileFormat",
    "FileInfo",
    "RESAMPLING_QUALITIES",
    "ResamplingQuality",
    "SampleType",
    "Subtype",
    "Target",
    "adm",
    "check_format",
    "check_target",
    "file_format",
    "file_format_names",
    "fitting_rate",
    "format_suffix",
    "held_tags",
    "read_tags",
    "iamf",
    "info",
    "read",
    "resample",
    "stream",
    "subtype_of",
    "write",
    "write_stream",
]
