"""``spatialkit upmix`` with stems: one folder per song, records and errors."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from spatialkit.__main__ import main
from spatialkit.files import read, write
from spatialkit_models.stem_names import STEMS

RATE = 44100
UPMIX = ["upmix", "--upmixer", "style-vae"]


@pytest.fixture
def album(tmp_path, monkeypatch):
    """Two songs in a folder, and their stems as Demucs writes them."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for song in ("first", "second"):
        stems = (0.1 * rng.standard_normal((4, 2, RATE))).astype(np.float32)
        folder = tmp_path / "separated" / song
        folder.mkdir(parents=True)
        for name, stem in zip(STEMS, stems, strict=True):
            write(folder / f"{name}.wav", stem, RATE, subtype="FLOAT")
        write(tmp_path / "songs" / f"{song}.wav", stems.sum(0), RATE, subtype="FLOAT")
    return tmp_path


@pytest.fixture(autouse=True)
def songs_folder(tmp_path):
    (tmp_path / "songs").mkdir()


def run(*arguments):
    return main([*UPMIX, *arguments])


def records(folder):
    return [json.loads(line) for line in (folder / "upmix.jsonl").read_text().splitlines()]


def test_each_song_is_upmixed_from_its_own_stems(album):
    assert run("songs", "-o", "out/", "--stems-root", "separated") == 0
    for song in ("first", "second"):
        drums = read(album / "separated" / song / "drums.wav").samples
        upmix = read(album / "out" / f"{song}.wav").samples
        np.testing.assert_allclose(upmix[0], drums[0], atol=0.05)
    found = records(album / "out")
    assert {record["separator"] for record in found} == {"folder"}
    versions = [record["separator_version"] for record in found]
    assert len(set(versions)) == 2
    assert all(version.startswith("files ") for version in versions)


def test_resume_repeats_songs_whose_stems_have_changed(album, capsys):
    arguments = ("songs", "-o", "out/", "--stems-root", "separated", "--resume")
    assert run(*arguments) == 0
    changed = album / "separated" / "first"
    song = read(album / "songs" / "first.wav").samples
    for number, name in enumerate(STEMS):
        write(changed / f"{name}.wav", song * (number == 0), RATE, subtype="FLOAT", overwrite=True)
    capsys.readouterr()
    assert run(*arguments) == 0
    assert "1 done" in capsys.readouterr().out
    upmix = read(album / "out" / "first.wav").samples
    assert not upmix[0].any()
    np.testing.assert_allclose(upmix[2], song.sum(0) / np.sqrt(2.0), rtol=0.05, atol=0.01)


def test_one_song_is_upmixed_from_the_folder_of_its_name(album):
    assert run("songs/second.wav", "-o", "five.wav", "--stems-root", "separated") == 0
    drums = read(album / "separated" / "second" / "drums.wav").samples
    np.testing.assert_allclose(read("five.wav").samples[0], drums[0], atol=0.05)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stems-root", "elsewhere"], "elsewhere is not a folder: --stems-root must be one with"),
        (["--stems-root", "separated", "-O", "stems=separated/first"], "mutually exclusive"),
        (["--stems-root", "separated", "--upmixer", "matrix"], "has no option stems"),
        (["-O", "stems=separated/first"], "is the folder of one song, got 2 songs: use --stems"),
    ],
)
def test_errors_are_reported_before_any_work(album, capsys, arguments, words):
    assert run("songs", "-o", "out/", *arguments) == 2
    assert words in capsys.readouterr().err
    assert not list(album.glob("out/*.wav"))


def test_a_song_without_its_stems_is_one_failed_file(album, capsys):
    (album / "separated" / "first").rename(album / "separated" / "third")
    assert run("songs", "-o", "out/", "--stems-root", "separated") == 1
    missing, upmixed = records(album / "out")
    assert missing["status"] == "failed"
    assert "the stems of songs/first.wav, named first" in missing["error"]
    assert upmixed["status"] == "done"
    assert [path.name for path in album.glob("out/*.wav")] == ["second.wav"]
    (album / "separated" / "third").rename(album / "separated" / "first")
    capsys.readouterr()
    assert run("songs", "-o", "out/", "--stems-root", "separated", "--resume") == 0
    assert "1 done" in capsys.readouterr().out
    assert (album / "out" / "first.wav").exists()


def test_the_stems_of_another_song_are_one_failed_file(album, capsys):
    (album / "separated" / "first").rename(album / "separated" / "third")
    shutil.copytree(album / "separated" / "second", album / "separated" / "first")
    assert run("songs", "-o", "out/", "--stems-root", "separated") == 1
    failed, done = records(album / "out")
    assert (failed["status"], done["status"]) == ("failed", "done")
    assert "separated/first are not those of the song" in failed["error"]


def test_one_song_without_its_stems_is_an_error(album, capsys):
    (album / "songs" / "first.wav").rename(album / "third.wav")
    assert run("third.wav", "-o", "five.wav", "--stems-root", "separated") == 2
    assert "the stems of third.wav, named third" in capsys.readouterr().err
    assert not (album / "five.wav").exists()


def test_the_check_refuses_stems(album, capsys):
    assert main(["check", "style-vae", "-O", "stems=separated/first"]) == 2
    assert "leave out -O stems=" in capsys.readouterr().err


def test_stems_of_another_length_leave_no_file(album, capsys):
    song = read(album / "songs" / "first.wav").samples
    write(album / "songs" / "first.wav", song[:, :-5000], RATE, subtype="FLOAT", overwrite=True)
    assert run("songs/first.wav", "-o", "five.wav", "--stems-root", "separated") == 2
    assert "the song has 39100 samples" in capsys.readouterr().err
    assert not (album / "five.wav").exists()
