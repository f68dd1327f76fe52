"""Compiled loops work wherever they are called, with a cache or without."""

import os
import shutil
import subprocess
import sys

import pytest

CALL = "import spatialkit; print(spatialkit.vbap_gains(30.0, layout='5.0').tolist())"
EXPECTED = "[1.0, 0.0, 0.0, 0.0, 0.0]"


def call(cache, **options):
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
        **options,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Folder of a cache that a first call has filled."""
    cache = tmp_path_factory.mktemp("cache")
    assert call(cache) == EXPECTED
    return cache


def test_kernels_are_kept_on_disk(filled):
    kept = {path: path.stat().st_mtime_ns for path in filled.rglob("*.nb?")}
    assert any("kernels.pan" in path.name for path in kept)
    assert call(filled) == EXPECTED
    assert kept == {path: path.stat().st_mtime_ns for path in filled.rglob("*.nb?")}


def test_damaged_caches_are_ignored(filled, tmp_path):
    shutil.copytree(filled, tmp_path / "cache")
    for path in tmp_path.rglob("*.nbi"):
        path.write_bytes(path.read_bytes()[:50])
    assert call(tmp_path / "cache") == EXPECTED


def test_no_writable_folder_is_needed(tmp_path):
    """Not a folder at all: no user, not even root, can write there."""
    (tmp_path / "file").touch()
    assert call(tmp_path / "file" / "below") == EXPECTED


def test_a_full_disk_is_ignored(tmp_path):
    resource = pytest.importorskip("resource")
    tiny = (1024, 1024)
    assert call(tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, tiny)) == (
        EXPECTED
    )
