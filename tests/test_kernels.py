"""Compiled loops work wherever they are called, with a cache or without."""

import os
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from spatialkit._kernels import constant, kernel

CALL = """
import sys
import spatialkit
assert spatialkit.vbap_gains(30.0, layout="5.0").tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
print("compiled" if "numba" in sys.modules else "loaded")
"""


def call(cache, errors=None, **options):
    """Pan in a process with a cache; return "compiled" or "loaded", and append the errors."""
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
    assert call(cache) == "compiled"
    return cache


def stamps(cache):
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*.kernel")}


def test_kernels_are_kept_on_disk(filled):
    kept = stamps(filled)
    assert any("kernels.pan-" in path.name for path in kept)
    assert call(filled) == "loaded"
    assert stamps(filled) == kept


@pytest.mark.parametrize("damage", [lambda code: code[:50], lambda code: code[:-1] + b"?"])
def test_damaged_caches_are_replaced(filled, tmp_path, damage):
    shutil.copytree(filled, tmp_path / "cache")
    for path in stamps(tmp_path):
        path.write_bytes(damage(path.read_bytes()))
    assert call(tmp_path / "cache") == "compiled"
    assert call(tmp_path / "cache") == "loaded"


def test_no_writable_folder_is_needed(tmp_path):
    """Not a folder at all: no user, not even root, can write there."""
    (tmp_path / "file").touch()
    assert call(tmp_path / "file" / "below") == "compiled"


def test_a_full_disk_is_ignored(tmp_path):
    resource = pytest.importorskip("resource")
    tiny = (1024, 1024)
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, tiny)
    assert call(tmp_path, preexec_fn=limit) == "compiled"
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners and modes of files")
@pytest.mark.parametrize("exposed", ["folder", "file", "owner"])
def test_code_that_others_can_write_is_not_run(filled, tmp_path, exposed):
    cache = tmp_path / "cache"
    shutil.copytree(filled, cache)
    folder = next(iter(stamps(cache))).parent
    if exposed == "owner":
        if os.geteuid():
            pytest.skip("only root can give files away")
        for path in (folder, *folder.iterdir()):
            os.chown(path, 65534, 65534)
    elif exposed == "folder":
        folder.chmod(0o777)
    else:
        for path in folder.iterdir():
            path.chmod(0o666)
    errors = []
    assert call(cache, errors) == "compiled"
    assert errors[0].count("SpatialkitWarning: compiled code in") == 1


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no modes of files")
def test_caches_are_written_for_the_user_alone_whatever_the_umask(tmp_path):
    for result in ("compiled", "loaded"):
        assert call(tmp_path / "cache", preexec_fn=lambda: os.umask(0)) == result
    written = list((tmp_path / "cache").rglob("*.kernel"))
    assert written
    assert not [path for path in written if path.stat().st_mode & 0o022]


@kernel
def scaled(value, factor, out):
    """Write ``factor`` times ``value`` to an array."""
    for n in range(out.size):
        out[n] = factor * value[n]


@kernel
def add_scaled(matrix, factors, negative, count, out):
    """Add the first rows of a matrix, times factors and a sign, to an array."""
    for row in range(count):
        scratch = out[1]
        scaled(matrix[row], -factors[row] if negative else factors[row], scratch)
        for n in range(out.shape[1]):
            out[0, n] += scratch[n]


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "strided", "read-only"])
@pytest.mark.parametrize("negative", [False, True])
def test_arrays_of_any_layout_and_numbers_arrive_as_they_are(rng, dtype, layout, negative):
    matrix = rng.standard_normal((6, 20)).astype(dtype)
    factors = rng.standard_normal(6)
    given = {
        "transposed": np.asfortranarray(matrix),
        "strided": np.repeat(matrix, 2, axis=1)[:, ::2],
    }.get(layout, matrix)
    given.flags.writeable = layout != "read-only"
    out = np.zeros((2, 20), dtype)
    add_scaled(given, factors, negative, 4, out)
    expected = (-factors[:4] if negative else factors[:4]) @ matrix[:4]
    np.testing.assert_allclose(out[0], expected, rtol=1e-5)


def test_a_kernel_that_allocates_is_not_compiled(rng):
    @kernel
    def allocates(out):
        out[:] = np.zeros(3)

    with pytest.raises(Exception, match="No implementation of function"):
        allocates(np.zeros(3))


def test_a_constant_argument_is_the_array_itself():
    """Its elements may change; the result is that of a call with the array."""

    @kernel
    def add(values, out):
        for n in range(values.shape[0]):
            out[n] += values[n]

    values, out = np.arange(4.0), np.zeros(4)
    fixed = constant(values)
    add(fixed, out)
    values *= 10.0
    add(fixed, out)
    np.testing.assert_array_equal(out, 1.1 * values)


def test_reordered_sums_keep_nan_and_infinity():
    """Only the order of the terms is free: infinite and undefined terms are not optimized away."""

    @kernel(reorder_sums=True)
    def total(values, out):
        found = 0.0
        for n in range(values.size):
            found += values[n]
        out[0] = found

    out, values = np.zeros(1), np.ones(1001)
    total(values, out)
    assert out[0] == 1001.0
    for special in (np.inf, -np.inf, np.nan):
        values[500] = special
        total(values, out)
        np.testing.assert_array_equal(out[0], special)
