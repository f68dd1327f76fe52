"""Logs and locks: one process at a time, and no record lost to a truncated line."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import pytest

from spatialkit.errors import AudioFileError, OptionError, SpatialkitWarning
from spatialkit.storage import RecordLog, locked_folder, locks
from spatialkit.validation import read_json_lines

HOLD = """
import sys
from pathlib import Path
from spatialkit.storage import RecordLog, locked_folder
path = Path(sys.argv[1])
with locked_folder(path, "wait") if path.is_dir() else RecordLog(path):
    print("locked", flush=True)
    sys.stdin.read()
"""


def hold(path):
    """Start a process that locks a log or a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "locked\n"
    return process


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("kind", ["log", "folder"])
def test_a_lock_ends_with_its_process(tmp_path, kind, killed):
    path = tmp_path if kind == "folder" else tmp_path / "log.jsonl"
    process = hold(path)
    sentence = f"^{path} is in use by another process; wait"
    if kind == "folder":
        with (
            pytest.raises(OptionError, match=sentence),
            locked_folder(path, "wait", error=OptionError),
        ):
            pass
    else:
        with pytest.raises(AudioFileError, match=sentence):
            RecordLog(path)
    if killed:
        process.kill()
    process.communicate()
    if kind == "folder":
        with locked_folder(path, "wait"):
            pass
    else:
        RecordLog(path).__exit__()


def test_a_file_system_without_locks_is_reported(tmp_path, monkeypatch):
    def fail(file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_lock", fail)
    with (
        pytest.warns(SpatialkitWarning, match=r"a.jsonl cannot be locked on this file system \(No"),
        RecordLog(tmp_path / "a.jsonl") as log,
    ):
        log.add({"status": "done"})
    assert list(read_json_lines(tmp_path / "a.jsonl")) == [{"status": "done"}]


@pytest.mark.parametrize("rest", ['{"status": "do', '{"status": "done"}'])
def test_a_truncated_line_is_not_joined(tmp_path, rest):
    path = tmp_path / "a.jsonl"
    path.write_text('{"name": "a"}\n' + rest)
    for name in "bc":
        with RecordLog(path) as log:
            log.add({"name": name, "snr": float("nan")})
    lines = path.read_text().splitlines()
    assert lines[1] == rest
    assert [json.loads(line) for line in lines[2:]] == [
        {"name": "b", "snr": None},
        {"name": "c", "snr": None},
    ]


def test_a_record_that_could_not_be_written_leaves_the_log_as_before(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, "No space")

    path = tmp_path / "a.jsonl"
    with RecordLog(path) as log:
        log.add({"name": "a"})
        with monkeypatch.context() as patched:
            patched.setattr(
                os, "fsync", lambda file: (_ for _ in ()).throw(OSError(28, "No space"))
            )
            with pytest.raises(AudioFileError, match=r"a.jsonl cannot be written: No space"):
                log.add({"name": "b"})
        log.add({"name": "c"})
    assert path.read_text() == '{"name": "a"}\n{"name": "c"}\n'


def test_a_song_is_no_log(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    with pytest.raises(AudioFileError, match=r"a.wav is not a file of records: choose another"):
        RecordLog(path)
    assert path.read_bytes() == b"RIFF"


def test_a_log_to_which_nothing_is_added_is_not_changed(tmp_path):
    """As where a batch ends by an error before its first record: a new one is removed."""
    (tmp_path / "cut.jsonl").write_text('{"a": 1')
    for name in ("cut.jsonl", "new.jsonl"):
        with pytest.raises(ZeroDivisionError), RecordLog(tmp_path / name):
            raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["cut.jsonl"]
    assert (tmp_path / "cut.jsonl").read_text() == '{"a": 1'
    with RecordLog(tmp_path / "cut.jsonl") as log:
        log.add({"b": 2})
        log.add({"c": 3})
    assert (tmp_path / "cut.jsonl").read_text() == '{"a": 1\n{"b": 2}\n{"c": 3}\n'
