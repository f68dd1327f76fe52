"""Two processes write one file or folder, others read it."""

from __future__ import annotations

import pytest

from spatialkit.errors import AudioFileError
from spatialkit.storage import replace_file, replacing_folder

WRITES = 60
NAMES = ("a", "b", "c")


def put_file(path, value):
    replace_file(path, 20_000 * value)


def get_file(path):
    return path.read_bytes()


def put_folder(path, value):
    with replacing_folder(path) as draft:
        for name in NAMES:
            replace_file(draft / name, value)


def get_folder(path):
    return b"".join((path / name).read_bytes() for name in NAMES)


def write_often(put, path, value, ready, failures):
    ready.wait()
    for _ in range(WRITES):
        try:
            put(path, value)
        except AudioFileError:
            failures.value += 1


@pytest.fixture(scope="module")
def processes(fork_server):
    """Processes that start at once, with their imports done."""
    return fork_server("spatialkit.storage", __name__)


@pytest.mark.parametrize(
    ("put", "get", "whole"),
    [(put_file, get_file, True), (put_folder, get_folder, False)],
    ids=["file", "folder"],
)
def test_two_processes_may_write_at_the_same_time(tmp_path, processes, put, get, whole):
    path, ready = tmp_path / "target", processes.Barrier(2)
    put(path, b"0")
    failures = [processes.Value("i", 0) for _ in "12"]
    writers = [
        processes.Process(target=write_often, args=(put, path, value, ready, failed))
        for value, failed in zip((b"1", b"2"), failures, strict=True)
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if whole:  # a folder has no name for a moment, and its files are opened one by one
            assert len(set(get(path))) == 1
    assert [failed.value for failed in failures] == [0, 0]
    assert len(set(get(path))) == 1
    assert [other.name for other in tmp_path.iterdir()] == ["target"]
