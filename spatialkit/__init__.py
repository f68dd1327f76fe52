"""Spatial audio: panning, Ambisonics, downmix, upmixing and metrics.

Audio is ``(..., channels, samples)``, float32 or float64, time last. Azimuth is in degrees, 0
ahead and positive to the left; elevation is positive up. Ambisonics is AmbiX (ACN order, SN3D)
unless named otherwise.

Pan static or moving sources to any layout:

>>> import numpy as np
>>> import spatialkit
>>> voice = np.random.default_rng(0).standard_normal(48000)
>>> spatialkit.vbap_pan(voice, [0.0, 90.0], layout="7.1.4").shape
(12, 48000)

Encode, rotate and decode Ambisonics:

>>> scene = spatialkit.encode_foa(voice, azimuth=30.0)
>>> spatialkit.decode_foa(spatialkit.rotate_foa(scene, yaw=60.0), "5.0").shape
(5, 48000)

Upmix by name:

>>> upmixer = spatialkit.get_upmixer("matrix", layout="5.1")
>>> upmixer.upmix(np.stack([voice, voice]), 48000).shape
(6, 48000)

Importing the package is fast: numba, SciPy, soundfile, soxr, `spatialkit.batch`,
`spatialkit.binaural`, `spatialkit.metrics` and `spatialkit.setups` are imported when first needed.
"""

# First, as it handles signals that arrive during the other imports of a command.
from spatialkit import interrupts as interrupts  # isort: split

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spatialkit._version import __version__
from spatialkit.ambisonics import (
    DecoderReport,
    a_to_b,
    convert_ambisonics,
    convert_foa,
    decode_ambisonics,
    decode_foa,
    decoder_matrix,
    decoder_report,
    encode_ambisonics,
    encode_foa,
    rotate_ambisonics,
    rotate_foa,
    spherical_harmonics,
    upscale_ambisonics,
    virtual_microphones,
)
from spatialkit.audio import Audio
from spatialkit.downmix import downmix, downmix_matrix, match_downmix
from spatialkit.errors import (
    AudioFileError,
    DirectionError,
    LayoutError,
    OptionError,
    ShapeError,
    SignalError,
    SpatialkitError,
    SpatialkitWarning,
    UpmixerError,
)
from spatialkit.files import (
    AudioStream,
    AudioWriter,
    info,
    read,
    stream,
    write,
    write_stream,
)
from spatialkit.layouts import (
    AmbisonicFormat,
    Layout,
    channel_map,
    get_format,
    get_layout,
    layout_names,
    reorder,
)
from spatialkit.panning import LayoutReport, layout_report, vbap_gains, vbap_pan
from spatialkit.rendering import render, render_matrix
from spatialkit.sample import sample_path
from spatialkit.stft import StreamingISTFT, StreamingSTFT, istft, stft
from spatialkit.upmixing import (
    Upmixer,
    check_upmixer,
    get_upmixer,
    register_upmixer,
    upmixer_names,
)

if TYPE_CHECKING:
    from spatialkit import metrics
    from spatialkit.batch import run_batch
    from spatialkit.binaural import (
        HRTF,
        BinauralReport,
        binaural_filters,
        binaural_report,
        binauralize,
        read_hrtf,
    )
    from spatialkit.report import write_report
    from spatialkit.setups import LoudspeakerSetup

__all__ = [
    "AmbisonicFormat",
    "Audio",
    "AudioFileError",
    "AudioStream",
    "AudioWriter",
    "BinauralReport",
    "DecoderReport",
    "DirectionError",
    "HRTF",
    "Layout",
    "LayoutReport",
    "LayoutError",
    "LoudspeakerSetup",
    "OptionError",
    "ShapeError",
    "SignalError",
    "SpatialkitError",
    "SpatialkitWarning",
    "StreamingISTFT",
    "StreamingSTFT",
    "Upmixer",
    "UpmixerError",
    "__version__",
    "a_to_b",
    "binaural_filters",
    "binaural_report",
    "binauralize",
    "channel_map",
    "check_upmixer",
    "convert_ambisonics",
    "convert_foa",
    "decode_ambisonics",
    "decode_foa",
    "decoder_matrix",
    "decoder_report",
    "downmix",
    "downmix_matrix",
    "encode_ambisonics",
    "encode_foa",
    "get_format",
    "get_layout",
    "get_upmixer",
    "info",
    "istft",
    "layout_names",
    "layout_report",
    "match_downmix",
    "metrics",
    "read",
    "read_hrtf",
    "register_upmixer",
    "render",
    "render_matrix",
    "reorder",
    "rotate_ambisonics",
    "rotate_foa",
    "run_batch",
    "sample_path",
    "spherical_harmonics",
    "stft",
    "stream",
    "upmixer_names",
    "upscale_ambisonics",
    "vbap_gains",
    "vbap_pan",
    "virtual_microphones",
    "write",
    "write_report",
    "write_stream",
]

# Folders that take long to import and that most programs do without, with the names from them.
_IMPORTED_WHEN_USED = {
    "batch": ("run_batch",),
    "binaural": (
        *("HRTF", "BinauralReport", "binaural_filters", "binaural_report", "binauralize"),
        "read_hrtf",
    ),
    "metrics": (),
    "plots": (),
    "report": ("write_report",),
    "setups": ("LoudspeakerSetup",),
}


def __getattr__(name: str) -> Any:
    """Import a folder of `_IMPORTED_WHEN_USED` when it, or a name from it, is first used."""
    for folder, names in _IMPORTED_WHEN_USED.items():
        if name == folder or name in names:
            module = import_module(f"spatialkit.{folder}")
            return module if name == folder else getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
