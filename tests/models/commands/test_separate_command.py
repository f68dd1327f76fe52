"""The commands "separate" and "separators"."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spatialkit.commands.cli import main
from spatialkit.files import read, write
from spatialkit.metrics import true_peak
from spatialkit_models.separation import Separator, registry

RATE = 8000


class Parts(Separator):
    """Two stems."""

    name = "parts"
    version = "1"
    stems = ("vocals", "other")
    window, overlap = 0.5, 0.2

    def _separate(self, audio, sample_rate, start):
        if np.abs(audio).max() > 1.0:
            raise ValueError("too loud")
        return np.stack([0.25 * audio, 0 * audio])


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(registry.SEPARATORS, "registered", {"parts": Parts})
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def song():
    samples = 0.1 * np.random.default_rng(1).standard_normal((2, 3 * RATE)).astype(np.float32)
    write("song.wav", samples, RATE, subtype="FLOAT")
    return samples


def test_stems_are_written_to_a_folder_of_the_song(song, folder, capsys):
    assert main(["separate", "song.wav", "-o", "stems", "--separator", "PARTS"]) == 0
    assert "song: vocals, other" in capsys.readouterr().out
    assert sorted(path.name for path in folder.glob("stems/*/*")) == ["other.wav", "vocals.wav"]
    vocals = read("stems/song/vocals.wav")
    assert (vocals.sample_rate, vocals.format.name) == (RATE, "stereo")
    np.testing.assert_allclose(vocals.samples, 0.25 * song, atol=1e-7)
    assert main(["separate", "song.wav", "-o", "stems", "--separator", "parts"]) == 2
    assert "exists: add --force" in capsys.readouterr().err
    arguments = ["separate", "song.wav", "-o", "stems", "--separator", "parts", "--force", "--json"]
    assert main(arguments) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert (facts["separator"], facts["version"], facts["stems"]) == (
        "parts",
        "1",
        ["vocals", "other"],
    )


def test_the_true_peak_of_stems_beyond_full_scale_is_reported(folder, capsys):
    class Loud(Parts):
        def _separate(self, audio, sample_rate, start):
            return np.stack([3.0 * audio, -2.0 * audio])

    registry.SEPARATORS.registered["parts"] = Loud
    write("song.wav", np.full((2, RATE), 0.45, np.float32), RATE, subtype="FLOAT")
    line = ["separate", "song.wav", "-o", "stems", "--separator", "parts"]
    assert main(line) == 0
    printed = capsys.readouterr().out
    assert main([*line, "--force", "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    expected = float(true_peak(read("stems/song/vocals.wav")))
    assert facts["true_peak_db"] == {"vocals": pytest.approx(expected, abs=1e-9)}
    assert f"vocals exceeds full scale: true peak {expected:+.1f} dBTP" in printed
    assert "other exceeds" not in printed


def test_the_stems_of_a_folder_are_separated_again(song, folder, capsys):
    assert main(["separate", "song.wav", "-o", "stems", "--separator", "parts"]) == 0
    option = "path=stems/song"
    arguments = ["separate", "song.wav", "-o", "again", "--separator", "folder", "-O", option]
    assert main(arguments) == 0
    np.testing.assert_allclose(
        read("again/song/vocals.wav").samples, read("stems/song/vocals.wav").samples, atol=1e-7
    )


def test_one_failed_song_of_several_leaves_nothing_behind(song, folder, capsys):
    write("loud.wav", 2.0 + song, RATE, subtype="FLOAT")
    write("wide.wav", np.zeros((6, 10), np.float32), RATE, format="5.1")
    sources = ["song.wav", "loud.wav", "wide.wav"]
    assert main(["separate", *sources, "-o", "stems", "--separator", "parts"]) == 1
    error = capsys.readouterr().err
    assert "too loud" in error
    assert "wide.wav must be mono or stereo to be separated, got 6 channels" in error
    assert [path.name for path in (folder / "stems").iterdir()] == ["song"]


def test_a_failed_song_leaves_no_new_folders(song, folder, capsys):
    write("wide.wav", np.zeros((6, 10), np.float32), RATE, format="5.1")
    assert main(["separate", "wide.wav", "-o", "new/stems", "--separator", "parts"]) == 2
    assert not (folder / "new").exists()
    (folder / "old").mkdir()
    assert main(["separate", "wide.wav", "-o", "old", "--separator", "parts"]) == 2
    assert (folder / "old").is_dir()


def test_wrong_use(song, folder, capsys):
    (folder / "more").mkdir()
    write("more/song.flac", song, RATE)
    two = ["separate", "song.wav", "more/song.flac", "-o", "stems", "--separator", "parts"]
    assert main(two) == 2
    assert "have the same output" in capsys.readouterr().err
    assert main(["separate", "song.wav", "-o", "stems", "--separator", "part"]) == 2
    assert "did you mean 'parts'" in capsys.readouterr().err
    assert main(["separate", "song.wav", "-o", "s", "--separator", "parts", "-O", "a=1"]) == 2
    assert "separator 'parts': unknown option 'a'" in capsys.readouterr().err


def test_separators_are_listed(capsys):
    assert main(["separators"]) == 0
    listed = capsys.readouterr().out
    assert "\nfolder\n" in listed
    assert "mono or stereo to vocals, other" in listed
    assert main(["separators", "--json"]) == 0
    found = {facts["name"]: facts for facts in json.loads(capsys.readouterr().out)}
    assert found["parts"]["stems"] == ["vocals", "other"]
    assert found["folder"]["options"][0]["name"] == "path"
