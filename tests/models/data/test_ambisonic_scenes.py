"""Ambisonic training scenes: content, and dependence on seed and number only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spatialkit import encode_foa, stft, write
from spatialkit.errors import AudioFileError, OptionError
from spatialkit_models.data.rooms import DIRECT_SECONDS, RoomResponses
from spatialkit_models.data.scenes import MEAN_STAGE, STAGES, AmbisonicScenes, mix_stage, residual_x
from spatialkit_models.data.scenes.stage import sample_band
from spatialkit_models.data.songs import ExcerptConfig, StemExcerpts

RATE = 8000
SAMPLES = 4000


class Songs:
    """Stems of noise, by number."""

    seconds = SAMPLES / RATE

    def excerpt(self, index):
        rng = np.random.default_rng(index)
        return rng.standard_normal((4, 2, SAMPLES)).astype(np.float32)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """Responses without a room: one plane wave from 30 degrees."""
    folder = tmp_path_factory.mktemp("rooms")
    write(folder / "open.wav", encode_foa(np.eye(1, 400)[0], 30.0), RATE, format="ambix1")
    return RoomResponses([folder], "train", RATE)


@pytest.mark.parametrize("azimuth", [0.0, 20.0, -75.0, 90.0])
def test_the_residual_of_one_plane_wave_is_exact(rng, azimuth):
    w, y, _, x = encode_foa(rng.standard_normal(9000), azimuth)
    # Where the side is nearly all, the root of a difference keeps half of the digits.
    np.testing.assert_allclose(residual_x(np.stack([w, y])), x, atol=1e-6)


def test_the_residual_has_the_remaining_magnitude(rng):
    pair = rng.standard_normal((2, 3, 2, 5000))
    made = residual_x(pair)
    assert made.shape == (2, 3, 5000)
    w, y = (stft(pair[1, 2, side], n_fft=2048, hop=512) for side in (0, 1))
    wanted = np.sqrt(np.maximum(np.abs(w) ** 2 - np.abs(y) ** 2, 0.0)) * np.exp(1j * np.angle(w))
    found = stft(made[1, 2], n_fft=2048, hop=512)
    # The transform of the nearest signal: not the same, but as near as overlapping frames allow.
    assert np.linalg.norm(found - wanted) < 0.5 * np.linalg.norm(wanted)
    w_found = stft(pair[1, 2, 0], n_fft=2048, hop=512)
    assert np.real(np.vdot(w_found, found)) > 0.9 * np.linalg.norm(wanted) * np.linalg.norm(found)


def test_opposite_polarities_and_silence_have_no_residual(rng):
    one = rng.standard_normal(3000)
    assert not residual_x(np.stack([0.0 * one, one])).any()
    assert not residual_x(np.zeros((2, 3000))).any()
    assert np.abs(residual_x(np.stack([one, one]))).max() < 1e-6


def test_a_mix_is_its_stems_as_they_are():
    scenes = AmbisonicScenes(Songs(), None, seed=3).scenes([5, 8])
    assert scenes["stems"].shape == (2, 4, 3, SAMPLES)
    assert {array.dtype for array in scenes.values()} == {np.dtype(np.float32)}
    for item, number in enumerate((5, 8)):
        sides = Songs().excerpt(number)
        w, y, x = scenes["stems"][item].swapaxes(0, 1)
        np.testing.assert_allclose(w + y, sides[:, 0], atol=1e-6)
        np.testing.assert_allclose(w - y, sides[:, 1], atol=1e-6)
        np.testing.assert_allclose(x, residual_x(np.stack([w, y], 1)), atol=1e-6)


def test_stages_are_named_or_sampled():
    scenes = AmbisonicScenes(Songs(), None).scenes(range(40))
    named = [any(np.array_equal(stage, known) for known in STAGES.values())
             for stage in scenes["stage"]]  # fmt: skip
    assert 10 < sum(named) < 30
    assert np.abs(scenes["stage"]).max() <= 1.0
    assert scenes["stage"].min() < -0.5


def test_mono_mixes_have_no_side_signal():
    scenes = AmbisonicScenes(Songs(), None, plain=1.0).scenes([0])["stems"]
    assert not scenes[:, :, 1].any()
    np.testing.assert_allclose(scenes[:, :, 2], scenes[:, :, 0], atol=1e-5)


def test_random_panning_keeps_w_and_changes_the_side_signal():
    plain = AmbisonicScenes(Songs(), None, seed=3).scenes(range(6))["stems"]
    made = AmbisonicScenes(Songs(), None, seed=3, images=0.5).scenes(range(6))["stems"]
    np.testing.assert_array_equal(made[:, :, 0], plain[:, :, 0])
    changed = np.abs(made[:, :, 1] - plain[:, :, 1]).max(-1) > 0
    assert 5 < changed.sum() < 19
    for w, y, x in made[changed]:
        # W panned, and once more within 5 to 30 ms: nothing else.
        columns = [w, *(np.roll(w, late) for late in range(38, 243))]
        basis = np.stack([column[300:] for column in columns], 1).astype(float)
        found, *_ = np.linalg.lstsq(basis, y[300:].astype(float), rcond=None)
        assert np.abs(basis @ found - y[300:]).max() < 1e-4
        assert abs(found[0]) <= 0.71
        assert (np.abs(found[1:]) > 1e-3).sum() <= 1
        np.testing.assert_allclose(x, residual_x(np.stack([w, y])), atol=1e-6)


@pytest.mark.parametrize("kind", ["staged", "uniform"])
def test_without_a_room_stems_are_two_plane_waves(rooms, kind):
    scenes = AmbisonicScenes(Songs(), rooms, seed=1, shares={kind: 1.0})
    made = scenes.scenes([4])
    rng = np.random.default_rng([1, 4])
    rng.random()  # the kind
    if kind == "staged":
        azimuth, width = sample_band(rng)
    else:
        azimuth, width = rng.uniform(-180.0, 180.0, 4), rng.uniform(0.0, 120.0, 4)
    late = round(DIRECT_SECONDS * RATE)
    for stem, sides in enumerate(0.5 * Songs().excerpt(4)):
        ways = np.array([azimuth[stem] + width[stem] / 2, azimuth[stem] - width[stem] / 2])
        w, y, _, x = sum(encode_foa(side, way) for side, way in zip(sides, ways, strict=True))
        sign = made["stage"][0, stem]
        assert sign == np.sign(np.cos(np.radians(azimuth[stem])))
        wanted = np.stack([w, y, sign * x])[:, : SAMPLES - late]
        np.testing.assert_allclose(made["stems"][0, stem][:, late:], wanted, atol=2e-5)


def test_the_scene_is_the_sum_on_the_stage(rng):
    stems, stage = rng.standard_normal((2, 4, 3, 50)), rng.uniform(-1, 1, (2, 4))
    whole = mix_stage(stems, stage)
    np.testing.assert_allclose(whole[:, :2], stems[:, :, :2].sum(1))
    np.testing.assert_allclose(whole[1, 2], sum(stage[1, s] * stems[1, s, 2] for s in range(4)))


def test_kinds_have_their_ratios_and_scenes_depend_on_number_and_seed_only(rooms):
    shares = {"mix": 1.0, "staged": 2.0, "uniform": 1.0}
    scenes = AmbisonicScenes(Songs(), rooms, seed=2, shares=shares)
    kinds = [scenes.kind(number) for number in range(400)]
    assert [kinds.count(kind) / 400 for kind in shares] == pytest.approx([0.25, 0.5, 0.25], abs=0.1)
    first = scenes.scenes([7, 9])
    for number, expected, staged in zip((7, 9), first["expected"], first["staged"], strict=True):
        kind, stage = scenes.kind(number), scenes.scenes([number])["stage"][0]
        known = {"mix": stage, "staged": MEAN_STAGE, "uniform": np.ones(4)}[kind]
        np.testing.assert_array_equal(expected, np.float32(known))
        assert staged == (kind != "uniform")
    again = AmbisonicScenes(Songs(), rooms, seed=2, shares=shares).scenes([9])
    assert all(np.array_equal(again[name][0], first[name][1]) for name in first)
    other = AmbisonicScenes(Songs(), rooms, seed=3, shares=shares).scenes([9])
    assert not np.array_equal(other["stage"], again["stage"])


def test_an_ordinary_stage_has_vocals_drums_and_bass_in_front():
    drawn = [sample_band(np.random.default_rng(seed)) for seed in range(200)]
    azimuth, width = (np.array(part) for part in zip(*drawn, strict=True))
    assert (np.abs(azimuth).max(0)[:3] <= [20.0, 10.0, 15.0]).all()
    assert 0.2 < np.mean(np.abs(azimuth[:, 3]) > 90.0) < 0.4
    assert width.min() >= 0.0
    assert width.max() <= 180.0


def test_invalid_input_raises_one_sentence():
    with pytest.raises(OptionError, match="need rooms"):
        AmbisonicScenes(Songs(), None, shares={"staged": 1.0})
    with pytest.raises(OptionError, match="unknown kind of scene in shares"):
        AmbisonicScenes(Songs(), None, shares={"mixes": 1.0})
    with pytest.raises(OptionError, match="a kind with a value above 0"):
        AmbisonicScenes(Songs(), None, shares={"mix": 0.0})


# Stems in stereo.


def test_stereo_excerpts_are_the_channels_of_the_files_with_the_mean_of_mono_ones(tmp_path, rng):
    (tmp_path / "song").mkdir()
    for stem in ("vocals", "drums", "bass", "other"):
        write(tmp_path / "song" / f"{stem}.wav", 0.1 * rng.standard_normal((2, 20000)), RATE)
    mono = ExcerptConfig(
        datasets=[(tmp_path, 1.0)],
        splits={"song": "train"},
        seconds=0.5,
        sample_rate=RATE,
        coherent=1.0,
    )
    one, two = StemExcerpts(mono), StemExcerpts(replace(mono, stereo=True))
    for number in range(3):
        heard = two.excerpt(number)
        assert heard.shape == (4, 2, SAMPLES)
        np.testing.assert_allclose(heard.mean(1), one.excerpt(number), atol=1e-5)
        assert np.abs(heard[:, 0] - heard[:, 1]).max() > 0.1


def test_procedural_stems_in_stereo_have_the_mean_of_the_mono_ones():
    datasets = [("procedural", 1.0)]
    mono = ExcerptConfig(datasets=datasets, split="valid", seconds=0.5, sample_rate=RATE)
    one, two = (StemExcerpts(config).excerpt(1) for config in (mono, replace(mono, stereo=True)))
    np.testing.assert_allclose(two.mean(1), one, atol=1e-6)
    assert np.abs(two[3, 0] - two[3, 1]).max() > 1e-3


def test_stems_of_more_channels_are_refused_in_stereo(tmp_path):
    (tmp_path / "song").mkdir()
    for stem in ("vocals", "drums", "bass", "other"):
        write(tmp_path / "song" / f"{stem}.wav", np.ones((5, 9000)) / 4, RATE, format="5.0")
    config = ExcerptConfig(
        datasets=[(tmp_path, 1.0)],
        splits={"song": "train"},
        seconds=0.5,
        sample_rate=RATE,
        stereo=True,
    )
    excerpts = StemExcerpts(config)
    with pytest.raises(AudioFileError, match=r"must be mono or stereo .* got 5 channels"):
        excerpts.excerpt(0)
