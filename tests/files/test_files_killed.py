"""Killed writers and full disks: a complete file or none, and one sentence."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from spatialkit.errors import SpatialkitWarning
from spatialkit.files import read, write, write_stream
from spatialkit.files.formats import FILE_FORMATS
from spatialkit.layouts import get_format

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")

CHANNELS, SAMPLES = 6, 100_000


def constant(version):
    """Sound of a version: known by its value, and whole if every sample has it."""
    return np.full((CHANNELS, SAMPLES), version % 64 / 64, np.float32)


# Format that is written with each suffix.
LAYOUTS = {found.suffixes[0]: "5.1" for found in FILE_FORMATS} | {".ogg": "stereo"}


def write_again_and_again(path, blockwise, layout, ready):
    """Write one version after the other, as fast as the disk goes."""
    warnings.simplefilter("ignore", SpatialkitWarning)
    ready.set()
    version = 0
    while True:
        version += 1
        if blockwise:
            channels = get_format(layout).n_channels
            with write_stream(path, 48000, format=layout, overwrite=True) as target:
                for start in range(0, SAMPLES, 9999):
                    target.write(constant(version)[:channels, start : start + 9999])
        else:
            write(path, constant(version), 48000, format="5.1", overwrite=True)


@pytest.fixture(scope="module")
def processes(fork_server):
    """Processes that start at once, with their imports done."""
    return fork_server("spatialkit.files", "soundfile", __name__)


def kill_after(processes, seconds, *arguments):
    ready = processes.Event()
    writer = processes.Process(target=write_again_and_again, args=(*arguments, ready))
    writer.start()
    assert ready.wait(60)
    time.sleep(seconds)
    writer.kill()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("blockwise", [False, True])
@pytest.mark.parametrize(("name", "there"), [("a.wav", True), ("a.flac", False)])
def test_a_kill_leaves_a_whole_file_or_none(tmp_path, processes, name, there, blockwise, seed):
    path = tmp_path / name
    if there:
        write(path, constant(7), 48000, format="5.1")
    chosen = random.Random(f"{name} {blockwise} {seed}")
    # The very first file is still being written, or one of the next is.
    kill_after(processes, chosen.uniform(0, 0.02 if seed == 0 else 0.2), path, blockwise, "5.1")
    if there or path.exists():
        samples = read(path).samples
        assert samples.shape == (CHANNELS, SAMPLES)
        assert samples.min() == samples.max()
    left = [other.name for other in tmp_path.iterdir() if other != path]
    assert len(left) <= 1
    assert all(name.startswith(".spatialkit-") and name.endswith(".part") for name in left)


@pytest.mark.parametrize("suffix", [found.suffixes[0] for found in FILE_FORMATS])
def test_a_kill_leaves_nothing_incomplete_in_any_format(tmp_path, processes, suffix):
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    path = tmp_path / f"a{suffix}"
    kill_after(processes, random.Random(suffix).uniform(0.02, 0.3), path, True, LAYOUTS[suffix])
    if path.exists():
        samples = read(path).samples
        assert len(samples) == get_format(LAYOUTS[suffix]).n_channels
        assert samples.shape[1] in (SAMPLES, *range(SAMPLES + 256, SAMPLES + 256 + 1536))
        assert samples.shape[1] == SAMPLES or suffix in (".ac3", ".eac3")
    left = [other.name for other in tmp_path.iterdir() if other != path]
    assert len(left) <= 1
    assert all(name.startswith(".spatialkit-") and name.endswith(".part") for name in left)


def test_a_temporary_file_of_a_killed_writer_does_not_disturb_the_next(tmp_path, processes):
    path = tmp_path / "a.wav"
    while not list(tmp_path.glob(".spatialkit-*.part")):
        kill_after(processes, random.Random(1).uniform(0.0, 0.05), path, True, "5.1")
    write(path, constant(3), 48000, format="5.1", overwrite=True)
    assert np.array_equal(read(path).samples, constant(3))


FILL = """
import os, sys
import numpy as np
from spatialkit.errors import AudioFileError
from spatialkit.files import write, write_stream
noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 200000))
guarded = {"peak_guard": True, "subtype": "PCM_24"}
for name, options in (("a.wav", {}), ("a.flac", {}), ("a.ogg", {}), ("a.wav", guarded)):
    path = os.path.join(sys.argv[1], name)
    for blockwise in (False, True):
        try:
            if blockwise:
                with write_stream(path, 48000, channels=2, **options) as target:
                    for start in range(0, 200000, 10000):
                        target.write(noise[:, start : start + 10000])
            else:
                write(path, noise, 48000, **options)
        except AudioFileError as error:
            assert str(error) == f"{path} cannot be written: {os.strerror(int(sys.argv[2]))}", error
        else:
            sys.exit(f"{name} was written")
        assert os.listdir(sys.argv[1]) == []
print("all refused")
"""


@pytest.mark.parametrize("limit", ["quota", "disk"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, limit):
    """A limit on the size of files, met by every process; and a disk of 48 kB, where one can be
    mounted for a process of its own."""
    script = tmp_path / "fill.py"
    script.write_text(FILL)
    folder = tmp_path / "folder"
    folder.mkdir()
    command = [sys.executable, str(script), str(folder)]
    if limit == "quota":
        prepare = "ulimit -f 50"
        command.append(str(errno.EFBIG))
    else:
        if not shutil.which("unshare"):
            pytest.skip("no unshare here")
        prepare = f"mount -t tmpfs -o size=48k none {folder}"
        command.append(str(errno.ENOSPC))
    line = ["sh", "-c", f'{prepare} || exit 77; exec "$@"', "sh", *command]
    line = [*(["unshare", "-rm"] if limit == "disk" else []), *line]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if limit == "disk" and (done.returncode == 77 or "unshare" in done.stderr):
        pytest.skip("no disk can be mounted here")
    assert (done.stderr, done.stdout) == ("", "all refused\n")
    assert list(folder.iterdir()) == []
