"""ADM metadata: beds and Ambisonics written and read, untrusted XML, and the EBU renderer."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from outside import ear_render, run

from spatialkit import downmix_matrix, get_format, get_layout, info, read, reorder, write
from spatialkit.errors import AudioFileError, OptionError, SpatialkitWarning
from spatialkit.files import wave, write_stream
from spatialkit.files.adm import AdmContent, Blocks, DescribedPart, parse_adm
from spatialkit.files.adm.xml import XMLProblem, parse_xml
from spatialkit.layouts import AmbisonicFormat, Layout, layout_names

DATA = Path(__file__).parents[1] / "data" / "delivery"
# Half a step of 24 bits.
HALF_STEP = 2.0**-24
SYSTEMS = {
    **{"stereo": "0+2+0", "5.1": "0+5+0", "5.1.2": "2+5+0", "5.1.4": "4+5+0", "7.1": "0+7+0"},
    **{"7.1.4": "4+7+0", "22.2": "9+10+3"},
    **{name: name for name in layout_names() if "+" in name},
}
SCENES = ("ambix1", "ambix3", "ambix6", "ambix7", "N3D-ACN-2", "FuMa-ACN-1", "fuma1", "fuma3")


def noise(channels, samples=4801):
    return np.random.default_rng(channels).uniform(-0.1, 0.1, (channels, samples))


def chunks_of(path):
    with open(path, "rb") as file:
        return wave.read_wave_header(file).metadata


@pytest.mark.parametrize("name", layout_names())
@pytest.mark.parametrize("known", [False, True])
def test_beds_are_read_as_they_were_written(tmp_path, name, known):
    layout, path = get_layout(name), tmp_path / "a.wav"
    audio = noise(layout.n_channels)
    samples = audio.shape[1] if known else None
    with write_stream(path, 48000, format=layout, samples=samples, adm=True) as target:
        target.write(audio[:, :1000])
        target.write(audio[:, 1000:])
    found = read(path, dtype="float64")
    assert set(found.format.is_lfe) == set(layout.is_lfe)
    order = reorder(np.eye(layout.n_channels), found.format, layout)
    np.testing.assert_allclose(order @ found.samples, audio, atol=HALF_STEP)
    assert info(path).container == "WAV"
    assert info(path).subtype == "PCM_24"


@pytest.mark.parametrize("name", SCENES)
def test_ambisonics_is_read_as_it_was_written(tmp_path, name):
    form = get_format(name)
    audio = noise(form.n_channels)
    write(tmp_path / "a.wav", audio, 48000, format=form, adm=True)
    found = read(tmp_path / "a.wav", dtype="float64")
    assert (found.format.order, found.format.normalization) == (form.order, form.normalization)
    from spatialkit import convert_ambisonics

    back = convert_ambisonics(found.samples, found.format, form)
    np.testing.assert_allclose(back, audio, atol=HALF_STEP)


def test_moved_and_own_loudspeakers_keep_their_directions(tmp_path):
    room = get_layout("5.1").move({"FL": 27.5, "SR": -104.0}, {"SR": 8.0})
    own = Layout("stage", ["left", "right", "LFE1", "top"], [40, -40, 0, 0], [0, 0, 0, 60])
    for number, layout in enumerate((room, own)):
        path = tmp_path / f"{number}.wav"
        write(path, noise(layout.n_channels), 48000, format=layout, adm=True)
        found = read(path).format
        np.testing.assert_allclose(found.azimuth, layout.azimuth)
        np.testing.assert_allclose(found.elevation, layout.elevation)
        assert found.is_lfe.tolist() == layout.is_lfe.tolist()
    assert found.labels == own.labels


def test_the_metadata_equals_that_of_the_ebu_renderer(tmp_path):
    """The reference is the XML of a 4+7+0 bed as the EBU renderer wrote it."""
    write(tmp_path / "a.wav", noise(12), 48000, format="4+7+0", adm=True)
    reference = (DATA / "adm_4+7+0.axml.xml").read_bytes()
    own = chunks_of(tmp_path / "a.wav")[b"axml"]

    def references(data):
        root = ElementTree.fromstring(data)
        found = [(each.tag.rpartition("}")[2], (each.text or "").strip()) for each in root.iter()]
        return sorted((tag, text.upper()) for tag, text in found if "IDRef" in tag)

    # Both have the same channels; ours are in the order of WAVE in the file.
    assert references(own) == references(reference)


def test_info_describes_programme_and_objects(tmp_path):
    write(tmp_path / "song.adm.wav", noise(6), 48000, format="5.1", adm=True)
    adm = info(tmp_path / "song.adm.wav").adm
    assert (adm.programme, adm.programmes, len(adm.parts)) == ("song", 1, 1)
    (part,) = adm.parts
    assert (part.kind, part.tracks, part.unsupported) == ("DirectSpeakers", (1, 2, 3, 4, 5, 6), ())
    write(tmp_path / "plain.wav", noise(6), 48000, format="5.1")
    assert info(tmp_path / "plain.wav").adm is None


def test_names_are_escaped(tmp_path):
    path = tmp_path / 'a"&<b>\u00e9\x07.adm.wav'
    write(path, noise(2), 44100, adm=True)
    assert info(path).adm.programme == 'a"&<b>\u00e9 '


def test_sizes_above_4_gib_are_bw64(tmp_path):
    samples = 300_000_000
    content = AdmContent("a", (DescribedPart("bed", get_layout("5.1")),))
    axml = wave.wave_chunk(b"axml", content.axml(samples, 48000, 24))
    for reserve in (False, True):
        header, size = wave.wave_header(
            6, samples, 48000, "PCM_24", 0, reserve=reserve, adm=content.chna(), trailing=len(axml)
        )
        assert header[:4] == b"BW64"
        assert struct.unpack_from("<Q", header, 20)[0] == size - 8
        path = tmp_path / f"{reserve}.wav"
        with open(path, "wb") as file:  # sparse
            file.write(header)
            file.truncate(size - len(axml))
            file.seek(0, 2)
            file.write(axml)
        found = info(path)
        assert (found.container, found.samples, found.format.name) == ("BW64", samples, "0+5+0")
        assert found.adm.parts[0].tracks == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "a.flac"}, AudioFileError, "ADM metadata is in WAV files; use .wav, such as a.a"),
        ({"subtype": "FLOAT"}, OptionError, "unknown subtype of .adm.wav 'FLOAT'"),
        ({"format": None}, OptionError, "the format of the 6 channels of .* is unknown"),
    ],
)
def test_other_files_are_refused(tmp_path, arguments, error, message):
    name = arguments.pop("name", "a.wav")
    arguments = {"format": "5.1"} | arguments
    with pytest.raises(error, match=message):
        write(tmp_path / name, noise(6), 48000, adm=True, **arguments)
    assert not list(tmp_path.iterdir())


ENTITIES = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><a>&b;</a>'


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (ENTITIES.encode(), "has a document type"),
        (ENTITIES.encode("utf-16"), "has a document type"),  # a search for bytes misses it
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "has a document type"),
        (b"<a>" * 100 + b"</a>" * 100, "nested more than 32 deep"),
        (b"<a>" * 10, "is not valid XML"),
        (b"", "is not valid XML"),
        (b"\xff\xfe<a/>", "is not valid XML"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "is not valid XML"),
        (b"<a/>" + b" " * 100 + b"x" * 2**25, "has more than 33554432 bytes"),
        (b"<a>&nbsp;</a>", "is not valid XML"),
    ],
)
def test_xml_that_is_not_safe_is_refused(data, problem):
    with pytest.raises(XMLProblem, match=problem):
        parse_xml(data)


def objects_xml(blocks, more="", pack="AP_00031001"):
    return (
        f'<a><audioObject audioObjectID="AO_1" audioObjectName="o"><audioPackFormatIDRef>{pack}'
        f"</audioPackFormatIDRef><audioTrackUIDRef>ATU_00000001</audioTrackUIDRef>{more}"
        '</audioObject><audioChannelFormat audioChannelFormatID="AC_00031001">'
        f"{blocks}</audioChannelFormat></a>"
    ).encode()


def chna_of(track="AC_00031001_00"):
    entry = struct.pack("<H12s14s11sx", 1, b"ATU_00000001", track.encode(), b"AP_00031001")
    return struct.pack("<HH", 1, 1) + entry


def test_blocks_are_read_with_their_times_and_units():
    xml = objects_xml(
        '<audioBlockFormat rtime="00:00:00.00000" duration="00:00:01.50000">'
        '<position coordinate="azimuth">30</position><position coordinate="elevation">10'
        '</position><gain gainUnit="dB">-6</gain><width>20</width></audioBlockFormat>'
        '<audioBlockFormat rtime="00:00:01.24000S48000" duration="01:00:00.1">'
        '<position coordinate="X">1</position><position coordinate="Y">1</position>'
        '<jumpPosition interpolationLength="0.25">1</jumpPosition></audioBlockFormat>'
    )
    (part,) = parse_adm(xml, chna_of()).parts
    (blocks,) = part.blocks
    assert blocks.start.tolist() == [0.0, 1.5]
    assert blocks.stop.tolist() == [1.5, 3601.6]
    np.testing.assert_allclose(blocks.azimuth, [30.0, -45.0])
    np.testing.assert_allclose(blocks.gain, [10 ** (-6 / 20), 1.0])
    np.testing.assert_allclose(blocks.distance, [1.0, 2**0.5])
    assert blocks.interpolation.tolist() == [np.inf, 0.25]


@pytest.mark.parametrize(
    ("element", "name"),
    [
        ("<channelLock>1</channelLock>", "channelLock"),
        ("<objectDivergence>0.5</objectDivergence>", "objectDivergence"),
        ("<zoneExclusion><zone/></zoneExclusion>", "zoneExclusion"),
        ("<diffuse>0.2</diffuse>", "diffuse"),
        ('<position coordinate="azimuth" screenEdgeLock="left">0</position>', "screenEdgeLock"),
    ],
)
def test_properties_without_support_are_named(element, name):
    xml = objects_xml(f"<audioBlockFormat>{element}</audioBlockFormat>")
    assert parse_adm(xml, chna_of()).parts[0].unsupported == (name,)
    harmless = objects_xml("<audioBlockFormat><diffuse>0</diffuse></audioBlockFormat>")
    assert parse_adm(harmless, chna_of()).parts[0].unsupported == ()


def cube_xml(position, size):
    """A block in Cartesian coordinates; all of its elements."""
    names = zip("XYZ", position, strict=True)
    return (
        "<audioBlockFormat><cartesian>1</cartesian>"
        + "".join(f'<position coordinate="{name}">{value}</position>' for name, value in names)
        + "<width>{}</width><depth>{}</depth><height>{}</height></audioBlockFormat>".format(*size)
    )


def test_positions_in_a_cube_are_converted_as_by_the_ebu_renderer():
    frozen = json.loads((DATA / "cartesian_objects.json").read_text())
    positions, sizes, expected = (np.array(rows) for rows in frozen.values())
    for position, size, values in zip(positions, sizes, expected, strict=True):
        (part,) = parse_adm(objects_xml(cube_xml(position, size)), chna_of()).parts
        assert part.unsupported == ()
        names = ("azimuth", "elevation", "distance", "width", "height", "depth")
        found = np.array([getattr(part.blocks[0], name)[0] for name in names])
        turn = (found[0] - values[0] + 180.0) % 360.0 - 180.0
        # The reference is rounded to 1e-9.
        np.testing.assert_allclose([turn, *(found - values)[1:]], 0.0, atol=6e-10)


def test_a_corner_of_the_cube_is_a_loudspeaker_and_both_kinds_of_blocks_may_follow():
    """BS.2127-1, section 10: the corners are M+030, M-030, M-110 and M+110, the ceiling is U."""
    polar = (
        '<audioBlockFormat rtime="00:00:01.0" duration="00:00:01.0">'
        '<position coordinate="azimuth">20</position></audioBlockFormat>'
    )
    first = cube_xml((1, -1, 1), (0, 0, 0)).replace(
        "<audioBlockFormat>", '<audioBlockFormat rtime="00:00:00.0" duration="00:00:01.0">'
    )
    (part,) = parse_adm(objects_xml(first + polar), chna_of()).parts
    np.testing.assert_allclose(part.blocks[0].azimuth, [-110.0, 20.0], atol=1e-9)
    np.testing.assert_allclose(part.blocks[0].elevation, [30.0, 0.0], atol=1e-9)


@pytest.mark.parametrize(
    ("xml", "problem"),
    [
        (objects_xml(cube_xml((0, 0, 0), (0, 2, 0))), "in a cube that is not from 0 to 1"),
        (objects_xml('<audioBlockFormat rtime="1"/>'), "invalid time '1'"),
        (objects_xml("<audioBlockFormat><gain>x</gain></audioBlockFormat>"), "gain that is not a"),
        (objects_xml("<audioBlockFormat><width>400</width></audioBlockFormat>"), "invalid blocks"),
        (objects_xml("", pack="AP_0"), "unknown pack 'AP_0'"),
        (objects_xml("", "<audioObjectIDRef>AO_1</audioObjectIDRef>"), "'AO_1' inside itself"),
        (objects_xml("", "<audioObjectIDRef>AO_2</audioObjectIDRef>"), "does not contain"),
        (objects_xml("").replace(b"ATU_00000001", b"ATU_00000002"), "chna has no track"),
    ],
)
def test_invalid_metadata_is_refused_in_one_sentence(xml, problem):
    with pytest.raises(XMLProblem, match=re.escape(problem)):
        parse_adm(xml, chna_of())


def test_info_ignores_invalid_metadata_with_a_warning(tmp_path):
    path = tmp_path / "a.wav"
    write(path, noise(1), 48000, adm=True)
    data = path.read_bytes()
    xml = objects_xml("", pack="AP_0")
    path.write_bytes(data[: data.index(b"axml")] + wave.wave_chunk(b"axml", xml))
    with pytest.warns(SpatialkitWarning, match=r"that .*unknown pack.*; it is ignored"):
        assert info(path).adm is None
    assert read(path).format == get_layout("mono")


def test_blocks_check_their_values():
    with pytest.raises(OptionError, match="must not overlap"):
        Blocks([0.0, 1.0], start=[0.0, 1.0], stop=[1.5, 2.0])
    with pytest.raises(OptionError, match="width of blocks must be from 0 to 360"):
        Blocks(0.0, width=400.0)
    with pytest.raises(OptionError, match="gain of blocks must be finite"):
        Blocks(0.0, gain=np.nan)


@pytest.mark.parametrize(("name", "system"), SYSTEMS.items())
def test_the_ebu_renderer_returns_beds_and_agrees_on_stereo(tmp_path, name, system):
    layout = get_layout(name)
    audio, path = noise(layout.n_channels), tmp_path / "a.wav"
    write(path, audio, 48000, format=layout, adm=True)
    np.testing.assert_allclose(
        ear_render(path, system), reorder(audio, layout, system), atol=1.01 * HALF_STEP
    )
    stereo = ear_render(path, "0+2+0")
    matrix = np.linalg.lstsq(audio.T, stereo.T, rcond=None)[0].T
    # BS.2127 pans the screen loudspeakers of 4+9+0 at the edges of the screen (29 degrees): 0.9998
    # and 0.0204 to left and right; "itu" adds each to one side.
    tolerance = 0.0205 if name == "4+9+0" else 1e-3
    expected = np.eye(2) if layout.n_channels == 2 else downmix_matrix(layout, "stereo")
    np.testing.assert_allclose(matrix, expected, atol=tolerance)


@pytest.mark.parametrize("name", [*SCENES, "quad", "6.1", "7.1.2", "9.1.6"])
def test_the_ebu_renderer_accepts_other_formats(tmp_path, name):
    form = get_format(name)
    write(tmp_path / "a.wav", noise(form.n_channels), 48000, format=form, adm=True)
    assert ear_render(tmp_path / "a.wav", "4+7+0").shape == (12, 4801)
    assert isinstance(form, AmbisonicFormat) or set(info(tmp_path / "a.wav").format.is_lfe)


def test_mediainfo_finds_the_metadata(tmp_path):
    write(tmp_path / "a.wav", noise(6), 48000, format="5.1", adm=True)
    found = run("mediainfo", tmp_path / "a.wav")
    assert "Metadata format                          : ADM, Version 2" in found
    assert "Number of objects                        : 1" in found
