"""Descriptors of an IAMF sequence: codec, audio element and mix, written and read.

Source: Alliance for Open Media, "Immersive Audio Model and Formats" (IAMF) 1.1, section 3.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spatialkit.files.iamf import obu, tables
from spatialkit.files.iamf.obu import Fields, IamfProblem, leb128
from spatialkit.layouts import AmbisonicFormat, Format

_SCENE_BASED = 1
_ELEMENT, _CODEC, _MIX, _ELEMENT_GAIN, _OUTPUT_GAIN = 1, 0, 42, 100, 101
# Loudness is stored in steps of 1/256 dB from -128 dB.
_Q7_8 = 256.0
_SPEAKERS, _BINAURAL = 2, 3
_MAX_TEXT = 127
_MAX_ITEMS = 1000


@dataclass(frozen=True)
class Codec:
    """Codec of all substreams.

    Parameters
    ----------
    kind : bytes
        "ipcm", "fLaC", "Opus" or "mp4a".
    frame_size : int
        Samples of a frame.
    roll : int
        audio_roll_distance: frames that must be decoded before one that is played.
    config : bytes
        decoder_config.
    """

    kind: bytes
    frame_size: int
    roll: int
    config: bytes


class Loudness(NamedTuple):
    """Loudness of a mix on one layout: LUFS, sample peak in dBFS and true peak in dBTP."""

    integrated: float
    peak: float
    true_peak: float


@dataclass(frozen=True)
class Element:
    """Audio element: a bed or Ambisonics, with its substreams.

    Parameters
    ----------
    identifier : int
    codec : int
        Identifier of its codec.
    substreams : tuple of int
        Identifiers.
    format : Layout or AmbisonicFormat, optional
        None if it is not supported.
    order : tuple of int
        Channel of ``format`` for each decoded channel, in the order of substreams.
    channels : tuple of int
        Number of channels of each substream.
    gains : tuple of float
        Linear gain of each decoded channel.
    problem : str
        Why it is not supported, empty if it is.
    """

    identifier: int
    codec: int
    substreams: tuple[int, ...]
    format: Format | None = None
    order: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    gains: tuple[float, ...] = ()
    problem: str = ""


@dataclass
class Descriptors:
    """Descriptors that were read."""

    codecs: dict[int, Codec] = field(default_factory=dict)
    elements: dict[int, Element] = field(default_factory=dict)
    # Audio elements of the first mix and their gains in dB.
    mix: list[tuple[int, float]] = field(default_factory=list)
    mixes: int = 0

    def add(self, kind: int, payload: bytes) -> None:
        """Read the payload of a descriptor; the first one with an identifier counts."""
        fields = Fields(payload)
        if kind == obu.SEQUENCE_HEADER:
            if fields.take(4) != b"iamf":
                raise IamfProblem("has a sequence header that is not valid")
        elif kind == obu.CODEC_CONFIG:
            identifier = fields.number()
            kind_name, size, roll = fields.take(4), fields.number(), fields.short()
            codec = Codec(kind_name, size, roll, payload[fields.at :])
            self.codecs.setdefault(identifier, codec)
        elif kind == obu.AUDIO_ELEMENT:
            element = _read_element(fields)
            self.elements.setdefault(element.identifier, element)
        elif kind == obu.MIX_PRESENTATION:
            self.mixes += 1
            if self.mixes == 1:
                self.mix = _read_mix(fields)


def write_descriptors(
    format: Format,
    codec: Codec,
    sample_rate: int,
    name: str,
    loudness: Sequence[tuple[tables.IamfLayout, Loudness]],
) -> bytes:
    """Return the descriptors of a sequence with one element in one mix.

    Parameters
    ----------
    format : Layout or AmbisonicFormat
    codec : Codec
    sample_rate : int
        Hz.
    name : str
        Name of the mix.
    loudness : sequence of (IamfLayout, Loudness)
        Loudness of the mix on layouts, stereo among them.
    """
    large = format.n_channels > tables.MAX_SIMPLE_CHANNELS
    profile = tables.BASE_ENHANCED if large else tables.SIMPLE
    config = leb128(_CODEC) + codec.kind + leb128(codec.frame_size)
    config += struct.pack(">h", codec.roll) + codec.config
    return b"".join(
        [
            obu.obu(obu.SEQUENCE_HEADER, b"iamf" + bytes([profile, profile])),
            obu.obu(obu.CODEC_CONFIG, config),
            obu.obu(obu.AUDIO_ELEMENT, _written_element(format)),
            obu.obu(obu.MIX_PRESENTATION, _written_mix(name, sample_rate, loudness)),
        ]
    )


def substreams_of(format: Format) -> tuple[list[int], list[int]]:
    """Return the channels of each substream, and the channel of a format for each of them."""
    layout = tables.layout_of_format(format)
    if layout is None:
        channels = list(range(format.n_channels))
        return [1] * len(channels), channels
    return layout.substreams, layout.order(format)  # type: ignore[arg-type]


def _written_element(format: Format) -> bytes:
    channels, _ = substreams_of(format)
    layout = tables.layout_of_format(format)
    kind = 0 if layout else _SCENE_BASED
    head = leb128(_ELEMENT) + bytes([kind << 5]) + leb128(_CODEC) + leb128(len(channels))
    head += b"".join(map(leb128, range(len(channels)))) + leb128(0)
    if layout:
        layer = [layout.code << 4, len(channels), len(layout.pairs)]
        return head + bytes([1 << 5, *layer])
    count = len(channels)
    return head + leb128(0) + bytes([count, count, *range(count)])


def _written_mix(
    name: str, sample_rate: int, loudness: Sequence[tuple[tables.IamfLayout, Loudness]]
) -> bytes:
    text = name.encode()[:_MAX_TEXT].decode("utf-8", "ignore").replace("\0", " ").encode() + b"\0"

    def gain(identifier: int) -> bytes:
        return leb128(identifier) + leb128(sample_rate) + bytes([0x80]) + struct.pack(">h", 0)

    written = leb128(_MIX) + leb128(1) + b"en-us\0" + text + leb128(1)
    written += leb128(1) + leb128(_ELEMENT) + text + bytes([1 << 6]) + leb128(0)
    written += gain(_ELEMENT_GAIN) + gain(_OUTPUT_GAIN) + leb128(len(loudness))
    for layout, values in loudness:
        written += bytes([_SPEAKERS << 6 | layout.system << 2, 1])
        written += b"".join(map(_level, values))
    return written


def _level(decibels: float) -> bytes:
    steps = max(-(2.0**15), min(decibels * _Q7_8, 2.0**15 - 1))
    return struct.pack(">h", round(steps))


def _read_element(fields: Fields) -> Element:
    identifier, kind = fields.number(), fields.byte() >> 5
    codec = fields.number()
    substreams = tuple(fields.number() for _ in range(_counted(fields)))
    for _ in range(_counted(fields)):
        _skip_parameter(fields)
    element = Element(identifier, codec, substreams)
    if kind == _SCENE_BASED:
        return _read_scene(fields, element)
    if kind:
        return _with_problem(element, f"has an audio element of type {kind}")
    return _read_bed(fields, element)


def _read_scene(fields: Fields, element: Element) -> Element:
    if fields.number():
        return _with_problem(element, "has Ambisonics in the mode projection")
    channels, count = fields.byte(), fields.byte()
    mapping = list(fields.take(channels))
    order = int(max(channels, 1) ** 0.5) - 1
    complete = sorted(mapping) == list(range(count)) and count == len(element.substreams)
    if (order + 1) ** 2 != channels or not 1 <= order <= 7 or not complete:
        return _with_problem(element, f"has Ambisonics of {channels} channels in part")
    places = tuple(mapping.index(stream) for stream in range(count))
    ones = (1,) * count
    return Element(
        *(element.identifier, element.codec, element.substreams, AmbisonicFormat(order), places),
        *(ones, (1.0,) * count),
    )


def _read_bed(fields: Fields, element: Element) -> Element:
    layers = fields.byte() >> 5
    if layers != 1:
        return _with_problem(element, f"is scalable, in {layers} layers")
    flags = fields.byte()
    count, coupled = fields.byte(), fields.byte()
    layout = tables.layout_of_code(flags >> 4)
    if layout is None:
        return _with_problem(element, f"has loudspeaker_layout {flags >> 4}")
    channels = tuple(layout.substreams)
    if (count, coupled) != (len(channels), len(layout.pairs)) or count != len(element.substreams):
        raise IamfProblem(f"has {count} substreams for {layout.name}, not {len(channels)}")
    gains = [1.0] * sum(channels)
    if flags & 8:
        chosen, gain = fields.byte() >> 2, 10.0 ** (fields.short() / _Q7_8 / 20.0)
        gains = _output_gains(layout, chosen, gain)
    format = tables.stored_layout(layout)
    return Element(
        *(element.identifier, element.codec, element.substreams, format),
        *(tuple(layout.order(format)), channels, tuple(gains)),
    )


def _output_gains(layout: tables.IamfLayout, chosen: int, gain: float) -> list[float]:
    """Return the gain of each channel; flags are left, right, surrounds, tops from bit 5 on."""
    flags = {"M+030": 5, "M-030": 4, "M+110": 3, "M-110": 2, "M+090": 3, "M-090": 2}
    flags |= {"U+030": 1, "U-030": 0, "U+045": 1, "U-045": 0}
    return [
        gain if label in flags and chosen >> flags[label] & 1 else 1.0 for label in layout.labels
    ]


def _with_problem(element: Element, problem: str) -> Element:
    return Element(element.identifier, element.codec, element.substreams, problem=problem)


def _read_mix(fields: Fields) -> list[tuple[int, float]]:
    """Return identifier and gain in dB of the audio elements in the first sub-mix."""
    fields.number()
    languages = _counted(fields)
    for _ in range(2 * languages):  # languages and annotations
        fields.text()
    if _counted(fields) != 1:
        raise IamfProblem("has a mix of several sub-mixes, which is not supported")
    elements = []
    for _ in range(_counted(fields)):
        identifier = fields.number()
        for _ in range(languages):
            fields.text()
        fields.byte()
        fields.take(fields.number())
        elements.append((identifier, _read_gain(fields)))
    output = _read_gain(fields)
    return [(identifier, gain + output) for identifier, gain in elements]


def _read_gain(fields: Fields) -> float:
    _skip_definition(fields)
    return fields.short() / _Q7_8


def _skip_definition(fields: Fields) -> None:
    """Skip the definition of a parameter."""
    fields.number()
    fields.number()
    if not fields.byte() >> 7:
        fields.number()
        if not fields.number():
            for _ in range(_counted(fields)):
                fields.number()


def _skip_parameter(fields: Fields) -> None:
    """Skip a parameter of an audio element: demixing, recon gains, or an extension."""
    kind = fields.number()
    if kind > 2:
        fields.take(fields.number())
        return
    _skip_definition(fields)
    if kind == 1:
        fields.take(2)  # default demixing


def _counted(fields: Fields) -> int:
    """Return a number of items."""
    count = fields.number()
    if count > _MAX_ITEMS:
        raise IamfProblem(f"has a list of {count} items")
    return count
