"""Limits of WAV and FLAC files, and of encodings without bit rate."""

from __future__ import annotations

from spatialkit.errors import OptionError
from spatialkit.files import wave
from spatialkit.files.formats import Target
from spatialkit.validation import as_sample_rate

MAX_FLAC_CHANNELS = 8
MAX_FLAC_RATE = 655350


def wave_problem(target: Target) -> str:
    """Return why a target cannot be a WAV file, "" if it can."""
    bits = wave.WAVE_ENCODINGS[target.subtype][1]
    if target.channels * bits // 8 > 0xFFFF:
        return (
            f"a WAV file has at most {0xFFFF * 8 // bits} channels of {target.subtype}, got "
            f"{target.channels}"
        )
    require_no_bit_rate(target)
    maximum = wave.MAX_SIZE // (target.channels * bits // 8)
    as_sample_rate(target.sample_rate, maximum=maximum)
    return ""


def flac_problem(target: Target) -> str:
    """Return why a target cannot be a FLAC file, "" if it can."""
    require_no_bit_rate(target)
    as_sample_rate(target.sample_rate, maximum=MAX_FLAC_RATE)
    if target.channels > MAX_FLAC_CHANNELS:
        return f"a FLAC file has at most 8 channels, got {target.channels}"
    return ""


def require_no_bit_rate(target: Target) -> None:
    """Reject a bit rate for encodings that have none."""
    if target.bit_rate is not None:
        raise OptionError(
            f"bit_rate must be None for subtype {target.subtype}, got {target.bit_rate}"
        )
