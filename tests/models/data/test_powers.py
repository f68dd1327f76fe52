"""Stored powers of stems, and mixes of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import spatialkit
from spatialkit.errors import AudioFileError, OptionError
from spatialkit_models.data.powers import (
    PowerMixConfig,
    PowerMixes,
    cache_powers,
    natural_excerpts,
    open_powers,
)
from spatialkit_models.data.powers.mixes import _point, _transposition
from spatialkit_models.data.songs import find_songs
from spatialkit_models.modules import MaskConfig
from spatialkit_models.stem_names import STEMS

RATE = 8000
MASKS = MaskConfig(sample_rate=RATE, n_fft=512, hop_length=128, regions=((64, 1), (32, 2), (32, 4)))


def write_song(folder, names, seconds=3.0, seed=0):
    rng = np.random.default_rng(seed)
    for number, name in enumerate(names):
        samples = 0.1 * rng.standard_normal((2, int(seconds * RATE))).astype(np.float32)
        samples[1] *= 0.25 * (number + 1)
        spatialkit.write(folder / f"{name}.wav", samples, RATE)
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    root = tmp_path_factory.mktemp("songs")
    for number, name in enumerate(("one", "two")):
        (root / name).mkdir()
        write_song(root / name, STEMS, seed=number)
    (root / "joint").mkdir()
    write_song(root / "joint", ("vocals+drums+bass", "other"))
    songs = find_songs(root, joint=True)
    return {song.name: song for song in songs}, root


@pytest.fixture(scope="module")
def powers(library, tmp_path_factory):
    cache = tmp_path_factory.mktemp("powers")
    return {
        name: open_powers(cache_powers(song, cache, MASKS)) for name, song in library[0].items()
    }


def mixes(powers, seed=0, **config):
    songs = [powers[name] for name in ("one", "two")]
    return PowerMixes(songs, [1.0, 1.0], PowerMixConfig(frames=40, **config), MASKS, seed)


def test_stored_powers_are_those_of_the_stft(library, powers):
    song = library[0]["one"]
    audio = np.stack([song.read(stem, 0.0, song.samples, RATE, stereo=True) for stem in STEMS])
    mix = audio.sum(0)
    spectrum = spatialkit.stft(mix, n_fft=512, hop=128)
    left = np.square(np.abs(spectrum[0, :64])).T
    found = powers["one"].powers(0, powers["one"].frames, 4)
    scale = found[5:-5, 0, :64].sum() / left[5:-5].sum()
    np.testing.assert_allclose(found[5:-5, 0, :64], scale * left[5:-5], rtol=4e-3, atol=1e-3)
    # The third power is that of the difference.
    difference = np.square(np.abs(spectrum[0] - spectrum[1]))[:64].T
    np.testing.assert_allclose(found[5:-5, 2, :64], scale * difference[5:-5], rtol=4e-3, atol=1e-3)
    assert powers["one"].frames == 1 + song.samples // 128


def test_powers_are_computed_once_per_version_of_the_files(library, tmp_path):
    song = library[0]["two"]
    path = cache_powers(song, tmp_path, MASKS)
    before = path.stat().st_mtime_ns
    assert cache_powers(song, tmp_path, MASKS) == path
    assert path.stat().st_mtime_ns == before
    other = dataclasses.replace(MASKS, hop_length=256)
    assert cache_powers(song, tmp_path, other) != path


def test_silent_songs_are_refused(tmp_path):
    spatialkit.write(tmp_path / "vocals.wav", np.zeros((2, RATE), np.float32), RATE)
    (song,) = find_songs(tmp_path)
    with pytest.raises(AudioFileError, match="silent: leave it out"):
        cache_powers(song, tmp_path, MASKS)


def test_joint_stems_are_one_group(powers):
    assert powers["joint"].groups == (0, 0, 0, 3)
    assert powers["joint"].is_joint
    assert not powers["one"].is_joint
    assert not powers["joint"].powers(0, 10, 1).any()


def test_joint_files_are_found_on_request_only(library, tmp_path):
    assert {song.name for song in find_songs(library[1])} == {"one", "two", "joint"}
    (joint,) = (song for song in find_songs(library[1]) if song.name == "joint")
    assert set(joint.files) == {"other"}
    assert joint.joint == ()
    write_song(tmp_path, ("vocals+drums", "drums"))
    with pytest.raises(AudioFileError, match="has drums twice"):
        find_songs(tmp_path, joint=True)


def test_a_mix_depends_on_its_number_only(powers):
    source = mixes(powers)
    both, second = source.batch(3, 2), source.batch(4, 1)
    for name, array in both.items():
        np.testing.assert_array_equal(array[1:], second[name])


def test_remixes_are_sums_of_their_stems(powers):
    batch = mixes(powers, natural=0.0, shifted=1.0).batch(0, 16)
    both = batch["mix"][:, :, 0] + batch["mix"][:, :, 1]
    np.testing.assert_allclose(both, batch["powers"].sum(2), rtol=1e-4)
    assert np.isfinite(both).all()


def test_natural_excerpts_keep_the_interference_of_stems(powers):
    batch = mixes(powers, natural=1.0, shifted=0.0).batch(0, 2)
    both = batch["mix"][:, :, 0] + batch["mix"][:, :, 1]
    ratio = both.sum((1, 2)) / batch["powers"].sum((1, 2, 3))
    assert np.all(np.abs(ratio - 1.0) < 0.1)
    assert np.abs(both / batch["powers"].sum(2) - 1.0).mean() > 0.1


def test_points_have_equal_channels_up_to_their_gains():
    rng = np.random.default_rng(0)
    left = rng.standard_normal((5, 3)) + 1j * rng.standard_normal((5, 3))
    stereo = np.stack([left, left, 0.0 * left], 1)
    found = _point(np.square(np.abs(stereo)), np.pi / 6)
    power = 2.0 * np.square(np.abs(left))
    np.testing.assert_allclose(found[:, 0], 0.75 * power, rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], 0.25 * power, rtol=1e-6)
    np.testing.assert_allclose(found[:, 2], (0.75**0.5 - 0.5) ** 2 * power, rtol=1e-6)


def test_transposition_by_an_octave_halves_the_band_numbers():
    uniform = MaskConfig(n_fft=512, regions=((128, 1),), bands_per_group=8)
    lower, part, gains = _transposition(uniform, 12.0)
    source = lower + part
    np.testing.assert_allclose(source[10:60] + 0.5, (np.arange(10, 60) + 0.5) / 2.0, rtol=1e-6)
    np.testing.assert_allclose(gains, 0.5)


def test_training_needs_every_stem(powers):
    with pytest.raises(OptionError, match="no song to train on has vocals"):
        PowerMixes([powers["joint"]], [1.0], PowerMixConfig(), MASKS)


def test_errors_of_masks_follow_from_natural_excerpts(library):
    song = library[0]["one"]
    scene = natural_excerpts([song], MASKS, seconds=2.0, count=2)
    assert scene["mix"].shape == (2, 126, 3, 128)
    # The products with all stems sum to the power of the mix.
    total = scene["mix"][:, :, :2].sum(2)
    np.testing.assert_allclose(scene["cross"].sum(2), total, rtol=1e-4, atol=1e-2)
