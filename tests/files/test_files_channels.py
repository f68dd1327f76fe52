"""Formats of channels that files of other programs specify, from headers made byte by byte."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import warnings

import numpy as np
import pytest
from crafted_files import (
    B_FORMAT_TAIL,
    RATE,
    aiff_file,
    apple_layout,
    axml,
    box,
    caf_file,
    chna,
    chunk,
    custom_bed,
    mov_file,
    sa3d,
    wave64_file,
    wave_file,
)

from spatialkit.ambisonics import encode_foa
from spatialkit.errors import AudioFileError, LayoutError, SpatialkitWarning
from spatialkit.files import coreaudio, info, read, write, write_stream
from spatialkit.files.chunks import AIFF, CAF, read_chunk
from spatialkit.files.stored_channels import stored_channels
from spatialkit.layouts import Layout, get_format, get_layout, layout_of_labels
from spatialkit.layouts.tables import BS2051_SYSTEMS
from spatialkit.metrics import energy_vector
from spatialkit.rendering import render


def channel_numbers(audio):
    return np.rint(audio.samples[:, 0] * 2**15).astype(int).tolist()


def read_bytes(folder, name, data):
    (folder / name).write_bytes(data)
    audio = read(folder / name)
    assert info(folder / name).format == audio.format
    return audio


# Order of the channels of the file that have the labels of the layout "5.1", "7.1" ...
APPLE = [
    ("5.1", apple_layout(121 << 16 | 6), [1, 2, 3, 4, 5, 6]),  # L R C LFE Ls Rs
    ("5.1", apple_layout(122 << 16 | 6), [1, 2, 5, 6, 3, 4]),  # L R Ls Rs C LFE
    ("5.1", apple_layout(123 << 16 | 6), [1, 3, 2, 6, 4, 5]),  # L C R Ls Rs LFE
    ("5.1", apple_layout(124 << 16 | 6), [2, 3, 1, 6, 4, 5]),  # C L R Ls Rs LFE
    ("7.1", apple_layout(128 << 16 | 8), [1, 2, 3, 4, 7, 8, 5, 6]),  # ... Ls Rs Rls Rrs
    ("7.1", apple_layout(183 << 16 | 8), [2, 3, 1, 8, 6, 7, 4, 5]),  # C L R Ls Rs Rls Rrs LFE
    ("7.1.4", apple_layout(192 << 16 | 12), [1, 2, 3, 4, 7, 8, 5, 6, 9, 10, 11, 12]),
    (
        "9.1.6",
        apple_layout(193 << 16 | 16),
        [1, 2, 3, 4, 7, 8, 5, 6, 11, 12, 15, 16, 9, 10, 13, 14],
    ),
    ("5.1", apple_layout(1 << 16, 0x3F), [1, 2, 3, 4, 5, 6]),
    ("7.1.4", apple_layout(1 << 16, 0x2D63F), list(range(1, 13))),
    ("5.1", apple_layout(0, 0, (4, 3, 6, 5, 2, 1)), [6, 5, 2, 1, 4, 3]),
    ("7.1", apple_layout(0, 0, (1, 3, 2, 10, 11, 5, 6, 4)), [1, 3, 2, 8, 6, 7, 4, 5]),
    ("ambix1", apple_layout(190 << 16 | 4), [1, 2, 3, 4]),
    ("N3D-ACN-2", apple_layout(191 << 16 | 9), list(range(1, 10))),
    ("fuma1", apple_layout(107 << 16 | 4), [1, 2, 3, 4]),
    ("ambix1", apple_layout(0, 0, (0x20000, 0x20003, 0x20001, 0x20002)), [1, 3, 4, 2]),
]


@pytest.mark.parametrize(("name", "layout", "order"), APPLE)
@pytest.mark.parametrize("kind", ["caf", "aiff", "mov", "mov1"])
def test_layouts_of_core_audio_are_read_channel_by_channel(tmp_path, kind, name, layout, order):
    if kind.startswith("mov"):
        pytest.importorskip("av", reason="no wheel of PyAV for this Python")
        boxes = box(b"chan", bytes(4) + layout)
        data = mov_file(len(order), boxes, version=len(kind) - 3)
    else:
        data = {"caf": caf_file, "aiff": aiff_file}[kind](len(order), layout)
    audio = read_bytes(tmp_path, f"a.{kind[:3]}", data)
    assert (audio.format, channel_numbers(audio)) == (get_format(name), order)


FFMPEG_LABELS = """
import io, json, os, sys, av
labels, keep = {}, []
for tag, data in json.load(sys.stdin).items():
    keep.append(av.open(io.BytesIO(bytes.fromhex(data)), format="caf"))
    keep.append(keep[-1].streams.audio[0].layout)
    labels[tag] = [channel.name for channel in keep[-1].channels]
print(json.dumps(labels), flush=True)
os._exit(0)
"""


def test_positions_of_pcm_in_mp4_are_applied(tmp_path):
    """ISO/IEC 14496-12: L 0, R 1, C 2, LFE 3, surrounds 4 and 5, rear surrounds 8 and 9."""
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    for name, positions, order in (
        ("5.1", (0, 2, 1, 4, 5, 3), [1, 3, 2, 6, 4, 5]),
        ("7.1", (0, 1, 2, 3, 4, 5, 8, 9), [1, 2, 3, 4, 7, 8, 5, 6]),
    ):
        chnl = box(b"chnl", bytes([0, 0, 0, 0, 1, 0, *positions]) + bytes(1))
        audio = read_bytes(tmp_path, "a.mov", mov_file(len(order), chnl))
        assert (audio.format, channel_numbers(audio)) == (get_layout(name), order)


def test_tags_of_core_audio_equal_those_of_ffmpeg():
    """In a process of its own, which PyAV (18.1) may crash at its end.

    FFmpeg knows tags up to 182, and places the surrounds of two of them at the back, where without
    side channels they mean the same; 162 has SDL for SL.
    """
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    ours = {
        tag: names.split()
        for tag, names in coreaudio._TAGS.items()
        if tag <= 182 and tag not in (109, 110, 162)
    }
    files = {
        tag: caf_file(len(names), apple_layout(tag << 16 | len(names))).hex()
        for tag, names in ours.items()
    }
    done = subprocess.run(
        [sys.executable, "-c", FFMPEG_LABELS],
        input=json.dumps(files),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout)
    alike = {"WL": "FWL", "WR": "FWR"}
    for tag, names in ours.items():
        labels = [alike.get(label, label) for label in theirs[str(tag)]]
        assert coreaudio.everyday_labels(names) == labels, tag


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (apple_layout(121 << 16 | 5), "channel layout tag 0x790005 of .* 4; specify format="),
        (apple_layout(0, 0, (1, 2)), "list of 2 channel descriptions of .* 4; specify format="),
        (apple_layout(121 << 16 | 4), "channel layout tag 0x790004 of .* 4; specify format="),
        (apple_layout(204 << 16 | 4), "channel layout tag 0xcc0004 of .* 4; specify format="),
        (apple_layout(1 << 16, 0x7), "channel mask 0x7 of .* 4; specify format="),
    ],
)
def test_layouts_that_contradict_the_channels_are_rejected(tmp_path, layout, words):
    with pytest.raises(AudioFileError, match=words):
        read_bytes(tmp_path, "a.caf", caf_file(4, layout))
    assert info(tmp_path / "a.caf").format is None
    assert read(tmp_path / "a.caf", format="quad").format == get_layout("quad")


@pytest.mark.parametrize(
    "layout",
    [
        b"",
        apple_layout(121 << 16 | 4)[:7],
        apple_layout(147 << 16 | 4),  # discrete channels
        apple_layout(0xFFFF << 16 | 4),  # unknown
        apple_layout(0, 0, (1, 2, 99, 98)),
        apple_layout(0, 0, (1, 1, 1, 1)),
        struct.pack(">III", 0, 0, 0xFFFFFFFF),
    ],
)
def test_channels_without_known_labels_have_no_format(tmp_path, layout):
    (tmp_path / "a.caf").write_bytes(caf_file(4, layout))
    assert info(tmp_path / "a.caf").format is None


def test_invalid_sizes_of_chunks_end_the_search():
    data = caf_file(2, apple_layout(101 << 16 | 2))
    for size in (-1, -(2**63), 2**63 - 1, 2**40):
        broken = data.replace(struct.pack(">4sq", b"desc", 32), struct.pack(">4sq", b"desc", size))
        assert read_chunk(io.BytesIO(broken), CAF, b"chan") == b""
    assert read_chunk(io.BytesIO(data), CAF, b"chan") == apple_layout(101 << 16 | 2)
    assert read_chunk(io.BytesIO(aiff_file(1, b"odd")), AIFF, b"CHAN") == b"odd"
    endless = b"caff\0\1\0\0" + struct.pack(">4sq", b"none", 0) * 20000 + data[8:]
    assert read_chunk(io.BytesIO(endless), CAF, b"chan") == b""


@pytest.mark.parametrize(
    ("mask", "name"), [(0x3F, "5.1"), (0x60F, "5.1"), (0x33, "quad"), (0x2D63F, "7.1.4")]
)
def test_masks_of_wave64_are_read(tmp_path, mask, name):
    data = wave64_file(mask.bit_count(), mask)
    audio = read_bytes(tmp_path, "a.w64", data)
    assert audio.format == get_layout(name)
    assert channel_numbers(audio) == list(range(1, mask.bit_count() + 1))
    assert info(tmp_path / "a.w64").wave_mask == mask


@pytest.mark.parametrize("mask", [0x3F, 0x80000000, 0xFF, 0x60F])
def test_bits_without_a_channel_are_ignored_in_stereo_and_mono(tmp_path, mask):
    """Microsoft: the least significant bits apply; bit 31 stands for any loudspeakers."""
    for channels, name in ((1, "mono"), (2, "stereo")):
        audio = read_bytes(tmp_path, "a.wav", wave_file(channels, mask))
        assert audio.format == get_layout(name)


@pytest.mark.parametrize(
    ("channels", "mask", "labels"),
    [
        (9, 0x637, "FL FR FC BL BR SL SR TSL TSR"),  # 7.0.2
        (10, 0x63F, "FL FR FC LFE BL BR SL SR TSL TSR"),  # Dolby's 7.1.2
        (14, 0x2D63F, "FL FR FC LFE BL BR SL SR TFL TFR TBL TBR FWL FWR"),
        (16, 0x2D63F, "FL FR FC LFE BL BR SL SR TFL TFR TBL TBR FWL FWR TSL TSR"),
        (16, 0x2D6FF, "FL FR FC LFE BL BR FLC FRC SL SR TFL TFR TBL TBR TSL TSR"),  # FFmpeg's 9.1.6
    ],
)
def test_channels_without_a_bit_in_wave_follow_the_others(tmp_path, channels, mask, labels):
    words = rf"mask {mask:#x}, which specifies \d+ of its {channels} channels; the others are read"
    with pytest.warns(SpatialkitWarning, match=words):
        audio = read_bytes(tmp_path, "a.wav", wave_file(channels, mask))
    assert audio.format.labels == tuple(labels.split())
    assert channel_numbers(audio) == list(range(1, channels + 1))
    if channels == 16 and mask == 0x2D63F:
        assert audio.format == get_layout("9.1.6")


def test_inferred_channels_are_replaced_without_force(tmp_path):
    (tmp_path / "a.wav").write_bytes(wave_file(9, 0x637))
    with warnings.catch_warnings(action="error"):
        assert read(tmp_path / "a.wav", format="ambix2").format == get_format("ambix2")


@pytest.mark.parametrize(("channels", "mask"), [(12, 0x3F), (6, 0x63F), (3, 0x3), (4, 0x1)])
def test_other_masks_that_contradict_the_channels_are_rejected(tmp_path, channels, mask):
    words = rf"channel mask {mask:#x} of .* contradicts its number of channels, {channels}; specify"
    with pytest.raises(AudioFileError, match=words):
        read_bytes(tmp_path, "a.wav", wave_file(channels, mask))


@pytest.mark.parametrize(("channels", "order"), [(4, 1), (9, 2), (16, 3)])
def test_b_format_is_fuma(tmp_path, channels, order):
    audio = read_bytes(tmp_path, "a.amb", wave_file(channels, tail=B_FORMAT_TAIL))
    assert audio.format == get_format(f"fuma{order}")
    assert channel_numbers(audio) == list(range(1, channels + 1))


@pytest.mark.parametrize("azimuth", [0.0, 90.0, -135.0])
def test_a_source_in_b_format_is_decoded_to_its_direction(tmp_path, azimuth):
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, RATE)
    scene = encode_foa(noise, azimuth, normalization="FuMa", channel_order="FuMa")
    data = wave_file(4, tail=B_FORMAT_TAIL)
    data = data[: data.index(b"data")] + chunk(b"data", (scene.T * 2**15).astype("<i2").tobytes())
    (tmp_path / "a.amb").write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    audio = read(tmp_path / "a.amb")
    x, y, _ = energy_vector(render(audio, target="7.0"), "7.0")
    error = (np.degrees(np.arctan2(y, x)) - azimuth + 180.0) % 360.0 - 180.0
    assert abs(error) < 5.0  # irregular loudspeakers; AmbiX would be off by 30 to 107


def test_b_format_of_mixed_order_has_no_format(tmp_path):
    with pytest.warns(SpatialkitWarning, match="B-format of 11 channels; only those with 4, 9 or"):
        assert read_bytes(tmp_path, "a.amb", wave_file(11, tail=B_FORMAT_TAIL)).format is None


# Audio Definition Model

# Identifiers of channel formats in the packs of BS.2094-1: the last four digits.
PACKS = {
    "0+2+0": "0001 0002",
    "0+5+0": "0001 0002 0003 0004 0005 0006",
    "2+5+0": "0001 0002 0003 0004 0005 0006 000d 000f",
    "4+5+0": "0001 0002 0003 0004 0005 0006 000d 000f 0010 0012",
    "4+5+1": "0001 0002 0003 0004 0005 0006 000d 000f 0010 0012 0015",
    "3+7+0": "0003 0001 0002 0022 0023 000a 000b 001c 001d 0028 0020 0021",
    "0+7+0": "0001 0002 0003 0004 000a 000b 001c 001d",
    "4+7+0": "0001 0002 0003 0004 000a 000b 001c 001d 0022 0023 001e 001f",
    "4+9+0": "0001 0002 0003 0004 000a 000b 001c 001d 0022 0023 001e 001f 0024 0025",
    "9+10+3": (
        "0018 0019 0003 0020 001c 001d 0001 0002 0009 0021 000a 000b 0022 0023 000e 000c 001e 001f "
        "0013 0014 0011 0015 0016 0017"
    ),
}


@pytest.mark.parametrize("system", BS2051_SYSTEMS)
@pytest.mark.parametrize("kind", [b"RIFF", b"BW64"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_beds_of_the_common_definitions_are_read(tmp_path, system, kind, place):
    tracks = [f"0001{channel}" for channel in PACKS[system].split()]
    data = wave_file(len(tracks), kind=kind, **{place: [chna(tracks)]})
    audio = read_bytes(tmp_path, "a.wav", data)
    assert audio.format.labels == tuple(BS2051_SYSTEMS[system].split())
    assert channel_numbers(audio) == list(range(1, len(tracks) + 1))


def test_tracks_of_a_bed_are_sorted(tmp_path):
    tracks = [f"0001{channel}" for channel in reversed(PACKS["4+7+0"].split())]
    audio = read_bytes(tmp_path, "a.wav", wave_file(12, before=[chna(tracks, "AT_{}_01")]))
    assert audio.format == get_layout("4+7+0")
    assert channel_numbers(audio) == list(range(12, 0, -1))


@pytest.mark.parametrize(
    ("base", "normalization"), [(0x0001, "SN3D"), (0x0101, "N3D"), (0x0201, "FuMa")]
)
@pytest.mark.parametrize("order", [1, 3])
def test_ambisonics_of_the_common_definitions_is_read(tmp_path, base, normalization, order):
    """BS.2094: channel formats in the order of ACN, whatever the normalization."""
    count = (order + 1) ** 2
    tracks = [f"0004{base + index:04x}" for index in range(count)]
    tracks[1], tracks[3] = tracks[3], tracks[1]
    audio = read_bytes(tmp_path, "a.wav", wave_file(count, before=[chna(tracks)]))
    assert audio.format == get_format(f"{normalization}-ACN-{order}".replace("SN3D-ACN-", "ambix"))
    assert channel_numbers(audio) == [1, 4, 3, 2, *range(5, count + 1)]


@pytest.mark.parametrize("streams", [False, True])
def test_beds_with_definitions_of_their_own_are_read(tmp_path, streams):
    labels = b"RC_R RC_L RC_C RC_LFE RC_Lss RC_Rss RC_Lrs RC_Rrs RC_Lts RC_Rts".split()
    before, after = custom_bed(labels, streams=streams)
    audio = read_bytes(tmp_path, "a.wav", wave_file(10, 0x3, before=before, after=after))
    assert audio.format.labels == ("FR", "FL", "FC", "LFE", "SL", "SR", "BL", "BR", "TSL", "TSR")
    assert channel_numbers(audio) == list(range(1, 11))
    labels = [b"urn:itu:bs:2051:0:speaker:" + label for label in (b"M-030", b"M+030", b"LFE")]
    before, after = custom_bed(labels, streams=streams)
    audio = read_bytes(tmp_path, "a.wav", wave_file(3, before=before, after=after))
    assert (audio.format.n_channels, audio.format.is_lfe.tolist()) == (3, [False, False, True])


def test_ambisonics_with_definitions_of_their_own_is_read(tmp_path):
    content = b"".join(
        b'<audioChannelFormat audioChannelFormatID="AC_0004100%d"><audioBlockFormat><order>%d'
        b"</order><degree>%d</degree><normalization>N3D</normalization></audioBlockFormat>"
        b"</audioChannelFormat>" % (number, bool(number), degree)
        for number, degree in enumerate((0, 1, -1, 0))
    )
    tracks = [f"0004100{number}" for number in range(4)]
    data = wave_file(4, before=[chna(tracks, "AC_{}_00")], after=[axml(content)])
    audio = read_bytes(tmp_path, "a.wav", data)
    assert audio.format == get_format("N3D-ACN-1")
    assert channel_numbers(audio) == [1, 3, 4, 2]


BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>'
)


@pytest.mark.parametrize(
    ("tracks", "xml"),
    [
        (["00031001", "00031002"], b""),  # objects
        (["00011001", "00011002"], b""),  # without definitions
        (["00011001", "00011002"], chunk(b"axml", b"<a><b></a>")),
        (["00011001", "00011002"], chunk(b"axml", BOMB)),
        (["00011001", "00011002"], chunk(b"axml", b"<a>" * 50000)),
        (["00010001"], b""),  # one of two tracks
        (["00010001", "0001001a"], b""),  # a diffuse loudspeaker
        (["00040001", "00040102"], b""),  # two normalizations
        (["000A0001", "00010001"], b""),
    ],
)
def test_other_adm_metadata_is_ignored_with_a_warning(tmp_path, tracks, xml):
    data = wave_file(2, 0, before=[chna(tracks), xml])
    with pytest.warns(SpatialkitWarning, match=r"has (ADM metadata|2 Ambisonic channels)"):
        assert read_bytes(tmp_path, "a.wav", data).format == get_layout("stereo")


def test_objects_have_no_format(tmp_path):
    data = wave_file(5, before=[chna([f"0003100{n}" for n in range(1, 6)])])
    with pytest.warns(SpatialkitWarning, match="has ADM metadata of objects or loudspeakers"):
        assert read_bytes(tmp_path, "a.wav", data).format is None


# MP4 and Opus


def test_the_channel_map_of_sa3d_is_applied(tmp_path):
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    for version in (0, 1):
        audio = read_bytes(tmp_path, "a.mov", mov_file(4, sa3d([0, 3, 1, 2]), version))
        assert audio.format == get_format("ambix1")
        assert channel_numbers(audio) == [1, 3, 4, 2]
    with pytest.raises(AudioFileError, match=r"box SA3D with 9 channels of .* 4; specify format="):
        read_bytes(tmp_path, "a.mov", mov_file(4, sa3d([0, 1, 2, 3], count=9)))
    data = mov_file(6, sa3d([0, 1, 2, 3, 4, 5], kind=0x80))
    with pytest.warns(SpatialkitWarning, match="ambix1 in its first 4 channels and stereo for"):
        assert read_bytes(tmp_path, "a.mov", data).format is None


@pytest.mark.parametrize("family", [2, 3])
def test_ambisonics_of_opus_has_its_format(family):
    """RFC 8486: both mapping families contain all channels of an order, in AmbiX."""
    for channels, name in ((4, "ambix1"), (9, "ambix2"), (16, "ambix3")):
        found = stored_channels("OGG", opus_header(channels, family), channels)[1]
        assert found.format == get_format(name)
    found = stored_channels("OGG", opus_header(6, family), 6)[1]
    assert found.format is None
    assert found.note.startswith(
        "contains ambix1 in its first 4 channels and stereo for headphones"
    )
    assert not stored_channels("OGG", opus_header(6, 255), 6)[1]
    assert stored_channels("OGG", opus_header(6, 1), 6)[1].format == get_layout("5.1")


def opus_header(channels, family):
    """First page of an Ogg Opus file."""
    head = b"OpusHead" + bytes([1, channels]) + bytes(8) + bytes([family]) + bytes(2 + channels)
    return io.BytesIO(b"OggS" + bytes(22) + bytes([1, len(head)]) + head)


# Our own files

NAMED = ["ambix1", "ambix7", "fuma2", "N3D-ACN-3", "FuMa-ACN-1", "9.1.4", "9.1.6", "22.2"]


@pytest.mark.parametrize("name", [*NAMED, "3+7+0", "4+5+1", "9+10+3", "mono", "7.1.4", "quad"])
@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_24"])
def test_our_own_files_are_recognized(tmp_path, name, subtype):
    import soundfile

    form = get_format(name)
    audio = np.arange(1.0, form.n_channels + 1)[:, None] * np.ones(9) / 128.0
    write(tmp_path / "a.wav", audio, RATE, format=form, subtype=subtype)
    back = read(tmp_path / "a.wav")
    assert (back.format, info(tmp_path / "a.wav").format) == (form, form)
    assert np.array_equal(back.samples, audio)
    assert np.array_equal(soundfile.read(tmp_path / "a.wav", always_2d=True)[0].T, audio)


def test_other_programs_ignore_the_name_of_a_format(tmp_path):
    """scipy would warn of a chunk of its own; Python's wave does not read these files."""
    from scipy.io import wavfile

    audio = np.linspace(-0.5, 0.5, 4 * 9, dtype=np.float32).reshape(4, 9)
    write(tmp_path / "a.wav", audio, RATE, format="ambix1")
    with warnings.catch_warnings(action="error"):
        assert np.array_equal(wavfile.read(tmp_path / "a.wav")[1].T, audio)
    av = pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    with av.open(str(tmp_path / "a.wav")) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    assert np.array_equal(np.concatenate(frames, axis=1).reshape(-1, 4).T, audio)


@pytest.mark.parametrize(
    "entry",
    [
        chunk(b"spkt", b"ambix2\0"),  # another number of channels
        chunk(b"spkt", b"no format\0"),
        chunk(b"spkt", b"\xff\xfe\0"),
        chunk(b"spkt", b""),
        chunk(b"spkt", b"ambix1" * 10**6),
        chunk(b"spkt", b"{" * 10**6),
        b"spkt" + struct.pack("<I", 400) + b"am",
        chunk(b"ICMT", b"ambix1\0"),
        b"spkt",
    ],
)
def test_invalid_names_of_formats_are_ignored(tmp_path, entry):
    data = wave_file(4, before=[chunk(b"LIST", b"INFO" + entry)])
    assert read_bytes(tmp_path, "a.wav", data).format is None
    named = chunk(b"ICMT", b"odd") + chunk(b"spkt", b"ambix1\0")
    data = wave_file(4, before=[chunk(b"LIST", b"INFO" + named)])
    assert read_bytes(tmp_path, "a.wav", data).format == get_format("ambix1")
    data = wave_file(4, 0x33, before=[chunk(b"LIST", b"INFO" + named)])  # the mask is newer
    assert read_bytes(tmp_path, "a.wav", data).format == get_layout("quad")


# Labels


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ("FR FL", "stereo"),
        ("FL FR FC BL BR", "5.0"),
        ("M+030 M-030 M+000 M+110 M-110", "5.0"),
        ("M+030 M-030 M+000 M+135 M-135 M+090 M-090", "7.0"),
        ("M+000", "mono"),
        ("FL SL FC FR SR", "5.0"),
    ],
)
def test_layouts_are_found_by_their_labels(labels, name):
    labels = labels.split()
    layout, order = layout_of_labels(labels)
    assert layout == get_layout(name)
    assert sorted(order) == list(range(len(labels)))


def test_labels_without_a_named_layout():
    layout, order = layout_of_labels(["M+030", "M-030", "M+000", "M+090", "M-090"])  # not at 110
    assert (layout.azimuth.tolist(), order.tolist()) == ([30, -30, 0, 90, -90], [0, 1, 2, 3, 4])
    layout, order = layout_of_labels(["SR", "SL", "FR", "FL"])
    assert (layout.labels, order.tolist()) == (("FL", "FR", "SL", "SR"), [3, 2, 1, 0])
    layout, _ = layout_of_labels(["FL", "FR", "FC", "LFE", "BL", "BR", "TSL", "TSR"])
    assert layout.azimuth[4:].tolist() == [110, -110, 90, -90]
    layout, _ = layout_of_labels(["FL", "FR", "FC", "B+000"])
    assert layout.elevation.tolist() == [0, 0, 0, -30]
    assert layout_of_labels(["FL", "FL"]) is None
    assert layout_of_labels(["FL", "left"]) is None
    with pytest.raises(LayoutError):
        get_layout("custom")


def test_custom_layouts_come_back_from_wav(tmp_path):
    room = Layout("Büro", ["left", "right", "sub"], [31.5, -28.25, np.nan], is_lfe=[0, 0, 1])
    ring = Layout.from_directions([45, 135, -135, -45])
    for layout in (room, ring):
        audio = np.arange(1.0, layout.n_channels + 1)[:, None] * np.ones(9) / 128.0
        write(tmp_path / "a.wav", audio, RATE, format=layout, overwrite=True)
        back = read(tmp_path / "a.wav")
        assert back.format == layout
        assert np.array_equal(back.samples, audio)


def test_labels_that_are_lost_cause_a_warning(tmp_path):
    odd = Layout("odd", ["left\n", "right"], [30.0, -30.0])
    words = r"a\.wav does not contain the labels and directions .* 'odd'.*; specify format="
    with pytest.warns(SpatialkitWarning, match=words) as caught:
        write(tmp_path / "a.wav", np.zeros((2, 9)), RATE, format=odd)
    assert caught[0].filename == __file__
    with (
        pytest.warns(SpatialkitWarning, match=words),
        write_stream(tmp_path / "a.wav", RATE, format=odd, overwrite=True) as file,
    ):
        file.write(np.zeros((2, 9)))


def test_a_stored_format_is_never_the_path_of_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("room.json", "{room}.json"):
        (tmp_path / name).write_text(get_layout("quad").to_json())
        entry = chunk(b"spkt", name.encode() + b"\0")
        data = wave_file(4, before=[chunk(b"LIST", b"INFO" + entry)])
        assert read_bytes(tmp_path, "a.wav", data).format is None
