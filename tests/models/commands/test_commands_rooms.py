"""``spatialkit rooms``: complete rooms are kept, others repeated, with any number of jobs."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from spatialkit.__main__ import main
from spatialkit.commands import GROUP, plugins
from spatialkit_models.data.rooms import find_rooms

LIGHT = """
import sys
import spatialkit_models.commands.rooms
print([name for name in ("torch", "scipy", "pyroomacoustics", "soundfile") if name in sys.modules])
"""
SMALL = ["--directions", "1", "--rt60", "0.25", "0.35", "--sample-rate", "8000"]


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    pytest.importorskip("pyroomacoustics")
    entry = EntryPoint("rooms", "spatialkit_models.commands.rooms:command", GROUP)
    monkeypatch.setattr(plugins, "find_plugins", lambda group: {"rooms": entry})


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_importing_the_command_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_it_is_named_in_the_entry_points():
    setup = Path(__file__).parents[3] / "setup.cfg"
    if not setup.exists():
        pytest.skip("runs in the source tree")
    assert "\n    rooms = spatialkit_models.commands.rooms:command\n" in setup.read_text()


def test_rooms_are_written_once_and_complete(tmp_path, capsys):
    out = tmp_path / "rooms"
    assert main(["rooms", "--out", str(out), "--count", "2", *SMALL]) == 0
    assert capsys.readouterr().out == f"{out}: 2 done\n"
    first = contents(out)
    assert sorted(first) == [
        f"room-0000{number}/{name}"
        for number in range(2)
        for name in ("direction-00.flac", "room.json")
    ]
    facts = json.loads(first["room-00001/room.json"])
    assert facts["settings"]["number"] == 1
    assert len(find_rooms(out)) == 2

    damaged = out / "room-00001" / "direction-00.flac"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert main(["rooms", "--out", str(out), "--count", "2", *SMALL, "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["status"] for record in records] == ["skipped", "done"]
    assert contents(out) == first


def test_several_processes_write_the_same_rooms(tmp_path):
    for name, jobs in (("one", "1"), ("two", "2")):
        arguments = ["rooms", "--out", str(tmp_path / name), "--count", "2", "--jobs", jobs]
        assert main([*arguments, *SMALL]) == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_other_settings_are_refused_unless_forced(tmp_path, capsys):
    arguments = ["rooms", "--out", str(tmp_path), "--count", "1", *SMALL]
    assert main(arguments) == 0
    assert main([*arguments, "--seed", "1"]) == 1
    assert "room-00000 contains a room with other settings" in capsys.readouterr().err
    assert main([*arguments, "--seed", "1", "--force"]) == 0
    facts = json.loads((tmp_path / "room-00000" / "room.json").read_text())
    assert facts["settings"]["seed"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "0"], "--count must be at least 1, got 0"),
        (["--directions", "0"], "--directions must be from 1 to 64, got 0"),
        (["--sample-rate", "100"], "--sample-rate must be from 8000 to 192000 Hz, got 100"),
        (["--seed", "-1"], "--seed must be at least 0, got -1"),
        (["--rt60", "1", "0.5"], "rt60 must be (shortest, longest) in seconds, got (1, 0.5)"),
    ],
)
def test_invalid_options_raise_one_sentence(tmp_path, capsys, arguments, message):
    assert main(["rooms", "--out", str(tmp_path / "new"), "--count", "1", *arguments]) == 2
    assert capsys.readouterr().err == f"Error: {message}\n"
    assert not (tmp_path / "new").exists()


def test_without_the_tracer_the_error_contains_the_install_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    assert main(["rooms", "--out", str(tmp_path / "new"), "--count", "1"]) == 2
    assert (
        "simulating rooms needs pyroomacoustics: spatialkit's extra `train`"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "new").exists()


def test_a_file_as_output_directory_is_refused(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["rooms", "--out", str(tmp_path / "file"), "--count", "1"]) == 2
    assert "file cannot be created: File exists" in capsys.readouterr().err
