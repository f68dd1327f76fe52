"""Ambisonics of orders 1 to 7: encoding, transforms, virtual microphones and decoding."""

from spatialkit.ambisonics.decoding import (
    DecoderReport,
    decode_ambisonics,
    decode_foa,
    decoder_matrix,
    decoder_report,
)
from spatialkit.ambisonics.encoding import (
    convert_ambisonics,
    convert_foa,
    encode_ambisonics,
    encode_foa,
    rotate_ambisonics,
    rotate_foa,
    spherical_harmonics,
    virtual_microphones,
)
from spatialkit.ambisonics.harmonics import harmonics_in

__all__ = [
    "DecoderReport",
    "convert_ambisonics",
    "convert_foa",
    "decode_ambisonics",
    "decode_foa",
    "decoder_matrix",
    "decoder_report",
    "encode_ambisonics",
    "encode_foa",
    "harmonics_in",
    "rotate_ambisonics",
    "rotate_foa",
    "spherical_harmonics",
    "virtual_microphones",
]
