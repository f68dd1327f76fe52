"""``spatialkit upmix --headphones``: files, loudness, batches, checks."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files

import numpy as np
import pytest

from spatialkit import get_upmixer, read, render, write
from spatialkit.commands import main
from spatialkit.metrics import loudness


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """A folder with a second of stereo."""
    monkeypatch.chdir(tmp_path)
    write("song.wav", 0.05 * rng.standard_normal((2, 48000)), 48000, format="stereo")
    return tmp_path


def test_a_headphone_version_is_written_beside_the_upmix(folder, capsys):
    assert main(["upmix", "song.wav", "-o", "up.wav", "--layout", "7.1.4", "--headphones"]) == 0
    song, up, ears = read("song.wav"), read("up.wav"), read("up.headphones.wav")
    np.testing.assert_allclose(
        up.samples, get_upmixer("ambience", layout="7.1.4").upmix(song.samples, 48000), atol=1e-6
    )
    np.testing.assert_allclose(ears.samples, render(up, target="binaural"), atol=1e-6)
    assert ears.format.name == "stereo"
    line = capsys.readouterr().out.splitlines()[2]
    assert line.startswith("  up.headphones.wav: for headphones, HRTF ku100, peak ")
    levels = f"loudness {loudness(ears):.1f} LUFS, song.wav {loudness(song):.1f} LUFS"
    assert line.endswith(levels)


def test_scenes_and_encodings(folder, capsys):
    command = ["upmix", "song.wav", "-o", "up.wav", "--layout", "ambix1"]
    command += ["--headphones", "--json", "--subtype", "PCM_24"]
    assert main(command) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert facts["headphones"]["output"] == "up.headphones.wav"
    found = read("up.headphones.wav").samples
    wanted = render(read("up.wav"), target="binaural")
    np.testing.assert_allclose(found, wanted, atol=2e-6)  # 24 bits of both files


def test_a_batch_repeats_missing_headphone_versions(folder, capsys):
    shutil.copy("song.wav", "other.wav")
    command = ["upmix", "song.wav", "other.wav", "-o", "out", "--layout", "5.0", "--headphones"]
    assert main(command) == 0
    names = {path.name for path in (folder / "out").iterdir()}
    assert names == {
        *("song.wav", "song.headphones.wav", "other.wav", "other.headphones.wav", "upmix.jsonl")
    }
    assert main([*command, "--resume"]) == 0
    assert "0 done, 2 skipped" in capsys.readouterr().out
    (folder / "out" / "other.headphones.wav").unlink()
    assert main([*command, "--resume"]) == 0
    assert "1 done, 1 skipped" in capsys.readouterr().out
    assert (folder / "out" / "other.headphones.wav").exists()
    record = json.loads((folder / "out" / "upmix.jsonl").read_text().splitlines()[0])
    assert record["headphones"]["output"] == "out/song.headphones.wav"


def test_a_batch_without_headphones_has_other_records(folder, capsys):
    command = ["upmix", "song.wav", "-o", "out/", "--layout", "5.0", "--resume"]
    assert main(command) == 0
    assert main([*command, "--headphones"]) == 0
    assert "1 done" in capsys.readouterr().out
    assert (folder / "out" / "song.headphones.wav").exists()


def test_the_head_turns_in_the_headphone_version(folder, capsys):
    command = ["upmix", "song.wav", "-o", "up.wav", "--layout", "5.1", "--headphones"]
    assert main([*command, "--yaw", "0:-60", "--roll", "3"]) == 0
    wanted = render(read("up.wav"), target="binaural", yaw=[0.0, -60.0], roll=3.0)
    np.testing.assert_allclose(read("up.headphones.wav").samples, wanted, atol=2e-6)


def test_a_batch_repeats_headphone_versions_of_another_path_or_hrtf(folder, capsys):
    """The name of the file of the HRTF stays, its content changes."""
    bundled = files("spatialkit") / "data" / "ku100.mhr"
    content = bytearray(bundled.read_bytes())
    (folder / "head.mhr").write_bytes(content)
    (folder / "head.csv").write_text("seconds,yaw\n0,0\n1,30\n")
    command = ["upmix", "song.wav", "-o", "out/", "--layout", "5.0", "--resume", "--headphones"]
    command += ["--hrtf", "head.mhr", "--orientation", "head.csv"]

    def counted():
        assert main(command) == 0
        return capsys.readouterr().out.splitlines()[-1].partition(";")[0]

    assert counted() == "1 done"
    assert counted() == "0 done, 1 skipped"
    (folder / "head.csv").write_text("seconds,yaw\n0,0\n1,31\n")
    assert counted() == "1 done"
    content[-4096] ^= 1  # a sample of a response
    (folder / "head.mhr").write_bytes(content)
    assert counted() == "1 done"
    assert counted() == "0 done, 1 skipped"
    records = [json.loads(line) for line in (folder / "out/upmix.jsonl").read_text().splitlines()]
    digests = [record["headphones"]["hrtf_digest"] for record in records]
    assert len(digests) == 3
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-o up.wav --yaw 30", "--yaw requires --headphones"),
        ("-o up.wav --orientation head.csv", "--orientation requires --headphones"),
        ("-o up.wav --hrtf ku100", "--hrtf requires --headphones"),
        ("-o up.wav --headphones --hrtf ku99", "unknown HRTF 'ku99'. Accepted: 'ku100', or"),
        ("-o up.wav --headphones --hrtf a.sofa", "a.sofa cannot be read: No such file"),
        ("-o - --headphones", "--headphones writes two files"),
        ("-o taken.wav --headphones", "taken.headphones.wav exists"),
    ],
)
def test_refusals_leave_no_file(folder, capsys, arguments, message):
    (folder / "taken.headphones.wav").touch()
    before = set(folder.iterdir())
    assert main(["upmix", "song.wav", *arguments.split()]) == 2
    assert message in capsys.readouterr().err
    assert set(folder.iterdir()) == before
