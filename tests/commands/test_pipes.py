"""Pipes as input and output of commands, as shells make them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from spatialkit.commands import main
from spatialkit.errors import AudioFileError
from spatialkit.files import info, read, write
from spatialkit.sample import sample_path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
CALL = [sys.executable, "-m", "spatialkit"]


def spatialkit(*arguments, stdin=subprocess.DEVNULL, **options):
    return subprocess.run(
        [*CALL, *map(str, arguments)], stdin=stdin, capture_output=True, timeout=120, **options
    )


@pytest.fixture
def song(tmp_path):
    time = np.arange(4800) / 48000
    write(tmp_path / "song.wav", 0.3 * np.sin(2000 * time + [[0.0], [1.0]]), 48000)
    return tmp_path / "song.wav"


def test_two_commands_are_joined_by_a_pipe(song, tmp_path):
    mono = spatialkit("downmix", song, "-o", "-", "--to", "mono")
    assert mono.returncode == 0
    assert b"-: mono, 1 channel, 0.10 s" in mono.stderr
    through = subprocess.run(
        [*CALL, "upmix", "-", "-o", "-"], input=mono.stdout, capture_output=True, timeout=120
    )
    assert through.returncode == 0
    (tmp_path / "a.wav").write_bytes(through.stdout)
    assert main(["downmix", str(song), "-o", str(tmp_path / "m.wav"), "--to", "mono"]) == 0
    assert main(["upmix", str(tmp_path / "m.wav"), "-o", str(tmp_path / "b.wav")]) == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_standard_input_from_a_file_is_read_where_it_is(song):
    with song.open("rb") as file:
        found = spatialkit("info", "-", stdin=file)
    assert b"-: WAV FLOAT, 48000 Hz" in found.stdout


def test_a_named_pipe_is_read(song, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    thread = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(song.read_bytes(),))
    thread.start()
    found = read(tmp_path / "pipe")
    thread.join()
    assert np.array_equal(found.samples, read(song).samples)


def test_a_compressed_file_with_its_index_at_the_end_is_read_from_a_pipe():
    data = sample_path().read_bytes()
    found = subprocess.run([*CALL, "info", "-"], input=data, capture_output=True, timeout=120)
    assert b"1323000 samples, 30.00 s" in found.stdout


@pytest.mark.parametrize(
    ("content", "words"), [(b"", b"Error: - is empty"), (b"text", b"not a supported audio file")]
)
def test_other_content_of_standard_input_is_refused(content, words):
    found = subprocess.run([*CALL, "info", "-"], input=content, capture_output=True, timeout=120)
    assert found.returncode == 2
    assert words in found.stderr


def test_json_of_a_command_that_writes_to_standard_output_goes_to_standard_error(song):
    found = spatialkit("upmix", song, "-o", "-", "--json")
    assert found.stdout.startswith(b"RIFF")
    assert b'"output": "-"' in found.stderr


def test_a_closed_pipe_is_one_sentence(song):
    with subprocess.Popen(
        [*CALL, "upmix", str(song), "-o", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 2
    assert said.splitlines()[-1] == b"Error: standard output was closed before its end"


def test_terminals_are_refused(song):
    import pty

    leader, terminal = pty.openpty()
    with os.fdopen(terminal, "rb+", buffering=0) as screen:
        found = spatialkit("info", "-", stdin=screen)
        assert b"standard input is a terminal" in found.stderr
        written = subprocess.run(
            [*CALL, "upmix", str(song), "-o", "-"],
            stdout=screen,
            stderr=subprocess.PIPE,
            timeout=99,
        )
        assert b"standard output is a terminal" in written.stderr
        assert (found.returncode, written.returncode) == (2, 2)
    os.close(leader)


def test_a_sample_rate_that_cannot_be_right_is_refused_at_once(song):
    data = bytearray(song.read_bytes())
    at = data.index(b"fmt ") + 12
    for rate in (1_600_001, 2**31 - 1, 2**32 - 1):
        data[at : at + 4] = rate.to_bytes(4, "little")
        song.write_bytes(data)
        for call in (info, read):
            with pytest.raises(AudioFileError):
                call(song)
    data[at : at + 4] = (1_600_000).to_bytes(4, "little")
    song.write_bytes(data)
    assert info(song).sample_rate == 1_600_000
