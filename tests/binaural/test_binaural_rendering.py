"""Rendering for headphones: convolution, directions, rotation, blocks, loudness, options."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm, logm

import spatialkit
from spatialkit import encode_ambisonics, get_layout, render, rotate_ambisonics
from spatialkit.binaural import (
    BinauralStream,
    OrientationPath,
    binauralize,
    read_hrtf,
    read_orientation,
    render_binaural,
)
from spatialkit.binaural.convolution import Convolver
from spatialkit.errors import (
    AudioFileError,
    DirectionError,
    LayoutError,
    OptionError,
    ShapeError,
    SignalError,
)
from spatialkit.layouts import Layout, layout_names
from spatialkit.metrics import loudness

RATE = 48000
KU100 = read_hrtf()
SIDES = str.maketrans("LR", "RL")


def headphones(audio, source, **options):
    return render(audio, source, "binaural", sample_rate=RATE, **options)


# Convolution


@pytest.mark.parametrize("samples", [0, 1, 5, 255, 256, 5000, 70_001])
@pytest.mark.parametrize("taps", [1, 2, 256])
def test_convolution_equals_numpy(rng, samples, taps):
    audio, filters = rng.standard_normal((3, samples)), rng.standard_normal((2, 3, taps))
    found = binauralize(audio, filters)
    assert found.shape == (2, samples)
    for ear in range(2):
        wanted = (
            sum(np.convolve(a, f)[:samples] for a, f in zip(audio, filters[ear], strict=True))
            if samples
            else []
        )
        np.testing.assert_allclose(found[ear], wanted, atol=1e-11)


def test_items_precision_and_input(rng):
    audio = rng.standard_normal((2, 3, 4, 1000)).astype(np.float32)
    before, filters = audio.copy(), rng.standard_normal((2, 4, 64))
    found = binauralize(audio, filters)
    assert (found.shape, found.dtype) == ((2, 3, 2, 1000), np.float32)
    np.testing.assert_array_equal(audio, before)
    exact = binauralize(audio.astype(np.float64), filters)
    np.testing.assert_allclose(found, exact, atol=3e-6 * np.abs(exact).max())
    np.testing.assert_array_equal(found[1, 2], binauralize(audio[1, 2], filters))


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=12), st.integers(1, 300))
def test_blocks_equal_the_whole(sizes, taps):
    rng = np.random.default_rng(taps)
    audio, filters = rng.standard_normal((2, sum(sizes))), rng.standard_normal((2, 2, taps))
    convolver, start, parts = Convolver(filters, np.float64), 0, []
    for size in sizes:
        parts.append(convolver.process(audio[:, start : start + size]))
        start += size
    np.testing.assert_allclose(np.hstack(parts), binauralize(audio, filters), atol=1e-11)


def test_new_filters_are_crossfaded(rng):
    audio = rng.standard_normal((2, 3000))
    old, new = rng.standard_normal((2, 2, 2, 40))
    convolver = Convolver(old, np.float64)
    blocks = ((0, 1000, None), (1000, 2000, new), (2000, 3000, None))
    found = [convolver.process(audio[:, a:b], filters) for a, b, filters in blocks]
    before, after = binauralize(audio, old), binauralize(audio, new)
    ramp = np.clip((np.arange(3000) - 999) / 1000.0, 0.0, 1.0)
    np.testing.assert_allclose(np.hstack(found), before + ramp * (after - before), atol=1e-11)


# Directions


def test_a_loudspeaker_in_a_measured_direction_is_heard_through_its_hrirs():
    impulse = np.zeros((1, 300))
    impulse[0, 0] = 1.0
    for number in (0, 300, 777, 1500, 1981):
        layout = Layout.from_directions([KU100.azimuth[number]], [KU100.elevation[number]])
        found = headphones(impulse, layout)
        np.testing.assert_allclose(found[:, :128], KU100.ir[number], atol=1e-12)
        assert not np.abs(found[:, 128:]).max() > 1e-12


@pytest.mark.parametrize(
    "name", ["mono", "paper5", "5.1", "7.1.4", "22.2", "ambix1", "fuma2", "ambix7"]
)
def test_every_format_is_rendered(rng, name):
    form = spatialkit.get_format(name)
    found = headphones(rng.standard_normal((form.n_channels, 600)).astype(np.float32), name)
    assert (found.shape, found.dtype) == ((2, 600), np.float32)
    assert found.std(axis=-1).min() > 0.01


@pytest.mark.parametrize("options", [{}, {"order": 3}, {"method": "time-aligned"}])
def test_left_and_right_are_mirror_images(rng, options):
    for name in set(layout_names()) - {"9+10+3", "22.2"}:
        layout = get_layout(name)
        if layout.labels[0][:2] not in ("FL", "FC"):
            continue
        audio = rng.standard_normal((layout.n_channels, 500))
        other = [
            layout.labels.index(label if label.startswith("LFE") else label.translate(SIDES))
            for label in layout.labels
        ]
        found = headphones(audio[other], layout, **options)
        np.testing.assert_allclose(found[::-1], headphones(audio, layout, **options), atol=1e-11)


def test_a_scene_is_heard_as_its_source(rng):
    """Order 7 against the HRIRs: the level in thirds of an octave within 2 dB below 6 kHz."""
    noise = rng.standard_normal(48000)
    scene = encode_ambisonics(noise, 45.0, 20.0, order=7)
    direct = headphones(noise[None], Layout.from_directions([45.0], [20.0]))
    found = headphones(scene, "ambix7")
    power = [np.abs(np.fft.rfft(each, axis=-1)) ** 2 for each in (found, direct)]
    edges = (1000.0 * 2.0 ** (np.arange(-13, 8) / 3)).astype(int)
    bands = [np.add.reduceat(each, edges, axis=-1)[:, :-1] for each in power]
    assert np.abs(10.0 * np.log10(bands[0] / bands[1])).max() < 2.0


def test_formats_of_the_same_scene_sound_alike(rng):
    scene = rng.standard_normal((16, 1000))
    wanted = headphones(scene, "ambix3")
    for name in ("fuma3", "N3D-ACN-3", "SN3D-FuMa-3"):
        other = spatialkit.convert_ambisonics(scene, "ambix3", name)
        np.testing.assert_allclose(headphones(other, name), wanted, atol=1e-11)


def test_the_lfe_is_left_out_unless_it_has_a_gain(rng):
    audio = np.zeros((6, 1000))
    audio[3] = rng.standard_normal(1000)
    assert not headphones(audio, "5.1").any()
    found = headphones(audio, "5.1", lfe_gain=2.0, yaw=70.0)
    ahead = headphones(2.0 * audio[3:4], Layout.from_directions([0.0]))
    np.testing.assert_allclose(found, ahead, atol=1e-12)
    assert headphones(audio, "5.1", lfe_gain=1.0, order=4).std() > 0.1


# Rotation


def test_yaw_rotates_a_scene_exactly(rng):
    noise = rng.standard_normal(3000)
    ahead, left = (encode_ambisonics(noise, azimuth, order=3) for azimuth in (0.0, 90.0))
    found = headphones(ahead, "ambix3", yaw=90.0)
    np.testing.assert_allclose(found, headphones(left, "ambix3"), atol=1e-11)
    turned = rotate_ambisonics(left, 20.0, -50.0, 130.0)
    found = headphones(left, "ambix3", yaw=20.0, pitch=-50.0, roll=130.0)
    np.testing.assert_allclose(found, headphones(turned, "ambix3"), atol=1e-11)


@pytest.mark.parametrize("order", [None, 3])
def test_yaw_rotates_loudspeakers_exactly(rng, order):
    audio = rng.standard_normal((12, 1000))
    layout = get_layout("7.1.4")
    turned = Layout("turned", layout.labels, layout.azimuth + 37.0, layout.elevation)
    found = headphones(audio, layout, yaw=37.0, order=order)
    np.testing.assert_allclose(found, headphones(audio, turned, order=order), atol=1e-10)


@pytest.mark.parametrize("angles", [{"pitch": 90.0}, {"pitch": -90.0, "roll": 30.0}, {"roll": 180}])
def test_vertical_rotations_of_scenes(rng, angles):
    scene = rng.standard_normal((9, 500))
    turned = rotate_ambisonics(scene, **angles)
    found = headphones(scene, "ambix2", **angles)
    np.testing.assert_allclose(found, headphones(turned, "ambix2"), atol=1e-10)


@pytest.mark.parametrize("source", ["quad", "ambix3"])
def test_a_rotating_scene_starts_and_ends_at_its_points(rng, source):
    channels = spatialkit.get_format(source).n_channels
    audio = rng.standard_normal((channels, 24000))
    found = headphones(audio, source, yaw=[0.0, 0.0, 60.0, 60.0])
    still, turned = (headphones(audio, source, yaw=yaw) for yaw in (0.0, 60.0))
    np.testing.assert_allclose(found[:, :8000], still[:, :8000], atol=1e-11)
    np.testing.assert_allclose(found[:, 16100:], turned[:, 16100:], atol=1e-11)
    # Between them it is near the scene at the angle of each time.
    half = headphones(audio, source, yaw=30.0)[:, 11900:12100]
    error = np.sum((found[:, 11900:12100] - half) ** 2) / np.sum(half**2)
    assert 10.0 * np.log10(error) < -15.0


def test_rotation_adds_no_clicks():
    """A tone of 1 kHz from one loudspeaker; steps of the gain would spread it over all bins."""
    tone = np.sin(2.0 * np.pi * 1000.0 / RATE * np.arange(2 * RATE))[None]
    found = headphones(tone, Layout.from_directions([30.0]), yaw=[0.0, 90.0, 180.0])
    window = np.blackman(RATE)
    spectrum = np.abs(np.fft.rfft(found[:, RATE // 2 : RATE // 2 + RATE] * window, axis=-1))
    level = 20.0 * np.log10(spectrum / spectrum.max())
    assert level[:, 3000:].max() < -80.0


def test_a_path_along_the_shortest_arc(rng):
    audio = rng.standard_normal((4, 9600))
    short = headphones(audio, "ambix1", yaw=[170.0, -170.0])
    np.testing.assert_allclose(short, headphones(audio, "ambix1", yaw=[170.0, 190.0]), atol=1e-9)


@pytest.mark.parametrize("end", [(80.0, 30.0, -20.0), (0.0, 90.0, 0.0), (150.0, -60.0, 100.0)])
def test_rotations_between_points_are_equal_steps_about_one_axis(end):
    """Oracle: the same steps by the matrix logarithm."""
    path = OrientationPath([0.0, 1.0], *zip((10.0, -5.0, 40.0), end, strict=True))
    found, (first, last) = list(path.controls(48000)), path.rotations
    whole = logm(last @ first.T)
    angle = np.degrees(np.linalg.norm(whole) / np.sqrt(2.0))
    assert len(found) == np.ceil(angle / 2.0)
    stops = np.array([stop for stop, _ in found])
    steps = np.arange(1, len(found) + 1) / len(found)
    np.testing.assert_array_equal(stops, np.ceil(48000 * steps - 1e-9))
    for step, (_, rotation) in zip(steps, found, strict=True):
        np.testing.assert_allclose(rotation, expm(step * whole) @ first, atol=1e-9)


def test_half_a_turn_is_through_the_left():
    middle = list(OrientationPath([0.0, 1.0], [0.0, 180.0]).controls(9000))[44]
    np.testing.assert_allclose(middle[1] @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-9)


def test_many_points_on_few_samples(rng):
    audio = rng.standard_normal((4, 100))
    found = headphones(audio, "ambix1", yaw=rng.uniform(-180.0, 180.0, 500))
    assert np.isfinite(found).all()
    assert headphones(audio[:, :0], "ambix1", yaw=[0.0, 10.0]).shape == (2, 0)
    assert headphones(audio[:, :1], "ambix1", yaw=[0.0, 10.0]).shape == (2, 1)


def test_items_rotate_alike(rng):
    audio = rng.standard_normal((2, 2, 4800))
    found = headphones(audio, "stereo", yaw=[0.0, 45.0])
    np.testing.assert_allclose(
        found[1], headphones(audio[1], "stereo", yaw=[0.0, 45.0]), atol=1e-12
    )


# Blocks


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_stream_equals_the_whole(rng, dtype):
    audio = rng.standard_normal((12, 20000)).astype(dtype)
    options = {"yaw": 20.0, "lfe_gain": 1.0}
    stream, start, parts = BinauralStream("7.1.4", RATE, **options), 0, []
    while start < 20000:
        size = int(rng.integers(1, 3000))
        parts.append(stream.process(audio[:, start : start + size]))
        start += size
    parts.append(stream.flush())
    found = np.hstack(parts)
    whole = headphones(audio, "7.1.4", **options)
    assert stream.latency == 0
    assert found.dtype == dtype
    np.testing.assert_allclose(found, whole, atol=5e-6 if dtype == np.float32 else 1e-12)


PATH = OrientationPath([-0.1, 0.02, 0.15, 0.3], [0.0, -20.0, 35.0, 35.0], pitch=[0, 0, 10, 10])


@pytest.mark.parametrize("source", ["5.1", "ambix2"])
def test_a_stream_along_a_path_equals_the_whole(rng, source):
    channels = {"5.1": 6, "ambix2": 9}[source]
    audio = rng.standard_normal((channels, 20000))
    whole = headphones(audio, source, orientation=PATH)
    stream = BinauralStream(source, RATE, orientation=PATH)
    for _ in range(2):
        sizes = np.cumsum([1, 63, 4000, 0, 5000, 700, 2000])
        blocks = np.split(audio, sizes, axis=1)
        found = np.hstack([stream.process(block) for block in blocks])
        np.testing.assert_allclose(found, whole, atol=1e-12)
        stream.reset()


def test_a_path_with_times_is_that_of_equally_spaced_points(rng):
    audio, yaw = rng.standard_normal((4, 9600)), [0.0, -45.0, 30.0]
    path = OrientationPath(np.array([0.0, 4800.0, 9600.0]) / RATE, yaw)
    np.testing.assert_array_equal(
        headphones(audio, "ambix1", orientation=path), headphones(audio, "ambix1", yaw=yaw)
    )


def test_a_path_ends_at_its_last_rotation(rng):
    audio = rng.standard_normal((4, 20000))
    path = OrientationPath([0.05, 0.1], [0.0, 60.0])
    found = headphones(audio, "ambix1", orientation=path)
    before, after = (headphones(audio, "ambix1", yaw=yaw) for yaw in (0.0, 60.0))
    np.testing.assert_allclose(found[:, :2400], before[:, :2400], atol=1e-12)
    np.testing.assert_allclose(found[:, 4800:], after[:, 4800:], atol=1e-12)
    assert path.at(-1.0) == {"yaw": 0.0, "pitch": 0.0, "roll": 0.0}
    assert path.at(0.075)["yaw"] == pytest.approx(30.0)
    assert path.at(9.0)["yaw"] == pytest.approx(60.0)


def test_a_head_tracker_that_is_not_quite_still_needs_few_filters(rng):
    """Points every 5 ms: filters every half degree, and small changes are within a degree."""
    seconds = np.arange(0.0, 4.0, 0.005)
    yaw = np.interp(seconds, [1.0, 2.0], [0.0, 30.0])
    path = OrientationPath(seconds, yaw + rng.uniform(-0.1, 0.1, len(yaw)))
    controls = list(path.controls(RATE))
    assert 30 <= sum(rotation is not None for _, rotation in controls) <= 80
    done = 0
    for stop, rotation in controls:
        assert 0 < stop - done < 0.2 * RATE
        if rotation is not None:
            angle = np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0]))
            assert angle == pytest.approx(np.interp(stop / RATE, seconds, yaw), abs=0.5)
        done = stop
    assert done == pytest.approx(seconds[-1] * RATE, abs=1)


def test_a_path_excludes_other_rotations(rng):
    audio = rng.standard_normal((4, 100))
    with pytest.raises(OptionError, match="orientation and yaw are mutually exclusive"):
        headphones(audio, "ambix1", orientation=PATH, yaw=3.0)
    with pytest.raises(OptionError, match="turn has no effect"):
        BinauralStream("ambix1", RATE, orientation=PATH).turn(3.0)


def test_paths_are_read_from_files(tmp_path):
    table, names = tmp_path / "head.csv", tmp_path / "head.json"
    table.write_text("seconds;yaw;roll\n0;0;1\n1.5;-30;1\n")
    names.write_text('{"seconds": [0, 1.5], "yaw": [0, -30], "roll": 1}')
    for path in (read_orientation(table), read_orientation(names)):
        assert repr(path) == "OrientationPath(2 points, 0 to 1.5 s)"
        assert path.at(1.5) == pytest.approx({"yaw": -30.0, "pitch": 0.0, "roll": 1.0})
    names.write_text('{"seconds": [0, 1], "azimuth": [0, 1]}')
    with pytest.raises(OptionError, match="unknown column 'azimuth'; known are seconds, yaw"):
        read_orientation(names)
    names.write_text('{"seconds": [1, 1], "yaw": 0}')
    with pytest.raises(OptionError, match=r"head.json: seconds must be finite and increase"):
        read_orientation(names)


# Loudness


def test_a_song_is_as_loud_on_headphones():
    song = spatialkit.read(spatialkit.sample_path())
    surround = spatialkit.get_upmixer("ambience", layout="7.1.4").upmix(
        song.samples, song.sample_rate
    )
    found = render(surround, "7.1.4", "binaural", sample_rate=song.sample_rate)
    difference = loudness(found, "stereo", song.sample_rate) - loudness(song)
    assert abs(difference) < 1.0


# Arguments


def test_audio_specifies_rate_and_format(rng):
    samples = rng.standard_normal((6, 500))
    found = render(spatialkit.Audio(samples, RATE, "5.1"), target="Binaural")
    np.testing.assert_array_equal(found, headphones(samples, "5.1"))
    np.testing.assert_array_equal(found, render_binaural(samples, "5.1", sample_rate=RATE))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 192000])
def test_other_rates(rng, rate):
    noise = rng.standard_normal((2, 4000))
    for options in ({}, {"order": 3}):
        found = render(noise, "stereo", "binaural", sample_rate=rate, **options)
        # White noise; the set has nothing above 22.5 kHz.
        assert found.std() == pytest.approx(min(1.0, 45000 / rate) ** 0.5, rel=0.4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"decoder": "epad"},
            OptionError,
            "render to 'binaural' has no option 'decoder'; accepted",
        ),
        ({"hrtf": "ku101"}, AudioFileError, "unknown HRTF 'ku101'"),
        ({"method": "best"}, OptionError, "unknown method 'best'"),
        ({"order": 9}, OptionError, "order must be from 1 to 7"),
        ({"yaw": np.nan}, DirectionError, "yaw"),
        ({"yaw": [0.0, 1.0], "roll": [0.0, 1.0, 2.0]}, ShapeError, "same number of points"),
        ({"yaw": [[0.0, 1.0]]}, ShapeError, "must be numbers, or arrays"),
        ({"yaw": []}, ShapeError, "must be numbers, or arrays"),
        ({"lfe_gain": -1.0}, OptionError, "lfe_gain must be at least 0"),
        ({"sample_rate": 4000}, OptionError, "from 8000 to"),
        ({"source": "ambix1", "order": 3}, OptionError, "ambix1 has an order"),
        ({"source": None}, LayoutError, "source is missing"),
        ({"sample_rate": None}, OptionError, "sample_rate is missing"),
    ],
)
def test_invalid_arguments_are_refused(options, error, message):
    arguments = {"source": "quad", "sample_rate": RATE, **options}
    with pytest.raises(error, match=message):
        render(np.zeros((4, 10)), arguments.pop("source"), "binaural", **arguments)


def test_invalid_audio_is_refused():
    with pytest.raises(ShapeError, match="audio must have 2 channels"):
        headphones(np.zeros((3, 10)), "stereo")
    with pytest.raises(SignalError, match="audio holds nan"):
        headphones(np.full((2, 10), np.nan), "stereo")
    with pytest.raises(SignalError, match="must be float32 or float64"):
        headphones(np.zeros((2, 10), int), "stereo")
    with pytest.raises(ShapeError, match="block must have 2 channels"):
        BinauralStream("stereo", RATE).process(np.zeros((3, 10)))
