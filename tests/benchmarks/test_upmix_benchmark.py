"""The benchmark of upmixers on ideal, wrong, delayed and noisy upmixes."""

from __future__ import annotations

import builtins
import json
import re
import shutil
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import click
import numpy as np
import pytest
from scipy.signal import butter, istft, sosfilt, stft

from spatialkit import benchmarks
from spatialkit.__main__ import main
from spatialkit.benchmarks import SEED, UpmixBenchmark, benchmark_upmixers, reverberation, songs
from spatialkit.benchmarks.upmix import components, measures, runner, scenes
from spatialkit.benchmarks.upmix.pooling import pool, pooled_interval
from spatialkit.benchmarks.upmix.report import MEASURES
from spatialkit.benchmarks.upmix.scoring import score
from spatialkit.commands import plugins
from spatialkit.downmix import correction_size
from spatialkit.errors import AudioFileError, OptionError, SpatialkitError, UpmixerError
from spatialkit.files import write
from spatialkit.layouts import Layout, get_layout
from spatialkit.panning import vbap_gains
from spatialkit.upmixing import Upmixer, controls, registry

RATE = 44100
SURROUND = get_layout("5.1")
SIDES = [4, 5]


@pytest.fixture(scope="module")
def song():
    files = songs.find_songs(None)["francium"]
    return songs.read_song("francium", files, 8.0)


@pytest.fixture(scope="module")
def by_name(song):
    return {scene.name.partition("/")[2]: scene for scene in scenes.song_scenes(song, 1, 3)}


@pytest.fixture
def registered(monkeypatch):
    """Upmixers registered for one test."""
    added = {}
    monkeypatch.setattr(registry.UPMIXERS, "registered", added)
    return added


def judged(upmix, scene, layout=SURROUND):
    """Return the metrics of an upmix that still has its margins."""
    return score(upmix[:, scenes.MARGIN : -scenes.MARGIN], scene, layout)


def panned(scene, layout=SURROUND):
    """Return the direct sound alone, at its true direction."""
    return vbap_gains(scene.azimuth, layout=layout).T @ scene.stems


def velvet(rng, rate=RATE):
    """A decorrelator: 30 ms of decaying sparse impulses."""
    taps = np.zeros(round(0.03 * rate))
    places = rng.choice(taps.size, 30, replace=False)
    taps[places] = rng.choice([-1.0, 1.0], 30) * 10.0 ** (-places / taps.size)
    return taps / np.linalg.norm(taps)


# Scenes


def test_scenes_are_the_sum_of_their_known_parts(by_name):
    assert list(by_name) == [
        *("dry 1", "room 1", "dry 2", "room 2", "dry 3", "room 3", "near-mono", "song")
    ]
    for name, scene in by_name.items():
        if name == "song":
            continue
        direct = panned(scene, get_layout("stereo"))
        total = direct + (scene.ambience if len(scene.ambience) else 0.0)
        np.testing.assert_allclose(scene.stereo, total, atol=1e-6)  # float32
        if len(scene.ambience):
            level = 10.0 * np.log10(np.sum(scene.ambience**2.0) / np.sum(direct**2.0))
            assert level == pytest.approx(-8.0 if "room" in name else -24.0, abs=1e-3)


def test_stems_are_left_central_and_right_and_one_is_at_the_edge(rng):
    azimuth = scenes.sample_azimuths(5, 4, rng)
    thirds = np.digitize(azimuth, [-10.0, 10.0])
    assert np.array_equal(np.sort(thirds[:3], axis=0), np.repeat([[0], [1], [2]], 4, axis=1))
    assert np.all(np.sum(np.abs(azimuth) == 30.0, axis=1) == 1)
    assert np.abs(azimuth).max() == 30.0


def test_scenes_depend_on_the_seed_only(song):
    first, again, other = (list(scenes.song_scenes(song, seed, 2)) for seed in (1, 1, 2))
    for one, same, different in zip(first[:-1], again, other, strict=False):
        assert np.array_equal(one.stereo, same.stereo)
        assert not np.allclose(one.stereo, different.stereo)
    assert np.array_equal(scenes.noise_scene(3).stereo, scenes.noise_scene(3).stereo)


def test_the_room_decays_by_60_db_in_its_time_after_a_delay(rng):
    response = reverberation.room_response(RATE, rng)
    quiet = round(reverberation.PRE_DELAY * RATE)
    assert not response[:, :quiet].any()
    assert abs(np.corrcoef(response)[0, 1]) < 0.05  # 2 / sqrt(53000 samples, many of them soft)
    for band, decay in (((200.0, 2000.0), 1.2), ((15000.0, 18000.0), 0.65)):
        filtered = sosfilt(butter(4, band, "bandpass", fs=RATE, output="sos"), response[0, quiet:])
        level = 10.0 * np.log10(np.cumsum(filtered[::-1] ** 2)[::-1] / np.sum(filtered**2))
        start, end = (np.flatnonzero(level < limit)[0] for limit in (-5.0, -25.0))
        # Schroeder's integral, from 20 dB of decay; noise of one band scatters.
        assert 3.0 * (end - start) / RATE == pytest.approx(decay, rel=0.12)


def test_the_excerpt_is_where_the_softest_stem_is_loudest(rng):
    stems = [rng.standard_normal((2, 10 * RATE)).astype(np.float32) for _ in range(2)]
    stems[0][:, : 6 * RATE] *= 0.01
    stems[1][:, 9 * RATE :] *= 0.01
    assert songs._loudest_start(stems, 3 * RATE, RATE) == 6 * RATE
    stems[1][:] = 0.0  # silent stems are heard nowhere
    assert songs._loudest_start(stems, 3 * RATE, RATE) in (6 * RATE, 7 * RATE)


def test_noise_has_a_common_part_3_db_above_the_separate_ones():
    left, right = scenes.noise_scene(1).stereo
    # common / (common + side) with side = common / 2; pink noise of 10 s has few free octaves
    assert np.corrcoef(left, right)[0, 1] == pytest.approx(2.0 / 3.0, abs=0.05)


# Upmixes whose scores are known


def test_the_ideal_upmix_has_ideal_scores(by_name):
    scene = by_name["room 2"]
    ideal = panned(scene)
    ideal[SIDES] += scene.ambience
    scores = judged(ideal, scene)
    assert scores["direction_error"] < 2.0  # the ambience has some random correlation with stems
    assert scores["leakage"] < -50.0
    assert scores["ambience_share"] > 99.9
    assert scores["ambience_moved"] == pytest.approx(0.0, abs=0.01)
    assert scores["surround_correlation"] < 0.15
    assert scores["surround_level"] == pytest.approx(-8.0, abs=1.0)  # without the margins
    assert np.isnan(scores["height_level"])
    dry = judged(panned(by_name["dry 1"]), by_name["dry 1"])
    assert dry["direction_error"] == pytest.approx(0.0, abs=1e-3)
    assert dry["leakage"] == -np.inf
    assert "ambience_share" not in dry


def test_direct_sound_in_surround_channels_is_leakage_at_its_level(by_name):
    scene = by_name["room 1"]
    upmix = panned(scene)
    upmix[SIDES] = 0.1 * scene.stems.sum(axis=0)
    front = np.sum(panned(scene)[:3, scenes.MARGIN : -scenes.MARGIN] ** 2)
    around = 2.0 * np.sum((0.1 * scene.stems.sum(axis=0)[scenes.MARGIN : -scenes.MARGIN]) ** 2)
    scores = judged(upmix, scene)
    # Frames at both ends hang over the signal and weigh differently.
    assert scores["leakage"] == pytest.approx(10.0 * np.log10(around / front), abs=0.3)
    assert scores["ambience_share"] < 10.0
    assert scores["ambience_moved"] < -40.0
    assert scores["surround_correlation"] == pytest.approx(1.0)


def test_a_decorrelated_part_is_still_identified(by_name, rng):
    scene = by_name["room 1"]
    upmix = panned(scene)
    for side, source in zip(SIDES, scene.ambience, strict=True):
        upmix[side] = np.convolve(source, velvet(rng))[: source.size]
    scores = judged(upmix, scene)
    assert scores["leakage"] < -20.0
    # 30 ms of a window of 186 ms: some of it is explained no more.
    assert scores["ambience_share"] > 85.0
    assert scores["ambience_moved"] == pytest.approx(0.0, abs=1.0)
    for side in SIDES:
        upmix[side] = np.convolve(scene.stems.sum(axis=0), velvet(rng))[: upmix.shape[1]]
    assert judged(upmix, scene)["ambience_share"] < 5.0


def test_unrelated_noise_is_neither_direct_sound_nor_ambience(by_name, rng):
    scene = by_name["room 1"]
    noise = rng.standard_normal((2, scene.stereo.shape[1]))
    signals = np.concatenate([scene.stems, scene.ambience, noise])
    found = components.separate_components(components.cross_spectra(signals, RATE), 4, 2)
    total = found.direct + found.ambience + found.residual
    # 2 of 172 / 1.9 effective frames fit at random: 2 %, most of which is subtracted.
    assert np.all(found.ambience < 0.005 * total)
    assert np.all(found.direct < 0.01 * total)


def test_time_varying_gains_are_neither_direct_sound_nor_ambience(by_name):
    scene = by_name["room 1"]
    gain = np.sign(np.sin(2.0 * np.pi * 8.0 * np.arange(scene.stereo.shape[1]) / RATE))
    upmix = panned(scene)
    upmix[SIDES] = scene.ambience * gain
    assert judged(upmix, scene)["ambience_share"] < 10.0


def test_silent_surround_channels_contain_no_ambience(by_name):
    scores = judged(panned(by_name["room 1"]), by_name["room 1"])
    assert np.isnan(scores["ambience_share"])
    assert np.isnan(scores["surround_correlation"])
    assert scores["ambience_moved"] == scores["surround_level"] == -np.inf


def test_a_layout_without_surround_channels_has_no_surround_scores(by_name):
    stereo = get_layout("stereo")
    scene = by_name["room 1"]
    scores = judged(scene.stereo, scene, stereo)
    assert "leakage" not in scores
    assert np.isnan(scores["surround_level"])
    assert scores["downmix_error"] == np.inf
    assert scores["level_change"] == 0.0


# Measures alone


def test_correlation_is_that_of_the_mix(rng):
    noise = rng.standard_normal((2, 10 * RATE))
    mixed = np.stack([noise[0], 0.6 * noise[0] - 0.8 * noise[1], -noise[0]])
    spectra = components.cross_spectra(mixed, RATE)
    # The octave at 125 Hz, 88 Hz wide, has 2 * 88 * 10 free values.
    assert components.octave_correlation(spectra, np.array([0, 1])) == pytest.approx(0.6, abs=0.02)
    assert components.octave_correlation(spectra, np.array([0, 2])) == pytest.approx(1.0)
    assert np.isnan(components.octave_correlation(spectra, np.array([0])))


def test_the_kurtosis_of_noise_is_that_of_the_exponential_distribution(rng):
    # <x^4> / <x^2>^2 = 4! / 2!^2
    assert measures._kurtosis(rng.standard_normal(20 * RATE)) == pytest.approx(6.0, rel=0.03)


def test_spectral_subtraction_causes_musical_noise_and_linear_filters_do_not(rng):
    stereo = scenes.noise_scene(1).stereo
    assert measures.log_kurtosis_ratio(0.3 * stereo[:1], stereo[:1]) == pytest.approx(0.0, abs=1e-6)
    filtered = [sosfilt(butter(2, 300.0, fs=RATE, output="sos"), stereo.sum(axis=0))]
    filtered.append(np.convolve(stereo[0], velvet(rng))[: stereo.shape[1]])
    # 400,000 values of relative variance 70 in <x^4> leave 2 %, the larger of two a little more.
    assert abs(measures.log_kurtosis_ratio(np.array(filtered), stereo)) < 0.08
    _, _, spectrum = stft(stereo[0], nperseg=1024)
    power = np.abs(spectrum) ** 2
    floor = np.mean(power, axis=1, keepdims=True)
    spectrum *= np.sqrt(np.maximum(power - 2.0 * floor, 0.0) / power)
    musical = istft(spectrum, nperseg=1024)[1][None, : stereo.shape[1]]
    assert measures.log_kurtosis_ratio(musical, stereo) > 1.0
    assert np.isnan(measures.log_kurtosis_ratio(np.zeros((2, RATE)), stereo))


def test_own_imbalance_is_what_does_not_follow_an_exchange_of_left_and_right(rng):
    """A louder left input is no imbalance of the upmixer; a gain of one loudspeaker is."""
    stereo = rng.standard_normal((2, 2 * RATE)) * [[2.0], [1.0]]
    upmix, exchanged = (
        np.stack([*pair, pair.sum(axis=0), 0.0 * pair[0], *pair]) for pair in (stereo, stereo[::-1])
    )
    assert measures.own_imbalance(upmix, exchanged, SURROUND, RATE) == pytest.approx(0.0, abs=1e-9)
    gain = 10.0 ** (-3.0 / 20.0)
    for louder in (upmix, exchanged):
        louder[5] *= gain
    assert measures.own_imbalance(upmix, exchanged, SURROUND, RATE) == pytest.approx(3.0, abs=1e-9)
    silent = np.zeros_like(upmix)
    assert np.isnan(measures.own_imbalance(silent, silent, SURROUND, RATE))
    mono = np.zeros((1, RATE))
    assert np.isnan(measures.own_imbalance(mono, mono, get_layout("mono"), RATE))


def test_mirror_pairs_may_be_a_few_degrees_apart():
    left, right = measures._mirror_pairs(get_layout("7.1.4"))
    assert left.tolist() == [0, 4, 6, 8, 10]
    assert right.tolist() == [1, 5, 7, 9, 11]
    measured = Layout.from_directions([31.0, -28.0, 1.0, 100.0, -128.0])
    assert [side.tolist() for side in measures._mirror_pairs(measured)] == [[0], [1]]


def test_level_error_is_the_deviation_of_an_octave(rng):
    stereo = rng.standard_normal((2, 4 * RATE))
    copies = np.stack([0.5 * stereo[0], 2.0 * stereo[1]])
    # An octave of white noise at 125 Hz has 350 independent values in 4 s: 0.3 dB.
    assert measures.level_error(copies, stereo, RATE) < 1.0
    spectrum = np.fft.rfft(copies[1])
    frequency = np.fft.rfftfreq(copies.shape[1], 1.0 / RATE)
    spectrum[(frequency > 1000.0 / np.sqrt(2.0)) & (frequency < 1000.0 * np.sqrt(2.0))] *= 0.5
    copies[1] = np.fft.irfft(spectrum, copies.shape[1])
    # One of seven octaves is 6 dB below the others, 6 / 7 dB of which are the mean.
    assert measures.level_error(copies, stereo, RATE) == pytest.approx(6.02 * 6 / 7, abs=0.7)


def test_gating_depth_is_that_of_the_worst_channel(rng):
    stereo = rng.standard_normal((2, 4 * RATE))
    plain = np.stack([stereo[0], stereo[0] + stereo[1]])
    open_depth = measures.gating_depth(plain, stereo, RATE)
    assert open_depth < 6.0  # the ratio of two channels of noise varies
    gate = np.where(np.arange(4 * RATE) // (RATE // 8) % 4 == 0, 0.1, 1.0)  # a quarter of the time
    gated = plain * np.stack([np.ones_like(gate), gate])
    assert measures.gating_depth(gated, stereo, RATE) == pytest.approx(20.0, abs=3.0)
    assert measures.gating_depth(plain[:1], plain[:1], RATE) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(measures.gating_depth(0.0 * plain, stereo, RATE))


def test_pumping_is_the_deviation_of_the_gain(rng):
    stereo = rng.standard_normal((2, 10 * RATE))
    gain_db = np.repeat(np.tile([3.0, -3.0], 50), RATE // 10)
    moved = stereo * 10.0 ** (gain_db / 20.0)
    assert measures.level_pumping(moved, stereo, RATE) == pytest.approx(3.0, abs=1e-9)
    assert measures.level_pumping(0.5 * stereo, stereo, RATE) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(measures.level_pumping(stereo, np.zeros_like(stereo), RATE))


@pytest.mark.parametrize("lag", [0, 1, 2048, 8192, -300])
def test_the_lag_is_found(lag):
    stereo = scenes.noise_scene(1).stereo[:, : 2 * RATE]
    moved = np.zeros((5, stereo.shape[1]))
    late, early = max(lag, 0), max(-lag, 0)
    moved[:2, late : moved.shape[1] - early] = stereo[:, early : stereo.shape[1] - late]
    assert measures.find_lag(moved, stereo) == lag


def test_scenes_are_pooled_as_documented():
    assert pool([1.0, np.nan, 3.0], "mean") == 2.0
    assert pool([30.0, np.inf, 20.0], "minimum") == 20.0
    assert pool([0.1, np.nan, 0.4], "maximum") == 0.4
    assert pool([-np.inf, 0.0], "energy") == pytest.approx(10.0 * np.log10(0.5))
    assert pool([-np.inf], "energy") == -np.inf
    assert np.isnan(pool([np.nan], "mean"))


def test_intervals_stay_within_the_range_of_the_values():
    low, high = pooled_interval([0.0] * 9 + [180.0], "mean")
    assert 0.0 <= low < 18.0 < high <= 180.0
    low, high = pooled_interval([-30.0, -20.0, -10.0], "energy")
    assert -30.0 <= low < 10.0 * np.log10((1e-3 + 1e-2 + 1e-1) / 3.0) < high < -10.0 + 1e-9
    assert pooled_interval([2.0, 2.0], "mean") == (2.0, 2.0)
    for rule in ("minimum", "maximum"):
        assert np.isnan(pooled_interval([1.0, 2.0], rule)).all()
    assert np.isnan(pooled_interval([1.0], "mean")).all()
    assert np.isnan(pooled_interval([1.0, np.inf], "mean")).all()


# The whole


@dataclass(frozen=True)
class CopyOptions:
    """Options of `Copies`."""

    delay: int = controls.option(0, "Samples that everything is late by.", minimum=0)
    exact_downmix: bool = controls.exact_downmix(False)


class Copies(Upmixer):
    """Upmixer that plays both channels in front and, softer, in the surround."""

    name = "copies"
    accepts = (2,)
    format = get_layout("5.1")
    options_class = CopyOptions

    def _upmix(self, audio, sample_rate):
        result = np.zeros((6, audio.shape[1]), audio.dtype)
        delay = self.options.delay
        source = audio[:, : audio.shape[1] - delay]
        result[:2, delay:] = source
        result[4:, delay:] = 0.5 * source
        return result


class Broken(Copies):
    """Upmixer that raises an error."""

    def _upmix(self, audio, sample_rate):
        raise RuntimeError("no power")


def test_a_delayed_upmixer_has_the_scores_of_an_aligned_one(registered):
    registered["copies"] = Copies
    registered["late"] = lambda **options: Copies(**{"delay": 1000, **options})
    rows = benchmark_upmixers(["copies", "late"], seconds=4.0, scenes=2).rows
    assert [row.lag for row in rows] == [0, 1000]
    for name, value in rows[0].measures.items():
        assert rows[1].measures[name] == pytest.approx(value, abs=1e-6, nan_ok=True), name


def test_correction_of_an_upmixer_is_measured(registered):
    registered["copies"] = Copies
    (plain,) = benchmark_upmixers(["copies"], seconds=3.0, scenes=1).rows
    (exact,) = benchmark_upmixers([Copies(exact_downmix=True)], seconds=3.0, scenes=1).rows
    assert exact.measures["correction"] == pytest.approx(plain.measures["correction"], abs=1e-9)
    assert plain.measures["downmix_error"] < 20.0
    assert exact.measures["downmix_error"] > 120.0  # float32
    stereo = scenes.noise_scene(SEED).stereo
    size = correction_size(Copies().upmix(stereo, RATE), stereo, "5.1")
    assert plain.scenes["noise"]["correction"] == pytest.approx(float(size), abs=0.05)  # margins


def test_failed_row_contains_the_error_and_others_are_measured(registered, monkeypatch):
    registered["broken"] = Broken
    monkeypatch.setattr(shutil, "which", lambda name: None)
    results = benchmark_upmixers(
        ["broken", "all-channel-stereo", "ffmpeg", "coderynx"], seconds=2.0, scenes=3
    )
    broken, passive = results.rows
    assert broken.error == "noise: RuntimeError: no power"
    assert passive.layout == "5.0"
    assert passive.measures["level_pumping"] == pytest.approx(0.0, abs=1e-4)  # float32
    assert set(passive.measures) == {measure.name for measure in MEASURES}
    text = results.to_text()
    assert "broken failed: noise: RuntimeError: no power" in text
    assert "all-channel-stereo has output format 5.0." in text
    assert "The surround filter of ffmpeg was not measured: it is not installed." in text
    assert "The upmixer of coderynx" in text
    assert max(map(len, text.splitlines())) <= 80
    facts = json.loads(results.to_json())
    assert facts["rows"][0]["error"]
    assert not facts["rows"][1]["error"]
    assert facts["rows"][1]["measures"]["height_level"] is None
    assert set(facts["rows"][1]["scenes"]) >= {"noise", "francium/room 3", "francium/song"}
    lines = results.to_markdown().splitlines()
    assert lines[0] == "|  | all-channel-stereo | better |"
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1


def test_the_core_is_measured_by_default():
    chosen = runner._default_systems()
    assert chosen[:1] == ["all-channel-stereo"]
    assert {"matrix", "ffmpeg", "coderynx"} <= set(chosen)
    assert not {"style-vae", "foa-pair"} & set(chosen)  # a model; Ambisonics


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs an ffmpeg")
def test_the_filter_of_ffmpeg_is_a_row():
    (row,) = benchmark_upmixers(["ffmpeg"], layout="7.1", seconds=2.0, scenes=1).rows
    assert row.error == ""
    assert row.origin.startswith("ffmpeg version")
    assert row.lag == 2048  # half of its window of 4096
    assert row.measures["leakage"] < 0.0
    assert row.measures["musical_noise"] > 0.01
    assert (
        "does not support 7.1.4"
        in benchmark_upmixers(["ffmpeg"], layout="7.1.4", seconds=2.0).notes[0]
    )


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            {"systems": ["nobody"]},
            UpmixerError,
            "unknown upmixer 'nobody'.*: .*all-channel",
        ),
        ({"systems": ["matrx"]}, UpmixerError, "unknown upmixer 'matrx'; did you mean 'matrix'"),
        ({"systems": ["matrix:rear=1"]}, OptionError, "rear"),
        (
            {"systems": ["matrix", "matrix"]},
            OptionError,
            "'matrix' is there twice",
        ),
        ({"systems": [np.abs]}, OptionError, "must be a name, an Upmixer or a System"),
        ({"scenes": 0}, OptionError, "scenes must be at least 1"),
        ({"seconds": 1.0}, OptionError, "seconds must be at least 2 s, got 1.0"),
        ({"seed": -1}, OptionError, "seed must be at least 0, got -1"),
        ({"stems": "nowhere"}, AudioFileError, "nowhere is not a directory"),
    ],
)
def test_invalid_arguments_raise(arguments, error, words):
    with pytest.raises(error, match=words):
        benchmark_upmixers(**arguments)


def test_songs_are_found_in_directories_and_invalid_stems_raise(tmp_path, rng):
    for song in ("one", "two"):
        (tmp_path / song).mkdir()
        for stem in songs.STEMS:
            noise = rng.uniform(-0.1, 0.1, (2, 3 * 8000)).astype(np.float32)
            write(tmp_path / song / f"{stem}.wav", noise, 8000)
    assert list(songs.find_songs(tmp_path)) == ["one", "two"]
    assert list(songs.find_songs(tmp_path / "one")) == ["one"]
    with pytest.raises(AudioFileError, match=r"of one are too short: 2\.50 s, at least"):
        songs.read_song("one", songs.find_songs(tmp_path)["one"], 2.5)
    (tmp_path / "one" / "bass.wav").unlink()
    write(tmp_path / "one" / "bass.wav", np.zeros((2, 100), np.float32), 16000)
    with pytest.raises(AudioFileError, match="has 16000 Hz, other stems have 8000 Hz"):
        songs.read_song("one", songs.find_songs(tmp_path)["one"], 2.0)
    (tmp_path / "one" / "bass.wav").unlink()
    with pytest.raises(AudioFileError, match="contains no song; a song is a directory with vocals"):
        songs.find_songs(tmp_path / "one")


# Command line


def test_the_command_line_prints_writes_and_draws(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = "benchmark upmix --upmixer matrix --seconds 2 --scenes 1"
    line += " --figure drawn.png --markdown -o table.md"
    assert main(line.split()) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "table.md").read_text().startswith("|  | matrix | better |")
    assert main(line.split()) == 2
    assert capsys.readouterr().err == "Error: drawn.png exists: add --force to replace it\n"
    for wrong in ("-o .", "-o none/table.md", "--json --markdown", "--layout 5.x"):
        assert main(["benchmark", "upmix", *wrong.split()]) == 2
        assert capsys.readouterr().err.startswith("Error: ")


def test_a_figure_without_matplotlib_is_refused_immediately(monkeypatch, tmp_path, capsys):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    results = UpmixBenchmark("5.1", 2.0, 1, ("song",), ())
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SpatialkitError, match=r"pip install 'spatialkit-audio\[plot\]'"):
        results.figure(tmp_path / "figure.png")
    monkeypatch.setattr(
        benchmarks, "benchmark_upmixers", lambda *a, **b: pytest.fail("it works"), False
    )
    assert main(["benchmark", "upmix", "--figure", str(tmp_path / "figure.png")]) == 2
    assert "pip install 'spatialkit-audio[plot]'" in capsys.readouterr().err


def test_the_group_lists_upmix_and_commands_of_packages(capsys, monkeypatch):
    entry = EntryPoint("other", "no_such_package:command", "spatialkit.benchmarks")
    groups = {"spatialkit.benchmarks": {"other": entry}}
    monkeypatch.setattr(plugins, "find_plugins", lambda group: groups.get(group, {}))
    assert main(["benchmark", "--help"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^  upmix +Measure upmixers", text, re.MULTILINE)
    assert "From no_such_package:command." in text
    assert main(["benchmark", "other"]) == 2
    assert "failed to import" in capsys.readouterr().err
    monkeypatch.setattr(EntryPoint, "load", lambda self: click.Command("other", callback=print))
    assert main(["benchmark", "other"]) == 0
    assert main(["benchmark", "upmix", "--help"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_upmixers_are_compared_with_options_of_theirs():
    names = ["foa-pair", "foa-pair:decoder=dirac,width=30"]
    results = benchmark_upmixers(names, layout="5.1", seconds=2.0, scenes=3)
    assert [row.name for row in results.rows] == names
    linear, sharp = (row.measures["direction_error"] for row in results.rows)
    assert sharp < 0.7 * linear


@pytest.mark.parametrize("name", ["matrix:width", "matrix:=1", "matrix:wide=1"])
def test_options_that_cannot_be_read_are_refused(name):
    with pytest.raises(OptionError, match=r"NAME:KEY=VALUE|unknown option 'wide'"):
        benchmark_upmixers([name], seconds=2.0)


def test_ffmpeg_has_no_options():
    with pytest.raises(UpmixerError, match="ffmpeg:level"):
        benchmark_upmixers(["ffmpeg:level=1"], seconds=2.0)
