"""Stems from folders: search, splits, reading of ranges, sampling by number, augmentation."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from scipy.signal import sosfreqz

from spatialkit.errors import AudioFileError, OptionError, SignalError
from spatialkit_models.data.procedural import Procedural
from spatialkit_models.data.songs import (
    MUSDB18_VALIDATION,
    Augmentation,
    ExcerptConfig,
    Song,
    StemExcerpts,
    find_songs,
    split_songs,
)
from spatialkit_models.stem_names import STEMS

RATE = 8000
UNCHANGED = Augmentation(gain_db=0.0, equalizer_db=0.0, min_speed=1.0, max_speed=1.0)


def write_song(folder, stems, rate=RATE, suffix=".wav"):
    folder.mkdir(parents=True)
    for stem, samples in stems.items():
        subtype = {".wav": "FLOAT", ".flac": "PCM_24", ".ogg": "VORBIS"}[suffix]
        soundfile.write(folder / (stem + suffix), samples, rate, subtype=subtype)


def marked(song, stem, seconds=6.0):
    """Return samples that encode their origin: song + stem / 10 + time / 1000."""
    return (song + stem / 10 + np.arange(int(seconds * RATE)) / RATE / 1000).astype(np.float64)


def origin(samples):
    """Song, stem and time in seconds of the first sample of `marked`."""
    value = float(samples[0])
    song = int(value)
    stem = int((value - song) * 10 + 1e-3)
    return song, stem, 1000 * (value - song - stem / 10)


@pytest.fixture
def eight_songs(tmp_path):
    for song in range(1, 9):
        stems = {stem: marked(song, row) for row, stem in enumerate(STEMS)}
        write_song(tmp_path / "train" / f"song{song}", stems)
    return tmp_path


def excerpts_of(root, split="train", seconds=0.5, **options):
    options = {"sample_rate": RATE, "augmentation": UNCHANGED, "segment_seconds": 2.0} | options
    config = ExcerptConfig(datasets=[(root, 1.0)], split=split, seconds=seconds, **options)
    return StemExcerpts(config)


def test_songs_are_found_as_musdb18_hq_has_them(tmp_path):
    tone = np.ones((800, 2)) / 4
    whole = dict.fromkeys((*STEMS, "mixture"), tone)
    write_song(tmp_path / "train" / "Leaf - Summerghost", whole)
    write_song(tmp_path / "train" / "A Classic Education - NightOwl", whole)
    write_song(tmp_path / "test" / "AM Contra - Heart Peripheral", whole)
    songs = find_songs(tmp_path)
    assert all(set(song.files) == set(STEMS) and song.samples == 800 for song in songs)
    names = {
        split: [song.name for song in split_songs(songs, split)]
        for split in ("train", "valid", "test")
    }
    assert names == {
        "train": ["A Classic Education - NightOwl"],
        "valid": ["Leaf - Summerghost"],
        "test": ["AM Contra - Heart Peripheral"],
    }
    assert len(set(MUSDB18_VALIDATION)) == 14


def test_a_missing_stem_is_silent_and_formats_mix(tmp_path):
    write_song(tmp_path / "one", {"bass": np.ones(100)}, suffix=".flac")
    write_song(tmp_path / "two", {"vocals": np.ones(90) / 2}, suffix=".ogg")
    soundfile.write(tmp_path / "two" / "vocals.wav", np.ones(120) / 4, RATE)
    one, two = find_songs(tmp_path)
    assert not one.read("drums", 0.0, 100, RATE).any()
    assert one.read("bass", 0.0, 100, RATE).all()
    assert two.files["vocals"].suffix == ".wav"
    assert two.duration == 120 / RATE


def test_songs_without_split_folders_are_split_by_name():
    songs = [Song(f"song {number}", {}, 1, RATE) for number in range(1000)]
    valid = {song.name for song in split_songs(songs, "valid")}
    train = {song.name for song in split_songs(songs, "train")}
    # Binomial: 100, standard deviation 9.5.
    assert 60 < len(valid) < 140
    assert not valid & train
    assert len(valid) + len(train) == 1000
    assert not split_songs(songs, "test")
    # Others have no say.
    assert {song.name for song in split_songs(songs[500:], "valid")} == {
        song.name for song in songs[500:] if song.name in valid
    }


def test_few_songs_leave_one_for_validation_and_assigned_splits_take_precedence():
    songs = [Song(name, {}, 1, RATE) for name in ("a", "b", "c")]
    assert len(split_songs(songs, "valid")) == 1
    assert not split_songs(songs[:1], "valid")
    splits = {"a": "test", "b": "valid"}
    assert [song.name for song in split_songs(songs, "train", splits=splits)] == ["c"]
    assert [song.name for song in split_songs(songs, "test", splits=splits)] == ["a"]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_reading_by_seeking_is_a_slice_of_reading_all(tmp_path, rng, suffix):
    samples = rng.uniform(-0.5, 0.5, (50000, 2))
    write_song(tmp_path / "song", {"drums": samples}, 44100, suffix)
    (song,) = find_songs(tmp_path)
    whole = soundfile.read(song.files["drums"], dtype="float32")[0].mean(axis=1)
    for first in (0, 1, 12345, 40000):
        piece = song.read("drums", first / 44100, 9000, 44100)
        # The mean of two float32 numbers, rounded in another order.
        np.testing.assert_allclose(piece, whole[first : first + 9000], atol=1e-7)
    around = song.read("drums", -0.5, 100000, 44100)
    assert not around[:22050].any()
    assert not around[22050 + 50000 :].any()
    np.testing.assert_allclose(around[22050:72050], whole, atol=1e-7)


@pytest.mark.parametrize(("rate", "speed"), [(48000, 1.0), (44100, 1.1), (22050, 0.85)])
def test_resampling_changes_rate_and_speed_of_a_tone_exactly(tmp_path, rate, speed):
    """Oracle: a sine of any frequency at any rate is known in closed form."""
    times = np.arange(3 * 44100) / 44100
    write_song(tmp_path / "song", {"bass": 0.5 * np.sin(2 * np.pi * 440 * times)}, 44100)
    (song,) = find_songs(tmp_path)
    piece = song.read("bass", 1.0, rate, rate / speed)
    later = 1.0 + np.arange(rate) * speed / rate
    # Half a sample of the target rate may be lost where the piece is cut: 2 pi 440 / rate / 2.
    offsets = np.linspace(-0.5, 0.5, 401) / rate * speed
    errors = [
        np.abs(piece - 0.5 * np.sin(2 * np.pi * 440 * (later + offset)))[100:-100].max()
        for offset in offsets
    ]
    assert min(errors) < 1e-4


def test_excerpts_depend_on_seed_and_number_only(eight_songs):
    augmentation = Augmentation()
    first = excerpts_of(eight_songs, augmentation=augmentation)
    order = [0, 1, 700, 3, 2, 700, 0, 10**12]
    forwards = [first.excerpt(index) for index in order]
    second = excerpts_of(eight_songs, augmentation=augmentation)
    backwards = [second.excerpt(index) for index in reversed(order)][::-1]
    worker = pickle.loads(pickle.dumps(second))
    other_seed = excerpts_of(eight_songs, augmentation=augmentation, seed=1)
    for index, one, two in zip(order, forwards, backwards, strict=True):
        assert one.shape == (4, RATE // 2)
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, worker.excerpt(index))
        assert not np.array_equal(one, other_seed.excerpt(index))


def test_coherent_stems_are_from_one_song_and_one_time(eight_songs):
    excerpts = excerpts_of(eight_songs, coherent=1.0)
    for index in range(0, 400, 20):
        found = [origin(row) for row in excerpts.excerpt(index)]
        assert len({song for song, _, _ in found}) == 1
        assert [stem for _, stem, _ in found] == [0, 1, 2, 3]
        # float32 of 8.3 resolves 1e-6, a thousandth of a second here.
        np.testing.assert_allclose([time for *_, time in found], found[0][2], atol=2e-3)
        assert excerpts.songs(index) == (f"song{found[0][0]}",) * 4


def test_other_excerpts_mix_stems_of_different_songs(eight_songs):
    excerpts = excerpts_of(eight_songs, coherent=0.0, pool=30)
    for index in range(0, 400, 20):
        found = [origin(row) for row in excerpts.excerpt(index)]
        assert len({song for song, _, _ in found}) == 4
        assert [stem for _, stem, _ in found] == [0, 1, 2, 3]
    mixed = excerpts_of(eight_songs, coherent=0.6, pool=30)
    share = np.mean([len(set(mixed.songs(index))) == 1 for index in range(300)])
    # Binomial: standard deviation 0.028.
    assert share == pytest.approx(0.6, abs=0.1)


def test_all_songs_and_times_are_sampled(eight_songs):
    excerpts = excerpts_of(eight_songs, coherent=1.0, reuse=1.0)
    found = [origin(excerpts.excerpt(index)[0]) for index in range(0, 800, 4)]
    assert {song for song, _, _ in found} == set(range(1, 9))
    times = np.array([time for *_, time in found])
    # Starts lie from 0 to 5.5 s.
    assert np.histogram(times, bins=5, range=(0, 5.5))[0].min() > 8


@pytest.mark.parametrize("pool", [1, 12])
def test_an_excerpt_of_other_songs_shares_none(eight_songs, pool):
    excerpts = excerpts_of(eight_songs, pool=pool)
    for index in range(0, 100, 2):
        here = set(excerpts.songs(index))
        there = excerpts.excerpt(index + 1, other_than=index)
        songs = {f"song{origin(row)[0]}" for row in there}
        assert songs == set(excerpts.songs(index + 1, other_than=index))
        assert len(here) > 4 or not here & songs


def test_every_excerpt_has_an_active_stem(tmp_path):
    half = np.zeros(10 * RATE)
    half[: RATE // 2] = 0.1
    write_song(tmp_path / "train" / "song", {"vocals": half, "drums": half[::-1]})
    excerpts = excerpts_of(tmp_path, segment_seconds=10.0)
    assert all(excerpts.excerpt(index).any() for index in range(50))
    soundless = tmp_path / "none"
    write_song(soundless / "train" / "rests", {"vocals": np.zeros(RATE)})
    with pytest.raises(SignalError, match=r"no stem is above -50 dBFS .* from rests"):
        excerpts_of(soundless).excerpt(0)


def test_min_active_sets_the_number_of_active_stems(tmp_path, rng):
    on = rng.standard_normal(10 * RATE) / 10
    stems = {"vocals": on, "drums": on, "bass": on * (np.arange(10 * RATE) > 7 * RATE)}
    write_song(tmp_path / "train" / "song", stems)
    counts = {
        least: [
            int((excerpt.any(axis=1)).sum())
            for excerpt in map(
                excerpts_of(tmp_path, min_active=least, segment_seconds=10.0).excerpt, range(60)
            )
        ]
        for least in (1, 3)
    }
    assert min(counts[3]) == 3
    assert min(counts[1]) == 2


def test_a_song_shorter_than_an_excerpt_is_followed_by_silence(tmp_path):
    write_song(tmp_path / "train" / "short", {"bass": np.full(RATE, 0.5)})
    excerpt = excerpts_of(tmp_path, seconds=1.5).excerpt(5)
    assert excerpt[2, :RATE].all()
    assert not excerpt[2, RATE:].any()


def test_datasets_are_sampled_by_weight(tmp_path):
    for root, count in (("a", 1), ("b", 3)):
        for number in range(count):
            stems = {"other": np.full(2 * RATE, 0.5)}
            write_song(tmp_path / root / "train" / f"{root}{number}", stems)
    config = ExcerptConfig(
        datasets=[(tmp_path / "a", 3.0), (str(tmp_path / "b"), 1.0)],
        seconds=0.1,
        sample_rate=RATE,
        coherent=1.0,
        augmentation=UNCHANGED,
        segment_seconds=0.1,
        reuse=1.0,
        pool=1,
    )
    excerpts = StemExcerpts(config)
    share = np.mean([excerpts.songs(index)[0] == "a0" for index in range(400)])
    # Binomial: standard deviation 0.022.
    assert share == pytest.approx(0.75, abs=0.09)


def test_procedural_songs_are_a_dataset_by_name_and_by_object(eight_songs):
    options = {"seconds": 0.5, "sample_rate": RATE, "segment_seconds": 1.0, "pool": 2}

    def excerpts(datasets, split="valid"):
        return StemExcerpts(ExcerptConfig(datasets=datasets, split=split, **options))

    named, built = excerpts([("procedural", 1)]), excerpts([(Procedural(), 1)])
    np.testing.assert_array_equal(named.excerpt(4), built.excerpt(4))
    assert all(name.startswith("procedural-0-") for name in named.songs(4))
    # A folder without songs of the split is left out.
    both = excerpts([(eight_songs, 1), ("procedural", 1)], "test")
    assert all(both.songs(index)[0].startswith("procedural") for index in range(5))


def test_validation_is_not_augmented(eight_songs):
    splits = {f"song{number}": "valid" for number in range(1, 9)}
    wild = Augmentation(gain_db=24.0, equalizer_db=6.0, min_speed=0.5, max_speed=2.0)
    plain = excerpts_of(eight_songs, "valid", splits=splits)
    varied = excerpts_of(eight_songs, "valid", splits=splits, augmentation=wild)
    for index in range(5):
        np.testing.assert_array_equal(plain.excerpt(index), varied.excerpt(index))


def test_gains_stay_in_range_and_differ_by_stem(tmp_path):
    ones = {stem: np.ones(4 * RATE) for stem in STEMS}
    write_song(tmp_path / "train" / "song", ones)
    augmentation = Augmentation(gain_db=6.0, equalizer_db=0.0, min_speed=1.0, max_speed=1.0)
    excerpts = excerpts_of(tmp_path, augmentation=augmentation)
    gains = np.array([20 * np.log10(excerpts.excerpt(index)[:, 99]) for index in range(200)])
    assert np.abs(gains).max() <= 6.0 + 1e-4
    # Evenly drawn: a standard deviation of 6 / sqrt(3), and stems do not go together.
    np.testing.assert_allclose(gains.std(axis=0), 6 / np.sqrt(3), rtol=0.15)
    assert np.abs(np.corrcoef(gains.T) - np.eye(4)).max() < 0.3


def test_equalizers_are_smooth_small_and_different(rng):
    augmentation = Augmentation(equalizer_db=2.0)
    drawn = [augmentation.sample_equalizer(rng, 44100) for _ in range(300)]
    hertz = np.geomspace(30, 18000, 60)
    decibels = np.array(
        [20 * np.log10(np.abs(sosfreqz(sections, hertz, fs=44100)[1])) for sections in drawn]
    )
    # Three sections of at most 4 dB each, which overlap a little.
    assert np.abs(decibels).max() < 9.0
    assert decibels.std(axis=0).min() > 1.0
    assert decibels.std(axis=0).max() < 3.0
    octaves = np.diff(np.log2(hertz))
    assert np.abs(np.diff(decibels) / octaves).max() < 8.0
    assert Augmentation(equalizer_db=0.0).sample_equalizer(rng, 44100) is None


def test_speed_moves_all_stems_of_a_song_together(tmp_path):
    """Oracle: the tone's frequency, counted by its zero crossings, is 200 Hz times the speed."""
    tone = np.sin(2 * np.pi * 200 * np.arange(20 * RATE) / RATE) / 2
    write_song(tmp_path / "train" / "song", {"vocals": tone, "bass": tone})
    excerpts = excerpts_of(
        tmp_path, seconds=2.0, coherent=1.0, reuse=1.0, augmentation=Augmentation(equalizer_db=0.0)
    )
    speeds = []
    for index in range(0, 60, 2):
        vocals, _, bass, _ = excerpts.excerpt(index)
        crossings = [np.flatnonzero(np.diff(np.signbit(row)))[[0, -1]] for row in (vocals, bass)]
        assert abs(crossings[0] - crossings[1]).max() <= 1
        count = np.count_nonzero(np.diff(np.signbit(vocals))) - 1
        speeds.append(count / 2 * RATE / np.ptp(crossings[0]) / 200)
    assert min(speeds) > 0.849
    assert max(speeds) < 1.151
    assert np.std(speeds) > 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, "unknown split 'dev'. Accepted: 'train', 'valid', 'test'"),
        ({"coherent": 1.5}, "coherent must be from 0 to 1, got 1.5"),
        ({"min_active": 5}, "min_active must be from 1 to 4, got 5"),
        ({"seconds": -1.0}, "seconds must be at least"),
        (
            {"split": "test"},
            r"no dataset .* has a song in the split 'test'; .*splits=\{song: 'test'\}",
        ),
        (
            {"splits": {"song99": "valid"}},
            "splits contains 'song99', but no dataset has a song of this name",
        ),
        ({"splits": {"song1": "dev"}}, "unknown split of 'song1' 'dev'"),
    ],
)
def test_invalid_arguments_raise_one_sentence(eight_songs, options, message):
    with pytest.raises(OptionError, match=message):
        excerpts_of(eight_songs, **options)


def test_datasets_without_weights_and_negative_numbers_are_refused(eight_songs):
    with pytest.raises(OptionError, match=r"pairs \(directory, weight\), .*, got 'procedural'"):
        StemExcerpts(ExcerptConfig(datasets=["procedural"], seconds=1.0))
    with pytest.raises(OptionError, match="weight of procedural must be at least 0, got -1"):
        StemExcerpts(ExcerptConfig(datasets=[("procedural", -1)], seconds=1.0))
    with pytest.raises(OptionError, match="index must be at least 0, got -1"):
        excerpts_of(eight_songs).excerpt(-1)
    with pytest.raises(OptionError, match=r"min_speed must be at most max_speed \(0.9\), got 1"):
        Augmentation(min_speed=1.0, max_speed=0.9)


def test_folders_without_songs_and_broken_files_are_named(tmp_path):
    with pytest.raises(AudioFileError, match="missing is not a directory"):
        find_songs(tmp_path / "missing")
    with pytest.raises(AudioFileError, match="contains no song: no subdirectory has any of vocals"):
        find_songs(tmp_path)
    write_song(tmp_path / "rates", {"bass": np.ones(9)})
    soundfile.write(tmp_path / "rates" / "drums.wav", np.ones(9), 44100)
    with pytest.raises(AudioFileError, match="must have one sample rate, got drums 44100 Hz, bass"):
        find_songs(tmp_path)
    broken = tmp_path / "other" / "song"
    broken.mkdir(parents=True)
    (broken / "vocals.flac").write_bytes(b"fLaC and nothing")
    with pytest.raises(AudioFileError, match=r"vocals\.flac is not a supported audio file"):
        find_songs(tmp_path / "other")


def test_a_file_that_disappears_is_named(eight_songs):
    excerpts = excerpts_of(eight_songs, coherent=1.0)
    for path in eight_songs.rglob("*.wav"):
        path.unlink()
    with pytest.raises(AudioFileError, match=r"vocals\.wav can no longer be read"):
        excerpts.excerpt(0)


def test_importing_loads_nothing_heavy():
    heavy = ("torch", "numba", "scipy.signal", "soundfile", "soxr")
    code = (
        "import sys, spatialkit_models.data.songs; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


def test_a_single_song_cannot_serve_two_splits(tmp_path):
    noise = 0.1 * np.random.default_rng(1).standard_normal(2 * RATE)
    write_song(tmp_path / "song", {"vocals": noise})
    pattern = (
        r"contain one song only \(.*\), and the split 'valid' needs .*the dataset 'procedural'"
    )
    with pytest.raises(OptionError, match=pattern):
        excerpts_of(tmp_path, "valid")
    assert excerpts_of(tmp_path).song_counts == {str(tmp_path): 1}
