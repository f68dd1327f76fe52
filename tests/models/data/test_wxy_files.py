"""Scenes on disk as W, X and Y: conventions, excerpts, splits, and the command that writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from spatialkit import convert_foa, encode_foa, read, write
from spatialkit.__main__ import main
from spatialkit.errors import AudioFileError, OptionError, SignalError
from spatialkit_models.data.scenes import WXYFiles, open_published_scenes, write_wxy

RATE = 8000
LIGHT = """
import sys
import spatialkit_models.commands.scenes
print([name for name in ("torch", "scipy", "soundfile") if name in sys.modules])
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Three scenes of noise for training and one for validation."""
    folder = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(5)
    for name in ("train/one", "train/two", "train/three", "val/four"):
        write_wxy(folder / name, 0.1 * rng.standard_normal((3, 4000)).astype(np.float32), RATE)
    return folder


@pytest.mark.parametrize("azimuth", [0.0, 40.0, -130.0])
@pytest.mark.parametrize("normalization", ["N3D", "SN3D"])
def test_files_are_a_scene_with_y_to_the_left(tmp_path, azimuth, normalization):
    """Oracle: the encoder of the core, converted to the traditional channel order W, X, Y."""
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 1000).astype(np.float32)
    wxy = convert_foa(encode_foa(noise, azimuth), "ambix1", "N3D-FuMa-1")[:3]
    write_wxy(tmp_path / "test" / "one", wxy, RATE, normalization=normalization)
    files = [read(tmp_path / "test" / "one" / f"{name}.wav").samples[0] for name in "WXY"]
    expected = convert_foa(encode_foa(noise, azimuth), "ambix1", f"{normalization}-FuMa-1")[:3]
    np.testing.assert_allclose(files, expected, rtol=0.0, atol=1e-7)
    scenes = WXYFiles(tmp_path, "test", 1000 / RATE, RATE, normalization=normalization)
    np.testing.assert_allclose(scenes.excerpt(0), wxy, rtol=0.0, atol=1e-7)
    assert scenes.name(0) == "one"


def test_the_stereo_is_that_of_the_authors(root):
    """Their loader: W plus X and Y at 22.5 degrees, and at the opposite azimuth, 202.5 degrees."""
    scenes = WXYFiles(root, "valid", 0.2, RATE, seed=3)
    w, x, y = scenes.excerpt(5)
    batch = scenes.scenes([5, 6])
    level = batch["sides"][0, 0] @ x / (x @ x)
    assert 0.5 <= level <= 1.0
    np.testing.assert_allclose(batch["sides"][0], level * np.stack([x, y]), atol=1e-6)
    for channel, angle in zip(batch["stereo"][0], np.radians([22.5, 202.5]), strict=True):
        expected = level * (w + x * np.cos(angle) + y * np.sin(angle))
        np.testing.assert_allclose(channel, expected, atol=1e-6)


def test_excerpts_depend_on_their_number_and_use_each_scene_once(root):
    scenes, again = (WXYFiles(root, "train", 0.1, RATE, seed=1) for _ in range(2))
    assert scenes.names == ("one", "three", "two")
    for start in (0, 3, 6):
        assert sorted(scenes.name(start + index) for index in range(3)) == sorted(scenes.names)
    for number in (7, 2):
        excerpt = scenes.excerpt(number)
        assert np.array_equal(excerpt, again.excerpt(number))
        whole = np.stack(
            [read(root / "train" / scenes.name(number) / f"{x}.wav").samples[0] for x in "WXY"]
        )
        (start,) = np.flatnonzero(whole[0] == excerpt[0, 0])
        assert np.array_equal(excerpt, whole[:, start : start + 800])
    assert WXYFiles(root, "all", 0.1, RATE).names == ("one", "three", "two", "four")
    # Three times as long as the files.
    padded = WXYFiles(root, "valid", 1.5, RATE).excerpt(0)
    assert padded[:, :4000].any()
    assert not padded[:, 4000:].any()
    assert WXYFiles(root, "train", 0.1, 16000).excerpt(0).shape == (3, 1600)


def test_what_is_not_a_scene_is_refused(tmp_path, root):
    with pytest.raises(AudioFileError, match=r"no scene of the split 'test': it must contain"):
        WXYFiles(root, "test", 1.0)
    with pytest.raises(AudioFileError, match=r"where <split> is train\. Keep all scenes of a song"):
        WXYFiles(tmp_path / "nothing", "train", 1.0)
    with pytest.raises(OptionError, match="unknown normalization 'FuMa'"):
        WXYFiles(root, "train", 1.0, normalization="FuMa")
    folder = tmp_path / "train" / "one"
    write_wxy(folder, np.zeros((3, 100)), RATE)
    write(folder / "Y.wav", np.zeros((2, 100)), RATE, overwrite=True)
    with pytest.raises(AudioFileError, match=r"Y\.wav must be mono, with 100 samples at 8000 Hz"):
        WXYFiles(tmp_path, "train", 1.0)
    (folder / "Y.wav").unlink()
    with pytest.raises(AudioFileError, match=r"is not a scene: there is no Y\.wav in it"):
        WXYFiles(tmp_path, "train", 1.0)
    write_wxy(folder, np.zeros((3, 0)), RATE)
    with pytest.raises(AudioFileError, match=r"the files of .* are empty"):
        WXYFiles(tmp_path, "train", 1.0)
    write_wxy(folder, np.zeros((3, 100)), RATE)
    soundfile.write(folder / "X.wav", np.full(100, np.nan), RATE, subtype="FLOAT")
    with pytest.raises(SignalError, match=r"X\.wav holds nan"):
        WXYFiles(tmp_path, "train", 100 / RATE, RATE).excerpt(0)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """Two rooms without any walls."""
    folder = tmp_path_factory.mktemp("rooms")
    for split, azimuth in (("train", 40.0), ("valid", -60.0)):
        (folder / split).mkdir()
        wave = encode_foa(np.eye(1, 200)[0], azimuth)
        write(folder / split / f"from-{split}.wav", wave, RATE, format="ambix1")
    return folder


def test_the_command_writes_the_scenes_of_training(tmp_path, rooms, capsys):
    out = tmp_path / "scenes"
    line = ["scenes", "--stems", "procedural", "--rooms", str(rooms), "--out", str(out)]
    line += ["--train", "2", "--valid", "1", "--seconds", "0.25", "--sample-rate", str(RATE)]
    assert main(line) == 0
    assert capsys.readouterr().out == f"{out}: 3 done\n"
    names = ["scene.json", "W.wav", "X.wav", "Y.wav"]
    expected = [f"{scene}/{name}" for scene in ("train/scene-000000", "train/scene-000001",
                "val/scene-000000") for name in sorted(names)]  # fmt: skip
    found = [str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()]
    assert sorted(found) == sorted(expected)
    scene = open_published_scenes(
        [("procedural", 1.0)], [rooms], seconds=0.25, sample_rate=RATE
    ).wxy(1)
    files = WXYFiles(out, "train", 0.25, RATE)
    (number,) = [n for n in range(2) if files.name(n) == "scene-000001"]
    np.testing.assert_array_equal(files.excerpt(number), scene)
    assert np.abs(scene).max() > 1e-3
    assert json.loads((out / "val/scene-000000/scene.json").read_text())["split"] == "valid"

    assert main([*line, "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["status"] for record in records] == 3 * ["skipped"]
    assert main([*line, "--seed", "1"]) == 1
    assert "is not a scene with these settings; use another directory" in capsys.readouterr().err
    assert main(line[:-8]) == 2
    assert "the number of scenes is missing: use --train" in capsys.readouterr().err


def test_the_command_is_light_and_named_in_the_entry_points():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    setup = Path(__file__).parents[3] / "setup.cfg"
    if setup.exists():
        assert "\n    scenes = spatialkit_models.commands.scenes:command\n" in setup.read_text()
