"""Rooms: simulation compared with the tracer, textbook measures, reading of all conventions."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from spatialkit import convert_ambisonics, encode_foa, rotate_foa, spherical_harmonics, write
from spatialkit.errors import AudioFileError, LayoutError, OptionError, SignalError
from spatialkit.layouts import get_format
from spatialkit_models.data.rooms import (
    RoomResponses,
    direct_direction,
    files,
    find_rooms,
    reverberation_time,
    simulate_room,
    simulated,
    simulation,
    split_rooms,
)
from spatialkit_models.data.rooms.plans import sample_plan

RATE = 16000


@pytest.fixture(scope="module")
def pra():
    return pytest.importorskip("pyroomacoustics")


@pytest.fixture(scope="module")
def room(pra):
    return simulate_room(3, 1, directions=3, rt60=(0.3, 0.5), sample_rate=RATE)


@pytest.fixture(scope="module")
def plan(pra):
    found = None
    rng = np.random.default_rng(4)
    while found is None:
        found = sample_plan(rng, 2, (0.4, 0.5))
    return found


def tracer(pra, plan, **options):
    return simulation._room(
        pra, plan, plan.absorption(0.3), plan.scattering, RATE, max_order=3, **options
    )


def test_image_sources_have_the_gains_of_the_tracers_own_microphones(pra, plan):
    """Oracle: directivities of pyroomacoustics along the axes of the receiver."""
    simulated = tracer(pra, plan)
    images = simulation._images(simulated, plan, plan.sources[1], RATE)
    ways = simulated.sources[0].images.T - plan.receiver
    axes = spherical_harmonics([0.0, 90.0, 0.0], [0.0, 0.0, 90.0])[:, [3, 1, 2]]
    turn = np.radians(plan.yaw)
    axes = axes @ [
        [np.cos(turn), np.sin(turn), 0.0],
        [-np.sin(turn), np.cos(turn), 0.0],
        [0.0, 0.0, 1.0],
    ]
    ahead, left, up = (
        pra.directivities.FigureEight(axis).get_response_cartesian(ways) for axis in axes
    )
    # The tracer's positions are float32.
    np.testing.assert_allclose(images.gains, [np.ones(len(ways)), left, up, ahead], atol=1e-5)


def test_early_response_is_that_of_the_tracers_own_microphones(pra, plan):
    """Oracle: image sources of pyroomacoustics, W and X."""
    plan = replace(plan, yaw=0.0, scattering=0.0)
    simulated = tracer(pra, plan)
    simulated.add_microphone(
        plan.receiver, directivity=pra.directivities.FigureEight(np.array([1.0, 0.0, 0.0]))
    )
    images = simulation._images(simulated, plan, plan.sources[1], RATE)
    bands = np.asarray(simulated.octave_bands.centers)
    ours = simulation._assemble((images,), bands, RATE)[[0, 3]]
    simulated.compute_rir()
    theirs = np.stack([signal[0][: len(simulated.rir[0][0])] for signal in simulated.rir])
    # Theirs comes when it comes, behind half a kernel of 81 taps.
    late = plan.distance[1] / simulated.c * RATE + 40 - simulation.DIRECT_SECONDS * RATE
    spectrum = np.fft.rfft(theirs, 8192) * np.exp(2j * np.pi * np.fft.rfftfreq(8192) * late)
    theirs = 0.5 * np.fft.irfft(spectrum, 8192)[:, : ours.shape[1]]
    # Where their kernel and filters, and our high-pass, differ little.
    band = butter(4, [200.0, 5000.0], "bandpass", fs=RATE, output="sos")
    ours, theirs = sosfiltfilt(band, ours), sosfiltfilt(band, theirs)
    for one, other in zip(ours, theirs, strict=True):
        # Octave filters of two shapes: -17 dB; a wrong sign or a missing order leaves 0 dB.
        assert np.linalg.norm(one - other) < 0.15 * np.linalg.norm(other)


def test_every_late_arrival_reaches_all_channels_from_one_direction(pra, plan):
    simulated = tracer(pra, plan, ray_tracing=True)
    simulated.set_ray_tracing(
        n_rays=500, hist_bin_size=0.004, time_thres=0.5, receiver_n_directions=400
    )
    tail = simulation._tail(
        simulated, plan, plan.sources[0], plan.distance[0], RATE, np.random.default_rng(0)
    )
    assert len(tail.time) > 1000
    np.testing.assert_allclose((tail.gains[1:] ** 2).sum(axis=0), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(tail.gains[0], 1.0)


def test_the_tail_has_the_energy_of_the_rays(pra, plan):
    """Oracle: histograms of pyroomacoustics, without directions."""
    plan = replace(plan, scattering=0.0)
    simulated = tracer(pra, plan, ray_tracing=True)
    simulated.set_ray_tracing(n_rays=2000, hist_bin_size=0.004, time_thres=0.5)
    simulated.unset_air_absorption()
    simulated.air_absorption = np.zeros(simulated.octave_bands.n_bands)
    tail = simulation._tail(
        simulated, plan, plan.sources[0], plan.distance[0], RATE, np.random.default_rng(0)
    )
    energy = sum(histogram.sum(axis=1) for histogram in simulated.rt_histograms[0][0])
    # Some comes in a bin that lies partly before the first reflection.
    np.testing.assert_allclose((tail.amplitude**2).sum(axis=1), energy, rtol=0.02)


def test_direct_sound_comes_from_the_stated_direction(room):
    for response, facts in zip(room.responses, room.facts["responses"], strict=True):
        w, y, z, x = response[:, round(0.003 * RATE)].astype(float)
        assert abs((np.degrees(np.arctan2(y, x)) - facts["azimuth"] + 180) % 360 - 180) < 1.0
        assert np.degrees(np.arctan2(z, np.hypot(x, y))) == pytest.approx(
            facts["elevation"], abs=1.0
        )
        # 3 %: what the high-pass and the air take, and tails of reflections' kernels.
        assert w == pytest.approx(0.5 / facts["distance"], rel=0.03)
        assert np.abs(response[:, : round(0.001 * RATE)]).max() < 1e-3 * w


def test_sources_are_in_the_direction_of_their_direct_sound(room):
    receiver = room.facts["receiver"]
    for facts in room.facts["responses"]:
        way = np.subtract(facts["position"], receiver["position"])
        seen = np.degrees(np.arctan2(way[1], way[0])) - receiver["yaw"]
        assert (seen - facts["azimuth"] + 180) % 360 - 180 == pytest.approx(0.0, abs=1e-4)
        assert np.linalg.norm(way) == pytest.approx(facts["distance"], abs=1e-5)
        assert np.all(np.array(facts["position"]) > 0.25)
        assert np.all(np.array(facts["position"]) < np.array(room.facts["size"]) - 0.25)


def test_the_measured_rt60_is_near_the_requested_one(room, pra):
    """Oracles: Schroeder's integral by a slow loop; the measure of pyroomacoustics."""
    for response, facts in zip(room.responses, room.facts["responses"], strict=True):
        left, levels = 0.0, []
        for sample in response[0].astype(float)[::-1]:
            left += sample * sample
            levels.append(left)
        levels = 10 * np.log10(np.array(levels[::-1]) / left + 1e-30)
        times = np.arange(len(levels)) / RATE
        inside = (levels <= -5) & (levels >= -25)
        slope, _ = np.linalg.lstsq(
            np.stack([times[inside], np.ones(inside.sum())], 1), levels[inside]
        )[0]
        assert facts["rt60"] == pytest.approx(-60 / slope, rel=1e-6)
        # Theirs begins 20 dB below the level just after the direct sound, not below -5 dB.
        theirs = pra.experimental.measure_rt60(response[0].astype(float), RATE, decay_db=20)
        assert facts["rt60"] == pytest.approx(theirs, rel=0.2)
        assert facts["rt60"] == pytest.approx(room.facts["rt60_asked"], rel=0.25)
    assert room.facts["rt60"] == pytest.approx(room.facts["rt60_asked"], rel=0.08)


def test_the_tail_is_nearly_diffuse(room):
    for response in room.responses:
        late = response[:, round(0.08 * RATE) :].astype(float)
        energy = (late**2).sum(axis=1)
        # Of plane waves exactly, on average over their random phases: 15 % for a tail this short.
        assert energy[1:].sum() == pytest.approx(energy[0], rel=0.15)
        assert np.all(energy[1:] > 0.1 * energy[0])


def test_rooms_depend_on_seed_and_number_only(pra):
    def simulate(seed, number):
        return simulate_room(seed, number, directions=1, rt60=(0.25, 0.35), sample_rate=8000)

    first = simulate(0, 0)
    others = [simulate(0, 1), simulate(1, 0)]
    again = simulate(0, 0)
    np.testing.assert_array_equal(first.responses[0], again.responses[0])
    assert first.facts == again.facts
    assert all(other.facts["size"] != first.facts["size"] for other in others)


def test_infeasible_rooms_are_sampled_again(pra, monkeypatch):
    drawn = []

    def draw(rng, directions, rt60):
        plan = sample_plan(rng, directions, rt60)
        drawn.append(plan)
        # First a hall as dry as no walls make it, then one in which there is no place.
        return [plan and replace(plan, rt60=0.02), None, plan][min(len(drawn), 3) - 1]

    monkeypatch.setattr(simulated, "sample_plan", draw)
    room = simulate_room(0, 0, directions=1, rt60=(0.3, 0.4), sample_rate=8000)
    assert room.facts["redrawn"] >= 2
    assert 0.3 <= room.facts["rt60_asked"] <= 0.4
    monkeypatch.setattr(simulated, "sample_plan", lambda *_: None)
    with pytest.raises(
        OptionError, match=r"^no room with 1 directions and an RT60 of 0\.15 to 1\.5 s"
    ):
        simulate_room(0, 0, directions=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "^seed must be at least 0, got -1"),
        ({"directions": 65}, "^directions must be from 1 to 64, got 65"),
        (
            {"rt60": (0.5, 0.2)},
            r"^rt60 must be \(shortest, longest\) in seconds, got \(0\.5, 0\.2\)",
        ),
        ({"rt60": (0.01, 0.2)}, r"^rt60 must be from 0\.1 to 3 s, got 0\.01"),
        ({"sample_rate": 4000}, "^sample_rate must be from 8000 to 192000 Hz, got 4000"),
    ],
)
def test_invalid_arguments_are_named(options, message):
    with pytest.raises(OptionError, match=message):
        simulate_room(**{"seed": 0, "number": 0, **options})


@pytest.mark.parametrize("rt60", [0.15, 0.6, 1.5])
def test_reverberation_time_of_decaying_noise(rt60, rng):
    """Closed form: noise under exp decays by 60 dB in RT60."""
    times = np.arange(int(1.5 * rt60 * 48000)) / 48000
    noise = rng.standard_normal(len(times)) * 10 ** (-3.0 * times / rt60)
    # Chance: the variance of a few thousand squares under the curve.
    assert reverberation_time(noise, 48000) == pytest.approx(rt60, rel=0.05)


def test_signals_without_decay_have_no_reverberation_time():
    with pytest.raises(SignalError, match=r"^pressure is silent"):
        reverberation_time(np.zeros(10), 44100)
    for steady in (np.ones(10), np.eye(1, 100)[0]):
        with pytest.raises(SignalError, match=r"^pressure does not decay from -5 to -25 dB"):
            reverberation_time(steady, 44100)


@pytest.mark.parametrize("azimuth", [-179.0, -90.0, 0.0, 12.5, 130.0])
def test_direct_direction_is_that_of_the_first_peak(azimuth, rng):
    response = encode_foa(np.eye(1, 4000, 300)[0], azimuth, 20.0)
    # A reflection that is higher, and noise before.
    response += 1.5 * encode_foa(np.eye(1, 4000, 800)[0], azimuth + 80.0)
    response += 1e-3 * rng.standard_normal(response.shape)
    # Noise of -60 dB moves it by some hundredths.
    assert direct_direction(response, 44100) == pytest.approx((azimuth, 20.0), abs=0.3)


def hall(azimuth, delay=700, level=0.3):
    """Return a typical measurement: a direct sound, a reflection and a tail."""
    rng = np.random.default_rng(round(azimuth) % 360)
    response = encode_foa(np.eye(1, 6000, delay)[0], azimuth)
    response += 0.4 * encode_foa(np.eye(1, 6000, delay + 400)[0], azimuth + 100.0, 10.0)
    decay = np.where(np.arange(6000) > delay + 200, 0.02 * np.exp(-np.arange(6000) / 1500), 0.0)
    return (level * (response + decay * rng.standard_normal((4, 6000)))).astype(np.float32)


def write_hall(path, azimuth, form="ambix1"):
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, convert_ambisonics(hall(azimuth), "ambix1", form), 44100, subtype="FLOAT")


def write_components(folder, azimuth, names="WXY", form="ambix1"):
    folder.mkdir(parents=True)
    response = dict(zip("WYZX", hall(azimuth), strict=True))
    gain = 2**-0.5 if form == "fuma1" else 1.0
    for name in names:
        signal = response[name] * (gain if name == "W" else 1.0)
        write(folder / f"{name}.wav", signal[None], 44100)


@pytest.mark.parametrize("form", ["ambix1", "fuma1", "N3D-ACN-1"])
def test_all_conventions_are_read_as_ambix(tmp_path, form):
    write_hall(tmp_path / "hall.wav", 40.0, form)
    (read,) = find_rooms(tmp_path, get_format(form))
    # float32, scaled twice.
    np.testing.assert_allclose(read.responses[0].read(44100), hall(40.0), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("names", "form"), [("WXY", "ambix1"), ("WXYZ", "fuma1")])
def test_single_files_are_read_by_name(tmp_path, names, form):
    write_components(tmp_path / "archive" / "hall", 40.0, names, form)
    (read,) = find_rooms(tmp_path / "archive", get_format(form))
    assert read.name == "hall"
    expected = hall(40.0)
    expected[2] *= "Z" in names
    np.testing.assert_allclose(read.responses[0].read(44100), expected, rtol=1e-6, atol=1e-9)


def test_files_in_one_folder_are_one_room(tmp_path):
    write_hall(tmp_path / "kitchen" / "a.wav", 0.0)
    write_hall(tmp_path / "kitchen" / "b.wav", 90.0)
    write_hall(tmp_path / "alone.wav", 0.0)
    write_hall(tmp_path / "test" / "held.wav", 0.0)
    write_components(tmp_path / "church" / "left", 90.0)
    write_components(tmp_path / "church" / "right", -90.0)
    found = {room.name: len(room.responses) for room in find_rooms(tmp_path)}
    assert found == {"alone": 1, "church": 2, "held": 1, "kitchen": 2}


def test_rooms_are_in_one_split_only(tmp_path):
    found = [files.Room(tmp_path / f"room-{n:05}", ()) for n in range(300)]
    found.append(files.Room(tmp_path / "Validation" / "hall", ()))
    names = {
        split: {room.name for room in split_rooms(found, split, splits={"room-00007": "test"})}
        for split in ("train", "valid", "test")
    }
    assert sum(map(len, names.values())) == 301
    assert "hall" in names["valid"]
    assert "room-00007" in names["test"]
    # A tenth of 300, with the deviation of 5 that chance gives.
    assert 15 < len(names["test"]) < 45
    assert 15 < len(names["valid"]) < 45
    # More rooms change nothing for those that are there.
    fewer = {room.name for room in split_rooms(found[:100], "test")}
    assert fewer == {name for name in names["test"] if name < "room-00100"} - {"room-00007"}
    with pytest.raises(OptionError, match=r"^splits contains 'attic', but there is no room"):
        split_rooms(found, "test", splits={"attic": "test"})


def bad_folders(tmp_path):
    write(tmp_path / "stereo.wav", np.zeros((2, 10)), 44100)
    yield tmp_path, "stereo.wav is not a first-order response"
    (tmp_path / "empty").mkdir()
    yield tmp_path / "empty", "empty contains no response"
    yield tmp_path / "none", "none is not a directory"
    write_components(tmp_path / "half", 0.0, "WY")
    yield tmp_path / "half", "half has W, Y but lacks X"
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "room.json").write_text('{"responses": [{}')
    yield tmp_path / "cut", "room.json is not valid JSON"
    (tmp_path / "cut" / "room.json").write_text('{"responses": [{}]}')
    yield tmp_path / "cut", "room.json does not list file and azimuth"


def test_invalid_directories_are_refused(tmp_path):
    for folder, message in bad_folders(tmp_path):
        with pytest.raises(AudioFileError, match=message):
            find_rooms(folder)


def test_components_must_have_equal_length_and_rate(tmp_path):
    write_components(tmp_path / "hall", 0.0)
    write(tmp_path / "hall" / "Y.wav", np.zeros((1, 10)), 44100, overwrite=True)
    with pytest.raises(AudioFileError, match=r"Y\.wav must be mono and as long as W\.wav"):
        find_rooms(tmp_path)[0].responses[0].read(44100)


def test_responses_are_rotated_to_the_requested_direction(tmp_path):
    write_hall(tmp_path / "hall" / "a.wav", 10.0)
    write_hall(tmp_path / "hall" / "b.wav", 120.0)
    responses = RoomResponses([tmp_path], "train")
    wanted = [0.0, 100.0, -170.0, 135.0]
    found = responses.responses(5, wanted)
    delay = round(0.003 * 44100)
    for azimuth, known, response in zip(wanted, [10, 120, 120, 120], found, strict=True):
        # The measured direction of the file moves by what its tail has near the direct sound.
        assert direct_direction(response, 44100)[0] == pytest.approx(azimuth, abs=1e-3)
        source = rotate_foa(hall(known, level=1.0), yaw=azimuth - known)[:, 700 - delay :]
        np.testing.assert_allclose(response[:, : source.shape[1]], source, atol=1e-5)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(RoomResponses([tmp_path], "train").responses(5, wanted), found)


def test_rooms_are_sampled_by_number(tmp_path):
    for number in range(8):
        write_hall(tmp_path / f"{number}.wav", 0.0)
    first = RoomResponses([tmp_path], "train", seed=1)
    drawn = [first.room(index).name for index in range(40)]
    again = RoomResponses([tmp_path], "train", seed=1)
    assert [again.room(index).name for index in reversed(range(40))] == drawn[::-1]
    assert set(drawn) == {room.name for room in first.rooms}
    other = RoomResponses([tmp_path], "train", seed=2)
    assert [other.room(index).name for index in range(40)] != drawn


def test_the_published_rule_keeps_the_direction_of_the_response(tmp_path):
    """Oracle: the released recipe by hand; a response from the front has no Y for any direction."""
    write(tmp_path / "hall.wav", np.pad(hall(0.0), ((0, 0), (0, 60000))), 44100)
    found = RoomResponses([tmp_path], "train", 44100).published(2, [0.0, 60.0, 180.0])
    delay = round(0.003 * 44100)
    direct = found[:, :, delay]
    np.testing.assert_allclose(direct[:, 0], 1.0, atol=1e-5)
    np.testing.assert_allclose(direct[:, 1:3], 0.0, atol=1e-5)
    np.testing.assert_allclose(direct[:, 3], np.sqrt(3) * np.array([1, 0.5, -1]), atol=1e-5)
    # W is the same for all, cut and faded.
    np.testing.assert_array_equal(found[0, 0], found[1, 0])
    assert abs(found[0, 0, -1]) == 0.0
    assert found.shape[2] <= 44100


def test_bass_has_direct_sound_only(tmp_path):
    write_hall(tmp_path / "hall.wav", 30.0)
    whole, dried = (
        RoomResponses([tmp_path], "train", dry_below=below).responses(0, [30.0])[0].astype(float)
        for below in (0.0, 300.0)
    )
    direct = np.zeros_like(whole)
    direct[:, :160] = whole[:, :160]
    frequency = np.fft.rfftfreq(1 << 14, 1 / 44100)
    spectra = [np.fft.rfft(sound, 1 << 14) for sound in (whole, dried, direct)]
    low, high = frequency < 40.0, frequency > 3000.0
    whole_room, room = (np.abs(spectrum - spectra[2]) for spectrum in spectra[:2])
    # Butterworth of order 2: (40 / 300)^2 = 0.018 at 40 Hz, and 1 - 1e-4 / 2 at ten times 300 Hz;
    # -60 dB of the direct sound for what rings on where the response ends.
    assert np.linalg.norm(room[:, low]) < 0.02 * np.linalg.norm(whole_room[:, low])
    np.testing.assert_allclose(room[:, high], whole_room[:, high], rtol=1e-3, atol=1e-3)


def test_other_rates_are_converted(tmp_path):
    write_hall(tmp_path / "hall.wav", 70.0)
    responses = RoomResponses([tmp_path], "train", 48000).responses(0, [-20.0])
    assert direct_direction(responses[0], 48000)[0] == pytest.approx(-20.0, abs=0.1)
    assert abs(responses.shape[2] - (6000 - 700) * 48 / 44.1 - 144) < 3


def test_invalid_choices_are_reported(tmp_path):
    write_hall(tmp_path / "hall.wav", 0.0)
    with pytest.raises(OptionError, match=r"^no room in the split 'test'; directories: "):
        RoomResponses([tmp_path], "test")
    with pytest.raises(LayoutError, match=r"^format must be Ambisonic of order 1, got '5\.1'"):
        RoomResponses([tmp_path], "train", format="5.1")
    write(tmp_path / "hall.wav", np.zeros((4, 100)), 44100, overwrite=True)
    with pytest.raises(SignalError, match=r"hall\.wav: response is silent"):
        RoomResponses([tmp_path], "train").responses(0, [0.0])


SETTINGS = {"seed": 1, "rt60": [0.2, 0.3]}


def write_small(folder):
    facts = {"settings": SETTINGS, "responses": [{"azimuth": 33.0}, {"azimuth": -90.0}]}
    files.write_room(folder, [hall(33.0), hall(-90.0)], 44100, facts)


def test_written_rooms_contain_their_directions(tmp_path):
    write_small(tmp_path / "room-00000")
    (found,) = find_rooms(tmp_path)
    assert [one.azimuth for one in found.responses] == [33.0, -90.0]
    # 24 bits.
    np.testing.assert_allclose(found.responses[0].read(44100), hall(33.0), atol=2**-23)
    facts = json.loads((tmp_path / "room-00000" / "room.json").read_text())
    assert [one["samples"] for one in facts["responses"]] == [6000, 6000]


@pytest.mark.parametrize("name", ["room.json", "direction-01.flac"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_incomplete_rooms_are_ignored(tmp_path, name, damage):
    folder = tmp_path / "room"
    assert not files.is_whole(folder, SETTINGS)
    write_small(folder)
    assert files.is_whole(folder, SETTINGS)
    path = folder / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    else:
        path.unlink()
    assert not files.is_whole(folder, SETTINGS)
    write_small(folder)
    assert files.is_whole(folder, SETTINGS)


def test_rooms_of_other_settings_are_not_reused(tmp_path):
    write_small(tmp_path / "room")
    with pytest.raises(
        AudioFileError, match=r"room contains a room with other settings .*use another"
    ):
        files.is_whole(tmp_path / "room", {**SETTINGS, "seed": 2})


def test_folders_that_are_no_rooms_are_not_replaced(tmp_path):
    folder = tmp_path / "room"
    folder.mkdir()
    (folder / "thesis.txt").write_text("five years")
    with pytest.raises(AudioFileError, match=r"room contains thesis\.txt, which is not a file"):
        write_small(folder)
    assert (folder / "thesis.txt").read_text() == "five years"


def test_incomplete_rooms_are_never_visible(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.files, "write", fail)
    with pytest.raises(AudioFileError, match="room cannot be written: No space left on device"):
        write_small(tmp_path / "room")
    assert list(tmp_path.iterdir()) == []
