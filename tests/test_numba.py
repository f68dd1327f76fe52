"""Compiled loops work wherever they are called, with a cache or without."""

import os
import pickle
import shutil
import subprocess
import sys

import pytest

CALL = "import spatialkit; print(spatialkit.vbap_gains(30.0, layout='5.0').tolist())"
EXPECTED = "[1.0, 0.0, 0.0, 0.0, 0.0]"


def call(cache, errors=None, **options):
    """Return the output of a process with a cache; append its errors to a list."""
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
        **options,
    )
    if errors is not None:
        errors.append(done.stderr)
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


class Planted:
    """Object whose unpickling creates a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def plant(cache, mark):
    """Replace all files of a cache by one that runs code when it is read."""
    for path in cache.rglob("*.nb?"):
        path.write_bytes(pickle.dumps(Planted(mark)))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners and modes of files")
@pytest.mark.parametrize("exposed", ["folder", "index", "data", "owner"])
def test_code_that_others_can_write_is_not_run(filled, tmp_path, exposed):
    cache = tmp_path / "cache"
    shutil.copytree(filled, cache)
    folder = next(path for path in cache.rglob("kernels.pan*.nbi")).parent
    plant(cache, tmp_path / "ran")
    if exposed == "owner":
        if os.geteuid():
            pytest.skip("only root can give files away")
        for path in (folder, *folder.iterdir()):
            os.chown(path, 65534, 65534)
    elif exposed == "folder":
        folder.chmod(0o777)
    else:
        for path in folder.glob("*.nbi" if exposed == "index" else "*.nbc"):
            path.chmod(0o666)
    errors = []
    assert call(cache, errors) == EXPECTED
    assert errors[0].count("SpatialkitWarning: compiled code in") == 1
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no modes of files")
def test_caches_are_written_for_the_user_alone_whatever_the_umask(tmp_path):
    for _ in range(2):
        assert call(tmp_path / "cache", preexec_fn=lambda: os.umask(0)) == EXPECTED
    written = list((tmp_path / "cache").rglob("kernels*"))
    assert written
    assert not [path for path in written if path.stat().st_mode & 0o022]
