"""Limits of WAV, FLAC and Ogg files as they are written without FFmpeg."""

from __future__ import annotations

from spatialkit.errors import OptionError
from spatialkit.files import wave
from spatialkit.files.channels import COMMON_MASKS
from spatialkit.files.formats import Target
from spatialkit.validation import as_sample_rate

MAX_FLAC_CHANNELS = 8
MAX_RATES = {"FLAC": 655350, "VORBIS": 200000}
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)


def wave_problem(target: Target) -> str:
    """Return why a target cannot be a WAV file, "" if it can."""
    bits = wave.WAVE_ENCODINGS[target.subtype][1]
    if target.channels * bits // 8 > 0xFFFF:
        return (
            f"a WAV file has at most {0xFFFF * 8 // bits} channels of {target.subtype}, got "
            f"{target.channels}"
        )
    maximum = wave.MAX_SIZE // (target.channels * bits // 8)
    as_sample_rate(target.sample_rate, maximum=maximum)
    return ""


def flac_problem(target: Target) -> str:
    """Return why a target cannot be a FLAC file, "" if it can."""
    as_sample_rate(target.sample_rate, maximum=MAX_RATES["FLAC"])
    if target.channels > MAX_FLAC_CHANNELS:
        return f"a FLAC file has at most 8 channels, got {target.channels}"
    return ""


def ogg_problem(target: Target) -> str:
    """Return why a target cannot be an Ogg file of libsndfile, "" if it can."""
    if target.channels > 2:
        return (
            "Ogg files are written in mono and stereo only, got "
            f"{target.channels} channels (libsndfile would swap centre and right, and filter "
            "another channel as the LFE)"
        )
    if target.mask != COMMON_MASKS[target.channels]:
        return f"the format of an Ogg file with {target.channels} channels must be mono or stereo"
    if target.subtype == "OPUS":
        require_opus_rate(target)
    as_sample_rate(target.sample_rate, maximum=MAX_RATES["VORBIS"])
    return ""


def require_opus_rate(target: Target) -> None:
    """Reject sample rates that Opus does not have."""
    if target.sample_rate not in OPUS_RATES:
        raise OptionError(
            f"sample_rate must be one of {', '.join(map(str, OPUS_RATES))} Hz for Opus, got "
            f"{target.sample_rate!r}",
            python="; convert with read(..., sample_rate=48000) or files.resample",
            command_line="; add --sample-rate 48000",
        )
