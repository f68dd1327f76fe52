"""HRTF files: the bundled set, files of other writers, crafted and damaged files."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from spatialkit.binaural import HRTF, read_hrtf
from spatialkit.commands import main
from spatialkit.errors import AudioFileError
from spatialkit.geometry import angle_between, to_cartesian

h5py = pytest.importorskip("h5py")
from sofa_files import DIRECTIONS, responses, write_sofa  # noqa: E402

SOFAR = Path(__file__).parents[1] / "data" / "binaural" / "sofar.sofa"
BUNDLED = files("spatialkit") / "data" / "ku100.mhr"


# The bundled set


def unpacked():
    """The bundled file, unpacked value by value: elevation, clockwise azimuth, taps, delay."""
    content = BUNDLED.read_bytes()
    magic, rate, ears, taps, fields, _, rings = struct.unpack_from("<8sIBBBHB", content)
    assert (magic, rate, ears, taps, fields, rings) == (b"MinPHR03", 48000, 0, 64, 1, 13)
    counts = list(content[18 : 18 + rings])
    start = 18 + rings
    delays = start + sum(counts) * taps * 3
    assert len(content) == delays + sum(counts)
    number = 0
    for ring, count in enumerate(counts):
        for step in range(count):
            place = start + number * taps * 3
            filters = (content[at : at + 3] for at in range(place, place + 3 * taps, 3))
            values = [int.from_bytes(value, "little", signed=True) for value in filters]
            yield ring * 15.0 - 90.0, step * 360.0 / count, values, content[delays + number] / 4.0
            number += 1


def test_the_bundled_set_is_the_content_of_its_file():
    hrtf = read_hrtf("ku100")
    gain = 10.0 ** (2.38 / 20.0) / 2.0**23
    for number, (elevation, clockwise, taps, delay) in enumerate(unpacked()):
        assert hrtf.elevation[number] == pytest.approx(elevation)
        assert np.cos(np.radians(hrtf.azimuth[number] + clockwise)) == pytest.approx(1.0)
        assert hrtf.delays[number, 0] == 16.0 + delay
        if delay == int(delay):
            start = 16 + int(delay)
            left = hrtf.ir[number, 0]
            np.testing.assert_allclose(left[start : start + 64], gain * np.array(taps), atol=1e-15)
            np.testing.assert_allclose(np.delete(left, slice(start, start + 64)), 0.0, atol=1e-15)


def test_fractional_delays_keep_magnitude_and_phase():
    """Oracle: a delay is a linear phase in the spectrum."""
    hrtf, frequencies = read_hrtf("ku100"), np.arange(0, 18001, 100) / 48000.0
    for number, (_, _, taps, delay) in enumerate(unpacked()):
        if number % 97 or delay == int(delay):
            continue
        spectrum = np.exp(-2j * np.pi * np.outer(frequencies, np.arange(64))) @ taps
        spectrum *= 10.0 ** (2.38 / 20.0) / 2.0**23
        shift = np.exp(-2j * np.pi * frequencies * (16.0 + delay))
        found = np.exp(-2j * np.pi * np.outer(frequencies, np.arange(128))) @ hrtf.ir[number, 0]
        # The interpolation filter has 33 taps.
        assert np.abs(found - spectrum * shift).max() < 3e-3 * np.abs(spectrum).max()


def test_the_bundled_set_is_symmetric_and_hears_each_side_with_its_ear():
    hrtf = read_hrtf()
    np.testing.assert_allclose(hrtf.at(-50.0, 20.0), hrtf.at(50.0, 20.0)[::-1], atol=1e-12)
    energy = np.sum(hrtf.at(90.0) ** 2, axis=-1)
    assert energy[0] > 20.0 * energy[1]
    assert hrtf.delays[hrtf.vectors[:, 1].argmax()] @ [-1.0, 1.0] > 28.0  # samples at 48 kHz


def test_delays_of_the_bundled_set_are_smooth_and_near_those_of_a_sphere():
    """Oracle: Woodworth's head with a radius of 9.3 cm, and ears at the sides."""
    hrtf = read_hrtf()
    rings = hrtf.delays[1:-1].reshape(11, 180, 2)
    assert np.abs(np.diff(rings, axis=1)).max() < 1.0  # 2 degrees
    angle = np.arccos(np.clip(hrtf.vectors[:, 1], -1.0, 1.0))
    path = np.where(angle < np.pi / 2, -np.cos(angle), angle - np.pi / 2)
    error = hrtf.delays[:, 0] - 0.093 / 343.0 * 48000 * path
    assert np.std(error) < 1.0  # 20 us


def test_names_and_objects_are_accepted_and_the_set_is_read_once():
    assert read_hrtf("KU100") is read_hrtf()
    assert read_hrtf(read_hrtf()) is read_hrtf()
    assert "Apache-2.0" in read_hrtf().licence


# SOFA


def test_a_file_written_by_sofar():
    """Oracle: values of the script that wrote the file with sofar 1.3.0 (see the README there)."""
    hrtf = read_hrtf(SOFAR)
    index = np.arange(8 * 2 * 16).reshape(8, 2, 16)
    ir = np.sin(0.37 * index + 0.01 * index**2 / 50) * np.exp(-np.arange(16) / 4)
    # The second pole is left out; Data.Delay is (3, 5).
    assert hrtf.ir.shape == (7, 2, 21)
    np.testing.assert_allclose(hrtf.ir[:, 0, 3:19], ir[:7, 0], atol=1e-15)
    np.testing.assert_allclose(hrtf.ir[:, 1, 5:21], ir[:7, 1], atol=1e-15)
    assert not hrtf.ir[:, 0, :3].any()
    assert (hrtf.sample_rate, hrtf.name, hrtf.licence) == (44100, "eight directions", "CC0-1.0")
    apart = angle_between(hrtf.vectors, to_cartesian(*DIRECTIONS[:7].T))
    assert apart.max() < 1e-6


def test_positions_in_radians_and_cartesian_coordinates(tmp_path, rng):
    ir = responses(rng)
    wanted = read_hrtf(write_sofa(tmp_path / "a.sofa", ir))
    radians = np.column_stack([np.radians(DIRECTIONS), np.full(8, 1.5)])
    cartesian = 1.5 * to_cartesian(*DIRECTIONS.T)
    for positions in (
        (radians, "spherical", "radian, radian, metre"),
        (cartesian, "cartesian", "metre"),
    ):
        found = read_hrtf(write_sofa(tmp_path / "b.sofa", ir, SourcePosition=positions))
        np.testing.assert_allclose(found.vectors, wanted.vectors, atol=1e-12)
        np.testing.assert_array_equal(found.ir, wanted.ir)


def test_directions_are_those_from_the_listener(tmp_path, rng):
    """A listener who looks to the left has a source at the left in front."""
    path = write_sofa(
        tmp_path / "a.sofa",
        responses(rng, 1),
        [[90.0, 0.0]],
        ListenerView=([[0.0, 2.0, 0.0]], "cartesian", "metre"),
        ListenerPosition=([[0.5, 0.0, 0.0]], "cartesian", "metre"),
    )
    azimuth = read_hrtf(path).azimuth
    np.testing.assert_allclose(azimuth, [np.degrees(np.arctan2(0.5, 1.5))])


def test_exchanged_receivers_are_exchanged_back(tmp_path, rng):
    ir = responses(rng)
    receivers = [[[0.0], [-0.09], [0.0]], [[0.0], [0.09], [0.0]]]
    path = write_sofa(tmp_path / "a.sofa", ir, ReceiverPosition=(receivers, "cartesian", "metre"))
    np.testing.assert_array_equal(read_hrtf(path).ir, ir[:7, ::-1])


def test_fractional_delays_per_direction(tmp_path, rng):
    n = np.arange(64)
    smooth = np.tile(np.exp(-(((n - 32) / 6.0) ** 2)), (8, 2, 1))
    delays = rng.uniform(0.0, 10.0, (8, 2))
    found = read_hrtf(write_sofa(tmp_path / "a.sofa", smooth, Data__Delay=(delays, None, None)))
    shifted = np.exp(-(((np.arange(74) - 32 - delays[:7, :, None]) / 6.0) ** 2))
    np.testing.assert_allclose(found.ir, shifted[..., : found.ir.shape[-1]], atol=1e-9)


def test_a_file_is_read_again_only_if_it_has_changed(tmp_path, rng):
    first = read_hrtf(write_sofa(tmp_path / "a.sofa", responses(rng)))
    assert read_hrtf(str(tmp_path / "a.sofa")) is first
    other = responses(rng)
    write_sofa(tmp_path / "a.sofa", other)
    np.testing.assert_array_equal(read_hrtf(tmp_path / "a.sofa").ir, other[:7])


def test_of_several_distances_the_largest_is_used(tmp_path, rng):
    ir = responses(rng, 4)
    positions = [[0, 0, 0.5], [90, 0, 0.5], [0, 0, 2.0], [0, 0, 2.0]]
    entry = (np.array(positions, float), None, None)  # the types of the convention
    path = write_sofa(tmp_path / "a.sofa", ir, np.zeros((4, 2)), SourcePosition=entry)
    np.testing.assert_array_equal(read_hrtf(path).ir, ir[1:3])
    np.testing.assert_allclose(read_hrtf(path).azimuth, [90.0, 0.0], atol=1e-9)


def test_one_emitter_is_accepted(tmp_path, rng):
    ir = responses(rng)
    attributes = {"SOFAConventions": "FreeFieldHRIR", "DataType": "FIR-E"}
    path = write_sofa(
        tmp_path / "a.sofa", ir, attributes=attributes, Data__IR=(ir[..., None], None, None)
    )
    np.testing.assert_array_equal(read_hrtf(path).ir, ir[:7])


@pytest.mark.parametrize(
    ("attributes", "variables", "message"),
    [
        ({"SOFAConventions": "SimpleFreeFieldSOS", "DataType": "SOS"}, {}, "SOS of SimpleFree"),
        ({"SOFAConventions": None}, {}, "contains FIR; accepted: FIR or FIR-E data of Simple"),
        ({}, {"Data__IR": None}, "contains no Data.IR"),
        ({}, {"Data__IR": (np.zeros((8, 1, 4)), None, None)}, r"shape \(8, 1, 4\); accepted"),
        ({}, {"Data__IR": (np.full((8, 2, 4), np.nan), None, None)}, "not finite"),
        ({}, {"Data__IR": (np.zeros((8, 2, 4)), None, None)}, "silent in all directions"),
        ({}, {"Data__IR": ([b"text"], None, None)}, "damaged SOFA file"),
        ({}, {"Data__SamplingRate": None}, "contains no Data.SamplingRate"),
        ({}, {"Data__SamplingRate": ([44100.0, 48000.0], None, None)}, "several sample rates"),
        ({}, {"Data__SamplingRate": ([44100.5], None, None)}, "sample_rate must be"),
        ({}, {"Data__SamplingRate": ([8.0], None, None)}, "from 8000 to"),
        ({}, {"Data__Delay": (np.full((1, 2), 1e9), None, None)}, r"delays of 1e\+09 samples"),
        ({}, {"SourcePosition": None}, "contains no SourcePosition"),
        ({}, {"SourcePosition": (np.zeros((8, 2)), "spherical", "")}, r"of shape \(8, 2\)"),
        ({}, {"SourcePosition": (np.ones((3, 3)), "spherical", "")}, "damaged SOFA file"),
        ({}, {"SourcePosition": (np.ones((8, 3)), "spherical harmonics", "")}, "type 'spherical h"),
        ({}, {"SourcePosition": (np.zeros((8, 3)), "cartesian", "")}, "position of the listener"),
        ({}, {"ListenerUp": ([[1.0, 0.0, 0.0]], None, None)}, "length 0 in ListenerView or"),
    ],
)
def test_files_without_usable_responses_are_refused(tmp_path, rng, attributes, variables, message):
    path = write_sofa(tmp_path / "a.sofa", responses(rng), attributes=attributes, **variables)
    with pytest.raises(AudioFileError, match=message) as caught:
        read_hrtf(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_damaged_sofa_files_are_refused(tmp_path, rng):
    content = SOFAR.read_bytes()
    path = tmp_path / "damaged.sofa"
    for size in (8, 100, 3000, len(content) // 2):
        path.write_bytes(content[:size])
        with pytest.raises(AudioFileError, match="damaged"):
            read_hrtf(path)
    for _ in range(40):
        changed = bytearray(content)
        for place in rng.integers(8, len(content), 200):
            changed[place] = rng.integers(256)
        path.write_bytes(changed)
        with suppress(AudioFileError):
            assert isinstance(read_hrtf(path), HRTF)


def test_without_h5py_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(AudioFileError, match=r"SOFA. needs spatialkit's extra `sofa`"):
        read_hrtf(SOFAR)


# Other files


def test_unknown_names_and_other_files_are_refused(tmp_path):
    with pytest.raises(AudioFileError, match=r"unknown HRTF 'ku10'; did you mean 'ku100'.*path of"):
        read_hrtf("ku10")
    with pytest.raises(AudioFileError, match=r"head\.sofa cannot be read: No such file"):
        read_hrtf("head.sofa")
    with pytest.raises(AudioFileError, match="HRTF must be a name, got 3"):
        read_hrtf(3)
    with pytest.raises(AudioFileError, match="cannot be read: Is a directory"):
        read_hrtf(tmp_path)
    with pytest.raises(AudioFileError, match="cannot be read"):
        read_hrtf("a\0b")
    (tmp_path / "a.sofa").write_bytes(b"RIFF and so on")
    with pytest.raises(AudioFileError, match=r"neither a SOFA file .HDF5. nor an MHR file"):
        read_hrtf(tmp_path / "a.sofa")


def test_mhr_files_with_both_ears_and_two_distances(tmp_path, rng):
    """Two fields: the first is the most distant, and is read."""
    header = struct.pack("<8sIBBB", b"MinPHR03", 44100, 1, 8, 2)
    fields = struct.pack("<HB3B", 1400, 3, 1, 4, 1) + struct.pack("<HB2B", 200, 2, 1, 1)
    values = rng.integers(-(2**23), 2**23, (8, 8, 2))
    filters = b"".join(int(v).to_bytes(3, "little", signed=True) for v in values.ravel())
    delays = 4 * np.arange(16, dtype=np.uint8)
    path = tmp_path / "two.mhr"
    path.write_bytes(header + fields + filters + delays.tobytes())
    hrtf = read_hrtf(path)
    assert (hrtf.name, hrtf.licence, hrtf.sample_rate) == ("two", "unknown", 44100)
    np.testing.assert_array_equal(hrtf.elevation, [-90, 0, 0, 0, 0, 90])
    np.testing.assert_array_equal(np.abs(hrtf.azimuth[1:5]), [0, 90, 180, 90])
    assert hrtf.azimuth[2] == -90.0  # clockwise
    np.testing.assert_array_equal(hrtf.delays, 16 + np.arange(12).reshape(6, 2))
    np.testing.assert_allclose(hrtf.ir[2, 1, 21:29], values[2, :, 1] / 2.0**23, atol=1e-15)


@pytest.mark.parametrize("size", [8, 14, 16, 25, 1000, 382_556])
def test_truncated_mhr_files_are_refused(tmp_path, size):
    path = tmp_path / "short.mhr"
    path.write_bytes(BUNDLED.read_bytes()[:size])
    with pytest.raises(AudioFileError, match="damaged"):
        read_hrtf(path)


def test_invalid_mhr_headers_are_refused(tmp_path):
    path, content = tmp_path / "bad.mhr", BUNDLED.read_bytes()
    for place, value in ((12, 9), (13, 0), (14, 0), (17, 1), (19, 0)):
        path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
        with pytest.raises(AudioFileError, match="damaged"):
            read_hrtf(path)


# spatialkit info


def test_info_describes_a_set(capsys):
    assert main(["info", str(SOFAR)]) == 0
    assert capsys.readouterr().out == (
        f"{SOFAR}: HRTF 'eight directions', 44100 Hz\n"
        "7 directions, elevation -30 to 90 degrees; 21 taps, 0.5 ms\n"
        "licence: CC0-1.0\n"
    )
    assert main(["info", "--json", str(BUNDLED)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["directions"], facts["sample_rate"]) == (1982, 48000)


def test_info_of_a_damaged_set_is_one_sentence(tmp_path, capsys):
    path = tmp_path / "head.sofa"
    path.write_bytes(SOFAR.read_bytes()[:500])
    assert main(["info", str(path)]) == 2
    assert f"{path} is a damaged SOFA file: " in capsys.readouterr().err
