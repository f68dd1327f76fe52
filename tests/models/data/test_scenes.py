"""Training scenes: content, dependence on seed and number only, real recordings."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest

from spatialkit import downmix, get_layout, reorder, vbap_gains, vbap_pan, write
from spatialkit.errors import AudioFileError, OptionError, SignalError
from spatialkit_models.data.scenes import (
    Configuration,
    FiveChannelExcerpts,
    ShardedScenes,
    StyleScenes,
    load_configurations,
    mix,
    stereo_downmix,
)
from spatialkit_models.data.scenes.style import SHARD_SIZE

SAMPLES = 300
RATE = 8000


class Songs:
    """Excerpts of as many songs as there are numbers; records its calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int | None]] = []

    def excerpt(self, index: int, *, other_than: int | None = None) -> np.ndarray:
        self.asked.append((index, other_than))
        return np.random.default_rng(index).standard_normal((4, SAMPLES)).astype(np.float32)


def same(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )


@pytest.mark.parametrize("protocol", ["independent", "same", "mixed"])
def test_gains_are_those_of_vbap_and_its_downmix(protocol):
    batch = StyleScenes(Songs(), protocol=protocol).batch(6, 3)
    assert {name: array.shape for name, array in batch.items()} == {
        "stems": (3, 4, SAMPLES),
        "azimuth": (3, 4),
        "seed_azimuth": (3, 4),
        "gains": (3, 4, 5),
        "seed_gains": (3, 4, 2),
        "style_stems": (3, 4, SAMPLES),
        "style_gains": (3, 4, 5),
    }
    assert {array.dtype for array in batch.values()} == {np.dtype(np.float32)}
    for item in range(3):
        stems = batch["stems"][item].astype(np.float64)
        five = vbap_pan(stems, batch["azimuth"][item], layout="5.0")
        np.testing.assert_allclose(mix(stems, batch["gains"][item]), five, atol=1e-5)
        elsewhere = vbap_pan(stems, batch["seed_azimuth"][item], layout="5.0")
        stereo = np.stack([  # the paper's G, written out
            elsewhere[0] + elsewhere[3] + elsewhere[2] / 2,
            elsewhere[1] + elsewhere[4] + elsewhere[2] / 2,
        ])  # fmt: skip
        np.testing.assert_allclose(mix(stems, batch["seed_gains"][item]), stereo, atol=1e-5)
        np.testing.assert_allclose(stereo_downmix(elsewhere), stereo, atol=1e-12)
    np.testing.assert_array_equal(batch["style_gains"], batch["gains"])


def test_protocols_pan_the_stereo_as_documented():
    def like_target(protocol):
        batch = StyleScenes(Songs(), protocol=protocol).batch(0, 200)
        return (batch["azimuth"] == batch["seed_azimuth"]).all(axis=1).mean()

    assert like_target("same") == 1.0
    assert like_target("independent") == 0.0
    assert 0.35 < like_target("mixed") < 0.65  # four deviations of 200 coins


def test_directions_are_uniform_and_independent_over_the_circle():
    batch = StyleScenes(Songs()).batch(0, 2000)
    every = np.concatenate([batch["azimuth"], batch["seed_azimuth"]], axis=1)
    assert every.min() >= -180.0
    assert every.max() <= 180.0
    counts = np.histogram(every, 12, (-180.0, 180.0))[0]
    # Chi-squared of 11 degrees of freedom: above 31.3 once in a thousand.
    assert np.sum((counts - counts.mean()) ** 2 / counts.mean()) < 31.3
    correlation = np.corrcoef(np.exp(1j * np.radians(every)).T)
    assert np.abs(correlation - np.eye(8)).max() < 0.1  # four times 1 / sqrt(2000)


def test_scenes_depend_on_seed_and_number_only():
    scenes, again = (
        StyleScenes(Songs(), seed=5, level_db=6.0),
        StyleScenes(Songs(), seed=5, level_db=6.0),
    )
    later = scenes.batch(28, 4)
    scenes.batch(0, 4)
    assert same(later, scenes.batch(28, 4))
    assert same(later, again.batch(28, 4))
    # Of whatever size the batches are: number 30 is the third of the eighth four.
    assert same({name: array[2] for name, array in later.items()}, again.scene(30))
    other = StyleScenes(Songs(), seed=6, level_db=6.0).batch(28, 4)
    assert not np.isclose(other["azimuth"], later["azimuth"]).any()


def test_the_style_is_encoded_from_other_songs():
    songs = Songs()
    batch = StyleScenes(songs).batch(2, 2)
    assert sorted(songs.asked, key=str) == [(4, None), (5, 4), (6, None), (7, 6)]
    np.testing.assert_array_equal(batch["style_stems"][1], songs.excerpt(7))
    own = StyleScenes(Songs(), cross_song=False).batch(2, 2)
    np.testing.assert_array_equal(own["stems"], batch["stems"])
    np.testing.assert_array_equal(own["style_stems"], own["stems"])


def test_levels_vary_within_the_given_range():
    plain, varied = (StyleScenes(Songs(), level_db=db).batch(0, 50) for db in (0.0, 6.0))
    np.testing.assert_array_equal(plain["azimuth"], varied["azimuth"])
    for name in ("stems", "style_stems"):
        level = 20.0 * np.log10(varied[name][..., 0] / plain[name][..., 0])
        assert np.abs(level).max() <= 6.0 + 1e-4
        assert level.std() == pytest.approx(6.0 / np.sqrt(3.0), rel=0.2)
    assert not np.allclose(
        varied["stems"][..., 0] / plain["stems"][..., 0],
        varied["style_stems"][..., 0] / plain["style_stems"][..., 0],
    )


def test_paired_stems_play_from_two_directions_equally_loud():
    plain, some = (StyleScenes(Songs(), paired=share).batch(0, 200) for share in (0.0, 0.3))
    for name in ("azimuth", "seed_azimuth", "stems"):
        np.testing.assert_array_equal(plain[name], some[name])
    np.testing.assert_allclose(np.square(some["gains"]).sum(-1), 1.0, rtol=1e-6)
    paired = np.abs(some["gains"] - plain["gains"]).max(-1) > 1e-6
    assert paired.mean() == pytest.approx(0.3, abs=0.05)
    # Less the first direction, scaled back, what is left is a direction: one pair of loudspeakers.
    for both, first in zip(some["gains"][paired], plain["gains"][paired], strict=True):
        # |both * scale - first| = 1 for one scale above 0.
        second = 2.0 * (both @ first) * both - first
        np.testing.assert_allclose(np.linalg.norm(second), 1.0, rtol=1e-5)
        assert second.min() > -1e-5
        assert np.count_nonzero(second > 1e-5) <= 2
    same = StyleScenes(Songs(), paired=0.3, protocol="same").batch(0, 50)
    np.testing.assert_allclose(
        same["seed_gains"], stereo_downmix(same["gains"].swapaxes(1, 2)).swapaxes(1, 2), atol=1e-6
    )


def test_mixing_is_the_same_in_torch(rng):
    torch = pytest.importorskip("torch")
    stems, gains = rng.standard_normal((2, 4, 9)), rng.standard_normal((2, 4, 5))
    ours = mix(torch.from_numpy(stems), torch.from_numpy(gains)).numpy()
    np.testing.assert_allclose(ours, mix(stems, gains), atol=1e-12)
    np.testing.assert_allclose(ours, np.einsum("bst,bsc->bct", stems, gains), atol=1e-12)


def test_batches_are_sharded_to_distant_index_ranges():
    class Numbers:
        seconds = 1.0

        def scenes(self, numbers):
            return list(numbers)

    sharded = ShardedScenes(Numbers(), 8, 3)
    assert sharded.seconds == 1.0
    starts = [sharded.batch(8 * step, 8)[0] for step in range(7)]
    assert starts == [0, SHARD_SIZE, 2 * SHARD_SIZE, 8, SHARD_SIZE + 8, 2 * SHARD_SIZE + 8, 16]
    # Half of a batch for each of two processes.
    assert sharded.batch(28, 4) == [8 + n for n in range(4, 8)]
    far = StyleScenes(Songs()).batch(2 * SHARD_SIZE, 2)
    assert far["stems"].shape == (2, 4, SAMPLES)


def test_the_test_configurations_are_those_of_their_seed():
    path = files("spatialkit_models") / "data" / "scenes" / "configurations.json"
    listed = json.loads(path.read_text(encoding="utf-8"))
    drawn = np.random.default_rng(listed["seed"]).uniform(-180.0, 180.0, (20, 2, 4)).round(1)
    loaded = load_configurations()
    np.testing.assert_array_equal([[one.azimuth, one.seed_azimuth] for one in loaded], drawn)
    assert load_configurations(2) == loaded[:2]
    with pytest.raises(OptionError, match="count must be from 1 to 20, got 21"):
        load_configurations(21)


def test_the_gains_of_a_configuration_are_those_of_its_directions():
    one = Configuration((0.0, 30.0, -110.0, 180.0), (10.0, 20.0, 30.0, 40.0))
    np.testing.assert_allclose(one.gains, vbap_gains(one.azimuth), atol=1e-7)
    np.testing.assert_allclose(one.gains[:3], np.eye(5)[[2, 0, 4]], atol=1e-7)
    np.testing.assert_allclose(one.seed_gains("same")[:3], [[0.5, 0.5], [1, 0], [0, 1]], atol=1e-7)
    stereo = downmix(vbap_gains(one.seed_azimuth).T, "5.0", "stereo", method="sum").T
    np.testing.assert_allclose(one.seed_gains("independent"), stereo, atol=1e-6)
    with pytest.raises(OptionError, match="unknown protocol"):
        one.seed_gains("mixed")


def test_scenes_load_without_torch():
    code = (
        "import sys, spatialkit_models.data.scenes as s, spatialkit_models.data.scenes; "
        "s.load_configurations(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protocol": "both"}, "unknown protocol"),
        ({"level_db": -1.0}, "level_db must be at least 0 dB"),
        ({"paired": 1.5}, "paired must be from 0 to 1"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_invalid_arguments_are_refused(arguments, message):
    with pytest.raises(OptionError, match=message):
        StyleScenes(Songs(), **arguments)


def five_tones(seconds: float, rate: int) -> np.ndarray:
    """A steady tone in each of FL FR FC SL SR, 200 to 600 Hz, louder from one to the next."""
    time = np.arange(round(seconds * rate)) / rate
    channel = np.arange(1, 6)[:, None]
    return (0.1 * channel * np.sin(2.0 * np.pi * 200.0 * channel * time)).astype(np.float32)


def assert_tones(five: np.ndarray, rate: int) -> None:
    """Assert that each tone is in its channel only (-40 dB: the window)."""
    spectrum = np.abs(np.fft.rfft(five * np.hanning(five.shape[-1]))) * 4.0 / five.shape[-1]
    tone = np.arange(1, 6) * 200 * five.shape[-1] // rate
    np.testing.assert_allclose(spectrum[:, tone], np.diag(0.1 * np.arange(1, 6)), atol=5e-3)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("layout", ["5.0", "5.1", "paper5", "5.1:film", "0+5+0"])
def test_channels_of_recordings_follow_the_channel_mask(layout, suffix, tmp_path):
    tones, where = five_tones(1.0, RATE), get_layout(layout)
    samples = np.full((where.n_channels, tones.shape[1]), 0.3, np.float32)  # where the LFE is
    samples[where.loudspeakers] = reorder(tones, "5.0", where.without_lfe())
    write(tmp_path / f"music.{suffix}", samples, RATE, format=where)
    batch = FiveChannelExcerpts(tmp_path, 0.5, RATE).batch(0, 2)
    assert batch["five"].shape == (2, 5, 4000)
    assert_tones(batch["five"][1], RATE)
    left = batch["five"][:, 0] + batch["five"][:, 3] + batch["five"][:, 2] / 2
    np.testing.assert_allclose(batch["stereo"][:, 0], left, atol=1e-6)


def test_files_without_a_mask_use_the_given_layout(tmp_path):
    import soundfile

    tones = reorder(five_tones(1.0, RATE), "5.0", "paper5")
    soundfile.write(tmp_path / "music.aiff", tones.T, RATE, subtype="FLOAT")
    told = FiveChannelExcerpts(tmp_path, 0.5, RATE, layout="paper5")
    assert_tones(told.excerpt(0), RATE)
    with pytest.raises(AudioFileError, match="does not specify its layout: pass layout="):
        FiveChannelExcerpts(tmp_path, 0.5, RATE)
    with pytest.raises(AudioFileError, match="has 5 channels and is not"):
        FiveChannelExcerpts(tmp_path, 0.5, RATE, layout="5.1")


@pytest.mark.parametrize("rate", [6000, 11025, 12000])
def test_recordings_of_other_rates_are_converted_as_the_whole_file_is(rate, tmp_path, rng):
    import soxr

    audio = 0.1 * rng.standard_normal((5, 2 * rate)).astype(np.float32)
    write(tmp_path / "music.wav", audio, rate, format="5.0")
    excerpts = FiveChannelExcerpts(tmp_path, 0.5, RATE)
    whole = soxr.resample(audio.T, rate, RATE).T
    assert excerpts.excerpt(0).shape == (5, RATE // 2)
    # Where both rates have a sample: between them the excerpt begins a part of a sample off.
    for second in (0, 1):
        five = excerpts._read(excerpts.files[0], second * rate)
        expected = whole[:, second * RATE : second * RATE + RATE // 2]
        # Where the file begins soxr sees an end, and the excerpt silence before it.
        np.testing.assert_allclose(five[:, 8:], expected[:, 8:], atol=1e-4)


def test_recordings_depend_on_seed_and_number_only_and_short_ones_are_padded(tmp_path, rng):
    (tmp_path / "album").mkdir()
    for name, seconds in (("a", 2.0), ("album/b", 0.25)):
        audio = 0.1 * rng.standard_normal((5, round(seconds * RATE)))
        write(tmp_path / f"{name}.wav", audio, RATE, format="5.0")
    first, second = (FiveChannelExcerpts(tmp_path, 0.5, RATE, seed=3) for _ in range(2))
    for index in (9, 0, 4):
        np.testing.assert_array_equal(first.excerpt(index), second.excerpt(index))
    batch = second.batch(8, 8)
    np.testing.assert_array_equal(batch["five"][1], first.excerpt(9))
    filled = (batch["five"][:, 0, RATE // 4 :] == 0.0).all(axis=1)
    assert filled.any()
    assert not filled.all()
    assert not np.array_equal(
        FiveChannelExcerpts(tmp_path, 0.5, RATE, seed=4).batch(8, 8)["five"], batch["five"]
    )


def test_every_excerpt_has_an_active_stem(tmp_path, rng):
    audio = np.zeros((5, 10 * RATE), np.float32)
    audio[3, -RATE:] = 0.1 * rng.standard_normal(RATE)  # the last tenth of one channel
    write(tmp_path / "music.wav", audio, RATE, format="5.0")
    excerpts = FiveChannelExcerpts(tmp_path, 0.5, RATE)
    assert all(np.any(excerpts.excerpt(index)) for index in range(10))


def test_unsuitable_recordings_are_named(tmp_path):
    with pytest.raises(AudioFileError, match="contain no audio file"):
        FiveChannelExcerpts(tmp_path, 0.5)
    silence = tmp_path / "silence"
    silence.mkdir()
    write(silence / "silence.wav", np.zeros((5, RATE)), RATE, format="5.0")
    with pytest.raises(SignalError, match="all channels are silent in 64 attempts at excerpt 2"):
        FiveChannelExcerpts(silence, 0.5, RATE).excerpt(2)
    write(silence / "stereo.wav", np.zeros((2, RATE)), RATE)
    with pytest.raises(AudioFileError, match=r"stereo.wav has the layout 'stereo' .*'5.0', '5.1'"):
        FiveChannelExcerpts(silence, 0.5, RATE)
