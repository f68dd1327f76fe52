"""Files and folders appear when they are complete, whatever happens meanwhile."""

from __future__ import annotations

import os
import stat

import pytest

from spatialkit.errors import AudioFileError, SpatialkitError
from spatialkit.storage import (
    draft_folder,
    remove_parts,
    replace_file,
    replacing,
    replacing_folder,
)

posix = pytest.mark.skipif(os.name != "posix", reason="of POSIX")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stop_writing(file, error):
    file.write(b"new")
    raise error


def stop_in(folder):
    replace_file(folder / "a", b"3")
    raise KeyboardInterrupt


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_or_signal_keeps_the_old_file_and_leaves_nothing(tmp_path, error):
    path = tmp_path / "a.json"
    replace_file(path, b"old")
    with pytest.raises(error), replacing(path) as file:
        stop_writing(file, error)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.json"]


def test_the_temporary_file_has_a_random_name_in_the_same_folder(tmp_path):
    path = tmp_path / "a.json"
    with replacing(path) as first, replacing(path) as second:
        first.write(b"first")
        second.write(b"second")
        parts = names(tmp_path)
        assert len(parts) == 2
        assert all(name.startswith(".spatialkit-") and name.endswith(".part") for name in parts)
    assert path.read_bytes() == b"first"  # replaced last
    assert names(tmp_path) == ["a.json"]


def test_a_link_that_has_the_temporary_name_is_not_followed(tmp_path, monkeypatch):
    taken = tmp_path / ".spatialkit-0000000000000000.part"
    monkeypatch.setattr("os.urandom", bytes)
    taken.symlink_to(tmp_path / "victim")
    with pytest.raises(AudioFileError, match=r"a.json cannot be written: File exists"):
        replace_file(tmp_path / "a.json", b"new")
    assert not (tmp_path / "victim").exists()


def test_file_and_folder_are_flushed_to_the_disk(tmp_path, monkeypatch):
    done = []

    def fsync(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    replace = os.replace
    monkeypatch.setattr("os.fsync", fsync)
    monkeypatch.setattr("os.replace", lambda *paths: (done.append("move"), replace(*paths)))
    replace_file(tmp_path / "a.json", b"new")
    assert done == ["file", "move", "folder"] if os.name == "posix" else ["file", "move"]


@posix
def test_a_link_and_the_permissions_of_a_file_are_kept(tmp_path):
    path, link = tmp_path / "folder/a.json", tmp_path / "link.json"
    path.parent.mkdir()
    path.write_bytes(b"old")
    path.chmod(0o600)
    link.symlink_to(path)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("path", ["/dev/null", "."])
def test_devices_and_folders_are_not_replaced(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpatialkitError, match=r" cannot be written: it is not a regular file$"):
        replace_file(path, b"new", error=SpatialkitError)


def write_folder(folder, value):
    with replacing_folder(folder) as draft:
        for name in "abc":
            replace_file(draft / name, value)


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "scene"
    write_folder(folder, b"1")
    (folder / "other").touch()
    write_folder(folder, b"2")
    assert names(folder) == ["a", "b", "c"]
    assert {path.read_bytes() for path in folder.iterdir()} == {b"2"}
    with pytest.raises(KeyboardInterrupt), replacing_folder(folder) as draft:
        stop_in(draft)
    assert {path.read_bytes() for path in folder.iterdir()} == {b"2"}
    assert names(tmp_path) == ["scene"]


def test_a_folder_does_not_replace_a_file(tmp_path):
    (tmp_path / "scene").write_bytes(b"old")
    with pytest.raises(AudioFileError, match=r"scene cannot be written: it is not a folder$"):
        write_folder(tmp_path / "scene", b"1")
    assert (tmp_path / "scene").read_bytes() == b"old"


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_while_folders_are_exchanged_keeps_the_old_one(tmp_path, monkeypatch, failing):
    folder = tmp_path / "scene"
    write_folder(folder, b"1")
    replace, calls = os.replace, []

    def interrupted(source, target):
        if str(tmp_path / "scene") in (str(source), str(target)):
            calls.append(target)
            if len(calls) == failing + 1:
                raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_folder(folder, b"2")
    assert {path.read_bytes() for path in folder.iterdir()} == {b"1"}
    assert names(tmp_path) == ["scene"]


def test_a_draft_folder_is_removed(tmp_path):
    with draft_folder(tmp_path) as draft:
        (draft / "a").touch()
        assert names(tmp_path) == [draft.name]
    assert names(tmp_path) == []


def test_what_killed_processes_left_is_removed(tmp_path):
    (tmp_path / ".spatialkit-0123.part").touch()
    (tmp_path / "a.part").touch()
    remove_parts(tmp_path)
    assert names(tmp_path) == ["a.part"]
