"""Ambisonics of orders 1 to 7: encoding, transforms, virtual microphones and decoding."""

from spatialkit.ambisonics.decoder_design import (
    Decoder,
    FoaDecoder,
    OrderWeights,
    Weights,
    order_gains,
)
from spatialkit.ambisonics.decoding import decode_ambisonics, decode_foa, decoder_matrix
from spatialkit.ambisonics.encoding import encode_ambisonics, encode_foa, spherical_harmonics
from spatialkit.ambisonics.harmonics import harmonics_in
from spatialkit.ambisonics.microphones import virtual_microphones
from spatialkit.ambisonics.near_field import NearFieldFilters, as_radius, near_field_gains
from spatialkit.ambisonics.parametric import ParametricStream, upscale_ambisonics
from spatialkit.ambisonics.recordings import Capsules, a_to_b
from spatialkit.ambisonics.report import DecoderReport, decoder_report
from spatialkit.ambisonics.transforms import (
    convert_ambisonics,
    convert_foa,
    rotate_ambisonics,
    rotate_foa,
)

__all__ = [
    "Capsules",
    "Decoder",
    "DecoderReport",
    "FoaDecoder",
    "NearFieldFilters",
    "OrderWeights",
    "ParametricStream",
    "Weights",
    "a_to_b",
    "as_radius",
    "convert_ambisonics",
    "convert_foa",
    "decode_ambisonics",
    "decode_foa",
    "decoder_matrix",
    "decoder_report",
    "encode_ambisonics",
    "encode_foa",
    "harmonics_in",
    "near_field_gains",
    "order_gains",
    "rotate_ambisonics",
    "rotate_foa",
    "spherical_harmonics",
    "upscale_ambisonics",
    "virtual_microphones",
]
