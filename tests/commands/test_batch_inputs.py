"""Inputs and outputs of batches: regular files only, verified outputs, versions of workers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from spatialkit import _version
from spatialkit.commands import batches, main
from spatialkit.commands.upmix.job import versions_of
from spatialkit.errors import OptionError
from spatialkit.files import read, write

RATE = 44100


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """Create the folder "in" with one file of stereo noise."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    noise = rng.uniform(-0.5, 0.5, (2, 8000)).astype(np.float32)
    write("in/song.wav", noise, RATE, format="stereo")
    return tmp_path


def run_command(line):
    return main(line.split())


def logged(path="out/upmix.jsonl"):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_devices_and_pipes_are_failed_rows(folder, capsys):
    os.symlink("/dev/zero", "in/endless.wav")
    os.mkfifo("in/pipe.flac")
    os.symlink("nothing.wav", "in/lost.wav")
    os.symlink("song.wav", "in/link.wav")
    assert run_command("upmix in -o out --upmixer matrix") == 1
    errors = {record["name"]: record.get("error", "") for record in logged()}
    assert errors == {
        "endless.wav": "in/endless.wav is not a regular file: batches take regular files only",
        "pipe.wav": "in/pipe.flac is not a regular file: batches take regular files only",
        "lost.wav": "in/lost.wav cannot be read: No such file or directory",
        "link.wav": "",
        "song.wav": "",
    }
    Path("pairs.csv").write_text("reference,estimate\nin/song.wav,in/endless.wav\n")
    capsys.readouterr()
    assert run_command("evaluate --batch pairs.csv") == 1
    assert "in/endless.wav is not a regular file" in capsys.readouterr().out


def test_verify_repeats_damaged_outputs(folder, capsys):
    line = "upmix in -o out --upmixer matrix --resume"
    assert run_command(line) == 0
    output = Path("out/song.wav")
    whole = output.read_bytes()
    output.write_bytes(whole[:-100] + bytes(100))
    assert run_command(line) == 0
    assert output.read_bytes() != whole  # the size is that of the record
    capsys.readouterr()
    assert run_command(f"{line} --verify") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 done;")
    assert np.array_equal(read(output).samples.shape, (6, 8000))
    assert output.read_bytes() == whole
    assert run_command(f"{line} --verify") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 done, 1 skipped;")
    assert run_command("upmix in -o out --verify") == 2
    assert "--verify requires --resume" in capsys.readouterr().err


def test_a_record_without_hash_is_repeated_by_verify(folder):
    line = "upmix in -o out --upmixer matrix --resume"
    assert run_command(line) == 0
    (record,) = logged()
    del record["digest"]
    Path("out/upmix.jsonl").write_text(json.dumps(record) + "\n")
    assert run_command(line) == 0
    assert len(logged()) == 1
    assert run_command(f"{line} --verify") == 0
    assert len(logged()) == 2


class Cluster:
    """Client of a cluster whose workers have given versions."""

    def __init__(self, *versions):
        self.versions = versions

    def run(self, function):
        return {f"tcp://w{n}": {**function(), **changed} for n, changed in enumerate(self.versions)}


def test_a_cluster_must_have_the_versions_of_this_process(monkeypatch):
    batches._require_equal_versions(Cluster({}, {}), "tcp://s", batches.own_version)
    with pytest.raises(OptionError, match=r"worker tcp://w1 has spatialkit 0\.0\.1, this process"):
        batches._require_equal_versions(
            Cluster({}, {"spatialkit": "0.0.1"}), "tcp://s", batches.own_version
        )
    broken = Cluster({})
    broken.run = lambda function: (_ for _ in ()).throw(ModuleNotFoundError("No spatialkit"))
    with pytest.raises(OptionError, match="a worker of the cluster at tcp://s cannot run spatialk"):
        batches._require_equal_versions(broken, "tcp://s", batches.own_version)
    assert versions_of("matrix")["spatialkit"] == _version.__version__
    assert "spatialkit" in versions_of("matrix")["the package of matrix"]


def test_records_contain_the_version_of_the_worker(folder, monkeypatch):
    assert run_command("upmix in -o out --upmixer matrix") == 0
    assert logged()[0]["spatialkit"] == _version.__version__
    late = batches._Numbered(dict)
    monkeypatch.setattr(batches, "__version__", "0.0.1")
    with pytest.raises(OptionError, match=r"the worker has spatialkit 0\.0\.1, the batch was star"):
        late((0, {}))
