"""Files on which a plug-in hangs, or ends its process, are failed rows; the others are done."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from spatialkit.commands import main
from spatialkit.files import write

PLUGIN = '''
import ctypes, itertools, os
from dataclasses import dataclass
from spatialkit import Upmixer, get_layout
from spatialkit.upmixing import option

@dataclass(frozen=True)
class Options:
    """Options of Stuck."""
    how: str = option("loop", "How it fails on loud files.")

class Stuck(Upmixer):
    """Fails on loud files."""
    name = "stuck"
    accepts = (1, 2)
    format = get_layout("stereo")
    options_class = Options

    def _upmix(self, audio, sample_rate):
        if audio.max() > 0.5:
            getattr(self, self.options.how)()
        return audio

    def loop(self):
        while True:
            pass

    def compiled(self):
        all(itertools.repeat(True))  # holds the lock of the interpreter

    def exit(self):
        os._exit(0)

    def compiled_exit(self):
        ctypes.CDLL(None)._exit(0)
'''


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """Install the upmixer "stuck" and write three songs, of which it fails on the second."""
    installed = tmp_path / "plug-in/stuck-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed.parent / "stuck.py").write_text(PLUGIN)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: stuck\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[spatialkit.upmixers]\nstuck = stuck:Stuck\n")
    monkeypatch.syspath_prepend(installed.parent)
    monkeypatch.setenv("PYTHONPATH", str(installed.parent))
    monkeypatch.delitem(sys.modules, "stuck", raising=False)
    monkeypatch.chdir(tmp_path)
    for name, level in (("a", 0.1), ("b", 0.9), ("c", 0.1)):
        write(f"{name}.wav", np.full((2, 4800), level, np.float32), 48000)


def upmix(options):
    """Upmix all songs, and return the error of the second after checking the others."""
    assert main(f"upmix a.wav b.wav c.wav -o out/ --upmixer stuck {options}".split()) == 1
    records = [json.loads(line) for line in Path("out/upmix.jsonl").read_text().splitlines()]
    found = {record["name"]: record for record in records}
    assert len(records) == 3
    assert found["a.wav"]["status"] == found["c.wav"]["status"] == "done"
    assert found["b.wav"]["status"] == "failed"
    assert sorted(os.listdir("out")) == ["a.wav", "c.wav", "upmix.jsonl"]
    return found["b.wav"]["error"]


@pytest.mark.parametrize(("how", "jobs"), [("loop", 2), ("compiled", 1)])
def test_a_file_that_takes_longer_than_the_timeout_has_failed(songs, how, jobs):
    error = upmix(f"-O how={how} --jobs {jobs} --timeout 4")
    assert error == (
        "b.wav: TimeoutError: the job took longer than 4 s, and its worker process was killed"
    )


@pytest.mark.parametrize("options", ["", "--jobs 2", "--timeout 60"])
def test_a_plugin_that_ends_its_process_has_failed(songs, options):
    error = upmix(f"-O how=exit {options}")
    assert error == "b.wav: RuntimeError: os._exit(0) was called, which is not allowed here"


@pytest.mark.parametrize("options", ["--jobs 2", "--timeout 60"])
@pytest.mark.skipif(os.name != "posix", reason="libc of POSIX")
def test_a_worker_that_ends_has_failed(songs, options):
    error = upmix(f"-O how=compiled_exit {options}")
    assert error.startswith(
        "b.wav: BrokenExecutor: the worker process ended with exit status 0 in 2 attempts"
    )


def test_one_file_that_ends_the_command_is_an_error(songs, capsys):
    assert main(["upmix", "b.wav", "-o", "out.wav", "--upmixer", "stuck", "-O", "how=exit"]) == 2
    assert "os._exit(0) was called" in capsys.readouterr().err
    assert not list(Path().glob("*out*"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            "-o out.wav --timeout 5",
            "--timeout, --log, --dry-run and --loudness-album require a",
        ),
        ("-o out/ --timeout 5 --cluster tcp://127.0.0.1:9", "--timeout has no effect on the work"),
        ("-o out/ --timeout nan", "timeout must be from 0.001 to 1e+06 s, got nan"),
        ("-o out/ --timeout 0", "0.0 is not in the range 0.001<=x<=1000000.0"),
    ],
)
def test_a_timeout_needs_worker_processes(songs, capsys, options, sentence):
    assert main(f"upmix a.wav {options}".split()) == 2
    assert sentence in capsys.readouterr().err
