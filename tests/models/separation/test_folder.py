"""The separator "folder": names of files, rates, lengths, alignment and residual."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spatialkit.errors import AudioFileError, OptionError, ShapeError, SpatialkitWarning
from spatialkit.files import resample, write
from spatialkit_models.separation import SeparatorError, check_separator, get_separator
from spatialkit_models.stem_names import STEMS

RATE = 44100
N = 3 * RATE


def noise(seed, channels=2, samples=N):
    rng = np.random.default_rng(seed)
    return (0.05 * rng.standard_normal((channels, samples))).astype(np.float32)


def save(folder, **stems):
    folder.mkdir(exist_ok=True)
    for name, samples in stems.items():
        write(folder / f"{name}.wav", samples, RATE, subtype="FLOAT")
    return folder


@pytest.fixture(scope="module")
def stems():
    return {stem: noise(number) for number, stem in enumerate(STEMS)}


@pytest.fixture(scope="module")
def song(stems):
    return sum(stems.values())


@pytest.fixture
def folder(tmp_path, stems):
    return save(tmp_path / "song", **stems, mixture=noise(9))


def test_the_stems_are_those_of_the_files(folder, song, stems):
    separator = get_separator("folder", path=folder)
    assert separator.stems == STEMS
    found = separator.separate(song, RATE)
    for number, stem in enumerate(STEMS):
        np.testing.assert_allclose(found[number], stems[stem], atol=1e-7)


def test_the_separator_conforms(folder, song):
    separator = get_separator("folder", path=folder)
    results = check_separator(separator, song, RATE)
    assert {result.status for result in results} == {"passed"}
    assert separator.version.startswith("files ")


def test_names_of_demucs_and_of_two_stems(tmp_path, stems, song):
    folder = save(tmp_path / "six", Vocals=stems["vocals"], DRUMS=stems["drums"])
    save(folder, bass=stems["bass"], other=0.5 * stems["other"])
    save(folder, guitar=0.3 * stems["other"], Piano=0.2 * stems["other"])
    save(folder, accompaniment=song - stems["vocals"])  # contained in the others
    six = get_separator("folder", path=folder).separate(song, RATE)
    np.testing.assert_allclose(six[3], stems["other"], atol=1e-6)
    rest = song - stems["vocals"]
    for name in ("no_vocals", "Instrumental", "accompaniment"):
        folder = save(tmp_path / name, vocals=stems["vocals"], **{name: rest})
        separator = get_separator("folder", path=folder)
        assert separator.stems == ("vocals", "other")
        np.testing.assert_allclose(separator.separate(song, RATE)[1], rest, atol=1e-6)


def test_a_mapping_of_files(folder, song, tmp_path):
    paths = {"vocals": folder / "vocals.wav", "Other": str(folder / "other.wav")}
    separator = get_separator("folder", path=paths)
    assert json.loads(separator.options.path)["vocals"] == str(folder / "vocals.wav")
    again = type(separator)(path=separator.options.path)
    assert again.stems == ("vocals", "other")
    with pytest.raises(OptionError, match="unknown stem 'vocal'; did you mean 'vocals'"):
        get_separator("folder", path={"vocal": folder / "vocals.wav"})
    with pytest.raises(OptionError, match=r"path \(a folder or a JSON object of files\) is not"):
        get_separator("folder", path="{vocals}")


def test_mono_files_and_mono_songs(tmp_path, stems, song):
    mono = {stem: samples[:1] for stem, samples in stems.items()}
    folder = save(tmp_path / "mono", **mono)
    centred = np.repeat(song[:1], 2, axis=0)
    found = get_separator("folder", path=folder).separate(centred, RATE)
    np.testing.assert_allclose(found[0], np.repeat(mono["vocals"], 2, axis=0), atol=1e-7)
    folder = save(tmp_path / "stereo", **stems)
    found = get_separator("folder", path=folder).separate(song.mean(axis=0), RATE)
    np.testing.assert_allclose(found[0, 0], stems["vocals"].mean(axis=0), atol=1e-7)


def test_stems_are_resampled_to_the_song(folder, song, stems):
    rate = 48000
    separator = get_separator("folder", path=folder)
    converted = resample(song, RATE, rate, quality="HQ")
    found = separator.separate(converted, rate)
    expected = resample(stems["drums"], RATE, rate, quality="HQ")
    np.testing.assert_allclose(found[1], expected, atol=1e-5)  # soxr HQ: 20 bits
    start, samples = 40001, 5000
    window = separator.separate_window(converted[:, start : start + samples], rate, start)
    np.testing.assert_allclose(window[1], found[1][:, start : start + samples], atol=1e-5)
    with pytest.raises(ShapeError, match=r"at 48000 Hz \(3.000 s\), the song has 120000"):
        separator.separate(converted[:, :120000], rate)


def test_other_lengths_are_refused_with_advice(folder, song):
    separator = get_separator("folder", path=folder)
    message = r"have 132300 samples \(3.000 s\), the song has 133405 .* padding of an MP3 or AAC"
    with pytest.raises(ShapeError, match=message):
        separator.separate(np.pad(song, ((0, 0), (1105, 0))), RATE)
    with pytest.raises(ShapeError, match=r"the song has 44100 samples .*separate exactly this"):
        separator.separate(song[:, :RATE], RATE)
    with pytest.raises(ShapeError, match="the song has at least 132301 samples"):
        separator.separate_window(song[:, :RATE], RATE, N - RATE + 1)


@pytest.mark.parametrize(("shift", "word"), [(700, "early"), (-1105, "late")])
def test_shifted_stems_are_refused(folder, song, shift, word):
    separator = get_separator("folder", path=folder)
    shifted = np.roll(song, shift, axis=1)
    with pytest.raises(ShapeError, match=f"are {abs(shift)} samples {word} against the song"):
        separator.separate(shifted, RATE)


def test_a_loud_residual_is_added_to_other_with_one_warning(folder, song, stems):
    separator = get_separator("folder", path=folder)
    louder = song + noise(7)
    with pytest.warns(SpatialkitWarning, match="differs from the song by -7 dB") as warned:
        found = separator.separate(louder, RATE)
    assert len(warned) == 1
    separator.separate_window(louder[:, :1000], RATE, 0)
    np.testing.assert_allclose(found[3], stems["other"] + noise(7), atol=1e-6)


def test_without_a_file_of_other_the_rest_is_other(tmp_path, song, stems):
    folder = save(tmp_path / "two", vocals=stems["vocals"], drums=stems["drums"])
    separator = get_separator("folder", path=folder)
    assert separator.stems == ("vocals", "drums", "other")
    found = separator.separate(song, RATE)
    np.testing.assert_allclose(found[2], stems["bass"] + stems["other"], atol=1e-6)


def test_a_warning_names_missing_stems(tmp_path, song, stems):
    parts = {stem: stems[stem] for stem in ("vocals", "bass", "other")}
    separator = get_separator("folder", path=save(tmp_path / "song", **parts))
    with pytest.warns(SpatialkitWarning, match=r"is the file of drums missing, or do the stems"):
        separator.separate(song, RATE)


def test_stems_of_another_song_are_refused(tmp_path, song):
    other = {stem: noise(number + 20) for number, stem in enumerate(STEMS)}
    separator = get_separator("folder", path=save(tmp_path / "whole", **other))
    with pytest.raises(AudioFileError, match="are not those of the song: from 0 s on"):
        separator.separate(song, RATE)
    del other["other"]
    separator = get_separator("folder", path=save(tmp_path / "part", **other))
    with pytest.raises(AudioFileError, match="differs from it by 2 dB and is not correlated"):
        separator.separate(song, RATE)


def test_stems_of_a_segment_of_another_song_are_refused(tmp_path, stems, song):
    mixed = {stem: audio.copy() for stem, audio in stems.items()}
    for audio in mixed.values():
        audio[:, N // 2 :] = audio[:, N // 2 - 1 :: -1][:, : N - N // 2]
    separator = get_separator("folder", path=save(tmp_path / "song", **mixed))
    with pytest.raises(AudioFileError, match="are not those of the song"):
        separator.separate_window(song[:, N // 2 :], RATE, N // 2)


def test_a_part_of_the_stems_or_their_inverse_gives_a_warning_only(tmp_path, stems, song):
    soft = {"other": 0.05 * noise(9), "vocals": 0.0 * song}
    inverted = {stem: -audio for stem, audio in stems.items()}
    for name, files in {"soft": soft, "inverted": inverted}.items():
        separator = get_separator("folder", path=save(tmp_path / name, **files))
        with pytest.warns(SpatialkitWarning, match="differs from the song"):
            separator.separate(song, RATE)


def test_rounding_in_soft_parts_gives_no_warning(tmp_path, song, stems):
    parts = {stem: 1e-4 * samples for stem, samples in stems.items()}
    separator = get_separator("folder", path=save(tmp_path / "song", **parts))
    separator.separate(1e-4 * song + 1e-3 * noise(7), RATE)


def test_the_parent_of_folders_of_stems_is_refused_with_a_hint(folder):
    hint = f"specify the folder of one song, such as {folder}"
    with pytest.raises(AudioFileError) as error:
        get_separator("folder", path=folder.parent)
    assert hint in str(error.value)


def test_folders_without_usable_stems(tmp_path, stems):
    with pytest.raises(OptionError, match="needs path="):
        get_separator("folder")
    with pytest.raises(AudioFileError, match="cannot be read as a folder of stems: No such"):
        get_separator("folder", path=tmp_path / "none")
    folder = save(tmp_path / "rest", no_vocals=stems["other"])
    with pytest.raises(AudioFileError, match="contains no stem: it must have at least one of"):
        get_separator("folder", path=folder)
    save(folder, vocals=stems["vocals"][:, 1:])
    with pytest.raises(ShapeError, match=r"must have one length, got samples vocals.wav 132299"):
        get_separator("folder", path=folder)
    write(folder / "vocals.wav", stems["vocals"], 48000, overwrite=True)
    with pytest.raises(AudioFileError, match=r"one sample rate, got vocals.wav 48000 Hz"):
        get_separator("folder", path=folder)
    wide = save(tmp_path / "wide", vocals=noise(1, 6))
    with pytest.raises(ShapeError, match="must be mono or stereo, got 6 channels"):
        get_separator("folder", path=wide).separate(noise(1), RATE)
    assert issubclass(SeparatorError, ValueError)
