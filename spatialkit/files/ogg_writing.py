"""Writing of Ogg files: limits, and choice of the encoder."""

from __future__ import annotations

from typing import BinaryIO

from spatialkit.files.av_encoder import AvEncoder
from spatialkit.files.channels import COMMON_MASKS
from spatialkit.files.codecs import av_problem
from spatialkit.files.encoders import CodecEncoder
from spatialkit.files.formats import Encoder, Target
from spatialkit.files.rules import require_no_bit_rate
from spatialkit.validation import as_sample_rate

MAX_VORBIS_RATE = 200000


def ogg_problem(target: Target) -> str:
    """Return why a target cannot be an Ogg file, "" if it can."""
    if target.subtype == "OPUS":
        return av_problem(target)
    if target.channels > 2 or target.mask != COMMON_MASKS[target.channels]:
        known = target.format.name if target.format else f"{target.channels} channels"
        return f"Vorbis is written in mono and stereo only, got {known}"
    require_no_bit_rate(target)
    as_sample_rate(target.sample_rate, maximum=MAX_VORBIS_RATE)
    return ""


def ogg_encoder(file: BinaryIO, target: Target) -> Encoder:
    """Return the encoder of an Ogg file.

    libsndfile encodes Vorbis and Opus in mono and stereo. FFmpeg encodes Opus with more channels,
    which libsndfile would exchange, and with a bit rate.
    """
    if target.subtype == "OPUS" and (target.channels > 2 or target.bit_rate):
        return AvEncoder(file, target)
    return CodecEncoder(file, target)
