"""Codecs and containers that are written with FFmpeg: channels, sample rates and bit rates.

Sources: RFC 7845, section 5.1.1, and RFC 8486 (Opus); ISO/IEC 14496-3, table 1.19 (AAC); ETSI TS
102 366 (AC-3, E-AC-3); Apple, ALAC magic cookie; RFC 9639 (FLAC). The layouts are those that the
container identifies and that ffprobe reports; FFmpeg (libavcodec 62) also encodes Opus in 5.0 and
6.1, but exchanges their channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spatialkit.errors import OptionError
from spatialkit.files.channels import by_mask
from spatialkit.files.formats import Target, either
from spatialkit.layouts import AmbisonicFormat

# FFmpeg's layouts by channel mask.
_MONO_STEREO = {0x4: "mono", 0x3: "stereo", 0x7: "3.0"}
_SURROUND = {0x607: "5.0(side)", 0x37: "5.0(side)", 0x60F: "5.1(side)", 0x3F: "5.1(side)"}
_AT_BACK = {0x60F: "5.1", 0x3F: "5.1"}
_OPUS = {**_MONO_STEREO, 0x33: "quad", **_AT_BACK, 0x63F: "7.1"}
_AAC = {**_MONO_STEREO, 0x33: "quad", 0x607: "5.0", 0x37: "5.0", **_AT_BACK, 0x63F: "7.1"}
_ALAC = {**_MONO_STEREO, 0x607: "5.0", 0x37: "5.0", **_AT_BACK}
_DOLBY = {**_MONO_STEREO, **_SURROUND}
# Channel orders that FLAC has without a mask, which MP4 does not contain.
_FLAC_IN_MP4 = {**_MONO_STEREO, 0x33: "quad", **_SURROUND, 0x70F: "6.1", 0x63F: "7.1"}
_ANY: Mapping[int, str] = {}
_AAC_RATES = (
    *(7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000),
)
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_DOLBY_RATES = (32000, 44100, 48000)
AC3_BIT_RATES = (
    *(32000, 40000, 48000, 56000, 64000, 80000, 96000, 112000, 128000, 160000, 192000, 224000),
    *(256000, 320000, 384000, 448000, 512000, 576000, 640000),
)
MAX_FFMPEG_CHANNELS = 64
# Highest order of Ambisonics in Opus, RFC 8486, and the highest of `AmbisonicFormat`.
_MAX_ORDER = 7


@dataclass(frozen=True)
class Codec:
    """Codec of FFmpeg.

    Parameters
    ----------
    name : str
        Name of FFmpeg's encoder.
    title : str
        For messages.
    layouts : mapping
        FFmpeg's layouts by channel mask; empty if any mask is accepted.
    max_channels : int
    rates : sequence of int
        Sample rates in Hz; empty if any is accepted.
    bit_rates : tuple of int
        Default bit rate of a channel and of the LFE in bit/s; empty for codecs without loss.
    bit_rate_range : tuple of int
        Lowest and highest bit rate of a channel in bit/s.
    ambisonics : bool
        Whether the codec has a mapping of Ambisonics.
    options : mapping
        Options of the encoder.
    """

    name: str
    title: str
    layouts: Mapping[int, str] = field(default_factory=dict)
    max_channels: int = MAX_FFMPEG_CHANNELS
    rates: Sequence[int] = ()
    bit_rates: tuple[int, ...] = ()
    bit_rate_range: tuple[int, int] = (0, 0)
    ambisonics: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


CODECS = {
    "OPUS": Codec(
        *("libopus", "Opus", _OPUS),
        rates=OPUS_RATES,
        bit_rates=(80000, 24000),
        bit_rate_range=(6000, 256000),
        ambisonics=True,
    ),
    "OPUS_DISCRETE": Codec(
        *("libopus", "Opus without layout", _ANY, 255),
        rates=OPUS_RATES,
        bit_rates=(80000, 24000),
        bit_rate_range=(6000, 256000),
        options={"mapping_family": "255"},
    ),
    "AAC": Codec(
        *("aac", "AAC", _AAC, 8, _AAC_RATES),
        bit_rates=(96000, 32000),
        bit_rate_range=(8000, 256000),
    ),
    "ALAC": Codec("alac", "ALAC", _ALAC),
    "FLAC": Codec("flac", "FLAC", _ANY, 8),
    "AC3": Codec(
        *("ac3", "AC-3", _DOLBY, 6, _DOLBY_RATES),
        bit_rates=(128000, 0),
        bit_rate_range=(32000, 640000),
    ),
    "EAC3": Codec(
        *("eac3", "E-AC-3", _DOLBY, 6, _DOLBY_RATES),
        bit_rates=(128000, 0),
        bit_rate_range=(32000, 1024000),
    ),
    "WAVPACK": Codec("wavpack", "WavPack"),
    "PCM_16": Codec("pcm_s16le", "PCM"),
    "PCM_24": Codec("pcm_s24le", "PCM"),
    "FLOAT": Codec("pcm_f32le", "PCM"),
}


def codec_of(target: Target) -> Codec:
    """Return the codec of a target."""
    return CODECS[target.subtype]


def av_problem(target: Target) -> str:
    """Return why FFmpeg cannot write a target, "" if it can."""
    codec, container = codec_of(target), target.file_format.name
    title = codec.title
    if title != target.file_format.title and container not in ("opus", "m4a"):
        title = f"{title} in {target.file_format.title}"
    if target.channels > codec.max_channels:
        return f"{codec.title} has at most {codec.max_channels} channels, got {target.channels}"
    if target.subtype == "OPUS_DISCRETE":
        _require_no_layout(target)
    elif isinstance(target.format, AmbisonicFormat):
        problem = _ambisonic_problem(target, codec, title)
        if problem:
            return problem
    elif not target.mask:
        known = f"the layout {target.format.name}" if target.format else "channels without format"
        return f"{title} cannot express {known}"
    elif ffmpeg_layout(target) is None:
        names = [by_mask(mask, bin(mask).count("1")).format for mask in _masks(codec, container)]
        accepted = either(list(dict.fromkeys(found.name for found in names if found)))
        return f"{title} has layout {accepted}, got {_name(target)}"
    _check_rates(target, codec)
    return ""


def _require_no_layout(target: Target) -> None:
    """Reject channels without their layout if Opus has it: some players would exchange them."""
    form = target.format
    if isinstance(form, AmbisonicFormat) or (form and form.wave_mask in _OPUS):
        raise OptionError(
            f"subtype OPUS_DISCRETE is for channels that Opus has no layout for, got {form.name}; "
            "use OPUS"
        )


def _ambisonic_problem(target: Target, codec: Codec, title: str) -> str:
    assert isinstance(target.format, AmbisonicFormat)
    if not (codec.ambisonics or target.file_format.name == "mov"):
        return f"{title} has no tag for Ambisonics"
    if (target.format.normalization, target.format.channel_order) != ("SN3D", "ACN"):
        return f"{title} contains Ambisonics as AmbiX only, got {target.format.name}"
    if target.format.order > _MAX_ORDER:
        return f"{title} contains Ambisonics up to order {_MAX_ORDER}, got {target.format.order}"
    return ""


def _name(target: Target) -> str:
    return target.format.name if target.format else f"{target.channels} channels"


def _masks(codec: Codec, container: str) -> Mapping[int, str]:
    """Return FFmpeg's layouts by channel mask in a container; empty for any mask."""
    return _FLAC_IN_MP4 if (codec.name, container) == ("flac", "mp4") else codec.layouts


def ffmpeg_layout(target: Target) -> str | None:
    """Return FFmpeg's name of the layout that the encoder receives, None if it has none."""
    codec = codec_of(target)
    if target.subtype == "OPUS_DISCRETE":
        return f"{target.channels} channels"
    if isinstance(target.format, AmbisonicFormat):
        return f"ambisonic {target.format.order}"
    masks = _masks(codec, target.file_format.name)
    return masks.get(target.mask) if masks else f"{target.mask:#x}"


def encoder_options(target: Target) -> dict[str, str]:
    """Return the options of FFmpeg's encoder."""
    options = dict(codec_of(target).options)
    if target.subtype == "OPUS" and isinstance(target.format, AmbisonicFormat):
        # Family 3 would store a projection, which libopus supports to order 3 only and FFmpeg's
        # encoder not at all.
        options["mapping_family"] = "2"
    return options


def bit_rate_of(target: Target) -> int | None:
    """Return the bit rate in bit/s, None for codecs without loss."""
    codec = codec_of(target)
    if not codec.bit_rates:
        return None
    if target.bit_rate is not None:
        return target.bit_rate
    lfe = bin(target.mask & 0x8).count("1")
    main, low = codec.bit_rates
    return (target.channels - lfe) * main + lfe * low


def _check_rates(target: Target, codec: Codec) -> None:
    """Reject sample rates and bit rates that a codec does not have."""
    if codec.rates and target.sample_rate not in codec.rates:
        raise OptionError(
            f"sample_rate must be one of {', '.join(map(str, codec.rates))} Hz for {codec.title}, "
            f"got {target.sample_rate!r}",
            python="; convert with read(..., sample_rate=48000) or files.resample",
            command_line="; add --sample-rate 48000",
        )
    rate = bit_rate_of(target)
    if target.bit_rate is None:
        return
    if rate is None:
        raise OptionError(
            f"bit_rate must be None for {codec.title}, which is without loss, got {target.bit_rate}"
        )
    low, high = (limit * target.channels for limit in codec.bit_rate_range)
    if codec.rates == _DOLBY_RATES:
        low, high = codec.bit_rate_range  # of all channels together
    if codec.name == "ac3" and rate not in AC3_BIT_RATES:
        accepted: Any = ", ".join(map(str, AC3_BIT_RATES))
        raise OptionError(f"bit_rate of AC-3 must be one of {accepted} bit/s, got {rate}")
    if not low <= rate <= high:
        raise OptionError(
            f"bit_rate of {codec.title} with {target.channels} channels must be {low} to {high} "
            f"bit/s, got {rate}"
        )
