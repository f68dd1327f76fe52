"""Objects: gains and rendering against the EBU renderer, paths, scenes, and ADM files."""

from __future__ import annotations

import json
import struct
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from crafted_scenes import RATE, SAMPLES, crafted_scene

import spatialkit
from spatialkit import Audio, encode_ambisonics, info, read, render, vbap_gains, vbap_pan
from spatialkit.errors import (
    AudioFileError,
    LayoutError,
    OptionError,
    ShapeError,
    SpatialkitError,
    SpatialkitWarning,
)
from spatialkit.files.wave import wave_chunk
from spatialkit.objects import (
    AudioObject,
    Blocks,
    ObjectScene,
    blocks_along,
    object_gains,
    read_adm,
    write_adm,
)
from spatialkit.trajectory import Trajectory

sys.path.append(str(Path(__file__).parents[1] / "files"))
from outside import ear_render, run

DATA = Path(__file__).parents[1] / "data" / "delivery"
FROZEN = json.loads((DATA / "object_gains.json").read_text())


@pytest.mark.parametrize("system", FROZEN["gains"])
def test_gains_are_those_of_the_ebu_renderer(system):
    names = ("azimuth", "elevation", "distance", "width", "height", "depth", "gain")
    values = {name: np.array(FROZEN[name]) for name in names}
    blocks = Blocks(**values, start=np.arange(len(values["gain"]), dtype=float))
    # The reference is rounded to 1e-9.
    np.testing.assert_allclose(object_gains(blocks, system), FROZEN["gains"][system], atol=6e-10)


@pytest.mark.parametrize("system", ["0+5+0", "4+7+0"])
def test_rendering_is_that_of_the_ebu_renderer(tmp_path, system):
    write_adm(tmp_path / "a.wav", crafted_scene())
    scene = read_adm(tmp_path / "a.wav", dtype="float64")
    reference = np.load(DATA / "crafted_scene_ear.npz")[system]
    # The output of the reference has 24 bits.
    np.testing.assert_allclose(render(scene, target=system), reference, atol=1.3e-7)
    # In memory, times are not rounded to 10 us.
    np.testing.assert_allclose(render(crafted_scene(), target=system), reference, atol=1e-4)


def test_the_ebu_renderer_agrees_on_noise(tmp_path, rng):
    crafted = crafted_scene()
    signals = rng.uniform(-0.1, 0.1, (len(crafted.objects), SAMPLES))
    objects = [
        AudioObject(signal, each.blocks, each.name)
        for signal, each in zip(signals, crafted.objects, strict=True)
    ]
    bed = Audio(rng.uniform(-0.1, 0.1, (6, SAMPLES)), RATE, "5.1")
    path = tmp_path / "a.adm.wav"
    write_adm(path, beds=[bed], objects=objects)
    scene = read_adm(path, dtype="float64")
    np.testing.assert_allclose(
        render(scene, target="0+5+0"), ear_render(path, "0+5+0"), atol=2.0**-22
    )
    found = run("mediainfo", path)
    assert "Number of objects                        : 4" in found


@pytest.mark.parametrize("system", ["0+5+0", "4+7+0", "9+10+3"])
def test_the_ebu_renderer_agrees_on_cartesian_objects(tmp_path, rng, system):
    """It renders them after the conversion of BS.2127, as we do, not by its Cartesian panner."""
    frozen = json.loads((DATA / "cartesian_objects.json").read_text())
    positions, sizes, _ = frozen.values()
    count = len(positions)
    samples = rng.uniform(-0.1, 0.1, 4800)
    blocks = Blocks(np.zeros(count), start=np.arange(count) * 0.1 / count)
    path = tmp_path / "a.wav"
    write_adm(path, objects=[AudioObject(samples, blocks, "cube")], sample_rate=RATE)
    polar = (
        '<position coordinate="azimuth">0</position><position coordinate="elevation">0</position>'
    )
    head, _, text = path.read_bytes().partition(b"axml")
    text = text[4:].decode()
    assert text.count(polar) == count
    for (x, y, z), (width, depth, height) in zip(positions, sizes, strict=True):
        cube = (
            f'<cartesian>1</cartesian><position coordinate="X">{x}</position><position '
            f'coordinate="Y">{y}</position><position coordinate="Z">{z}</position>'
            f"<width>{width}</width><height>{height}</height><depth>{depth}</depth>"
        )
        text = text.replace(polar, cube, 1)
    data = head + wave_chunk(b"axml", text.encode())
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    own = render(read_adm(path, dtype="float64"), target=system)
    reference = ear_render(path, system, "--apply-conversion", "to_polar")
    np.testing.assert_allclose(own, reference, atol=2.0**-22)


def test_a_scene_is_read_as_it_was_written(tmp_path):
    crafted = crafted_scene()
    bed = Audio(np.full((4, SAMPLES), 0.25), RATE, "ambix1")
    write_adm(tmp_path / "a.wav", ObjectScene(RATE, [bed], crafted.objects, "songs & more"))
    scene = read_adm(tmp_path / "a.wav", dtype="float64")
    assert scene.name == "songs & more"
    assert scene.beds[0].format.name == "ambix1"
    assert [each.name for each in scene.objects] == ["moving", "static", "blocks"]
    for found, written in zip(scene.objects, crafted.objects, strict=True):
        np.testing.assert_allclose(found.samples, written.samples, atol=2.0**-24)
        last = SAMPLES / RATE
        for name in ("azimuth", "elevation", "distance", "gain", "width", "height", "depth"):
            values = getattr(written.blocks, name)
            got = getattr(found.blocks, name)
            change = np.exp(1j * np.radians(got)) - np.exp(1j * np.radians(values))
            error = change if name == "azimuth" else got - values
            np.testing.assert_allclose(np.abs(error), 0.0, atol=1e-9)
        np.testing.assert_allclose(found.blocks.start, written.blocks.start, atol=5.1e-6)
        stop = np.minimum(written.blocks.stop, last)
        np.testing.assert_allclose(np.minimum(found.blocks.stop, last), stop, atol=1.1e-5)


def test_a_static_object_is_panned_with_vbap_and_encoded_as_a_plane_wave(rng):
    samples = rng.standard_normal(100)
    scene = ObjectScene(RATE, objects=[AudioObject(samples, Blocks(-50.0, 20.0, gain=0.5))])
    gains = vbap_gains(-50.0, 20.0, layout="7.1.4")
    np.testing.assert_allclose(render(scene, target="7.1.4"), 0.5 * gains[:, None] * samples)
    np.testing.assert_allclose(
        render(scene, target="ambix3"), encode_ambisonics(0.5 * samples, -50.0, 20.0, order=3)
    )


def test_a_path_is_followed_as_by_vbap(rng):
    """Gains are linear between blocks and at first constant for 1 ms: an error of 1 %."""
    samples = np.ones(2 * RATE)
    path = Trajectory([0.0, 1.0, 2.0], [0.0, 110.0, 180.0], [0.0, 40.0, 10.0])
    azimuth, elevation = path.directions(len(samples), RATE)
    expected = vbap_pan(samples, azimuth, elevation, layout="7.1.4")
    scene = ObjectScene(RATE, objects=[AudioObject(samples, path)])
    # The first direction is held for 1 ms.
    assert np.abs(render(scene, target="7.1.4") - expected).max() < 0.01


def test_an_extent_in_ambisonics_keeps_w_and_shrinks_the_rest():
    blocks = Blocks(
        30.0,
        width=[0.0, 60.0, 120.0, 360.0],
        height=[0.0, 60.0, 120.0, 360.0],
        start=[0.0, 1.0, 2.0, 3.0],
    )
    gains = object_gains(blocks, "ambix1")
    np.testing.assert_allclose(gains[:, 0], 1.0)
    size = np.linalg.norm(gains[:, 1:], axis=1)
    assert size[0] == pytest.approx(1.0)
    assert np.all(np.diff(size) < 0.0)
    assert size[-1] < 1e-3


def test_lfe_channels_are_silent_and_gaps_are_silent():
    blocks = Blocks([0.0, 0.0], start=[0.0, 0.5], stop=[0.25, 0.75])
    scene = ObjectScene(100, objects=[AudioObject(np.ones(100), blocks)])
    rendered = render(scene, target="5.1")
    assert not rendered[[0, 1, 3, 4, 5]].any()
    assert np.flatnonzero(rendered[2]).tolist() == [*range(25), *range(50, 75)]


def test_trajectories_start_late_or_before_the_audio():
    late = blocks_along(Trajectory([1.0, 2.0], [0.0, 4.0]))
    assert late.start.tolist() == [0.0, 1.0, 1.25, 1.5, 1.75]
    np.testing.assert_allclose(late.azimuth, range(5), atol=1e-9)
    np.testing.assert_allclose(late.interpolation[-1], 0.25)
    early = blocks_along(Trajectory([-1.0, 1.0], [-2.0, 2.0]))
    assert early.azimuth.tolist() == pytest.approx([0.0, 1.0, 2.0])
    assert len(blocks_along(Trajectory([0.0], [30.0]))) == 1


def test_headphones_receive_beds_and_objects(rng):
    samples = rng.standard_normal(4800).astype(np.float32)
    bed = Audio(np.zeros((6, 4800), np.float32), RATE, "5.1")
    scene = ObjectScene(RATE, [bed], [AudioObject(samples, 90.0)])
    ears = render(scene, target="binaural", sample_rate=RATE)
    left, right = np.sum(ears.astype(float) ** 2, axis=1)
    assert ears.dtype == np.float32
    assert left > 3.0 * right


def test_wrong_scenes_are_refused(tmp_path):
    voice = AudioObject(np.zeros(10))
    with pytest.raises(ShapeError, match="must have a bed or an object"):
        ObjectScene(RATE)
    with pytest.raises(ShapeError, match=r"must have one length, got \[10, 11\] samples"):
        ObjectScene(RATE, objects=[voice, AudioObject(np.zeros(11))])
    with pytest.raises(OptionError, match="a bed is at 44100 Hz, but the scene at 48000 Hz"):
        ObjectScene(RATE, [Audio(np.zeros((2, 10)), 44100, "stereo")])
    with pytest.raises(OptionError, match="beds must be Audio with a format"):
        ObjectScene(RATE, [Audio(np.zeros((2, 10)), RATE)])
    with pytest.raises(ShapeError, match=r"samples of an object must have shape \(samples,\)"):
        AudioObject(np.zeros((2, 10)))
    scene = ObjectScene(RATE, objects=[voice])
    with pytest.raises(LayoutError, match="a scene contains the formats of its beds"):
        render(scene, "5.1", "stereo")
    with pytest.raises(OptionError, match="no option 'decoder'"):
        render(scene, target="5.1", decoder="epad")
    with pytest.raises(OptionError, match="sample_rate is missing"):
        write_adm(tmp_path / "a.wav", objects=[voice])
    with pytest.raises(OptionError, match="mutually exclusive"):
        write_adm(tmp_path / "a.wav", scene, objects=[voice])
    assert not list(tmp_path.iterdir())


def test_files_without_objects_or_with_other_metadata_are_refused(tmp_path):
    path = tmp_path / "a.wav"
    spatialkit.write(path, np.zeros((2, 10)), RATE)
    with pytest.raises(AudioFileError, match=r"a\.wav has no ADM metadata"):
        read_adm(path)
    write_adm(path, ObjectScene(RATE, objects=[AudioObject(np.zeros(10))]), overwrite=True)
    data = path.read_bytes().replace(b"<position coordinate", b"<diffuse>1</diffuse><position a", 1)
    size = int.from_bytes(data[data.index(b"axml") + 4 :][:4], "little")
    place = data.index(b"axml") + 4
    longer = len(data) - path.stat().st_size
    path.write_bytes(data[:place] + (size + longer).to_bytes(4, "little") + data[place + 4 :])
    with pytest.raises(AudioFileError, match=r"'object' has properties .* not supported: diffuse"):
        read_adm(path)


def test_tracks_that_the_file_does_not_have_are_refused(tmp_path):
    path = tmp_path / "a.wav"
    write_adm(path, ObjectScene(RATE, objects=[AudioObject(np.zeros(10))]))
    data = bytearray(path.read_bytes())
    data[data.index(b"chna") + 12] = 3  # number of the track
    path.write_bytes(bytes(data))
    with pytest.raises(AudioFileError, match="'object' has track 3 of ADM, but the file has 1"):
        read_adm(path)


def test_random_damage_of_the_metadata_is_never_another_exception(tmp_path, rng):
    path = tmp_path / "a.wav"
    crafted = crafted_scene()
    write_adm(path, crafted)
    data = path.read_bytes()
    places = [data.index(b"chna") + 8, data.index(b"axml") + 8]
    for number in range(60):
        damaged = bytearray(data)
        first = places[number % 2]
        for place in rng.integers(first, min(first + (150, 12000)[number % 2], len(data)), 2):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SpatialkitWarning)
            for function in (info, read, read_adm):
                with suppress(SpatialkitError):
                    function(path)


def test_the_gain_and_time_of_an_audio_object_apply(tmp_path):
    path = tmp_path / "a.wav"
    bed = Audio(np.full((2, 4800), 0.5), RATE, "stereo")
    write_adm(path, beds=[bed], objects=[AudioObject(np.full(4800, 0.5), 30.0)])
    data = path.read_bytes()
    old, new = b'start="00:00:00.00000" duration="00:00:00.10000">', b'start="00:00:00.02000">'
    first = data.index(old, data.index(b"<audioObject "))
    inside = new + b"<gain>0.5</gain>"
    inside += b" " * (len(old) - len(inside))
    data = data[:first] + inside + data[first + len(old) :]
    path.write_bytes(data)
    scene = read_adm(path, dtype="float64")
    np.testing.assert_allclose(scene.beds[0].samples[0, [0, 959, 960, 4799]], [0, 0, 0.25, 0.25])
