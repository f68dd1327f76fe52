"""Tests of the uploads and jobs of the local page."""

from __future__ import annotations

import io
import re
import time

import numpy as np
import pytest

from spatialkit import write
from spatialkit.errors import OptionError
from spatialkit.page import Jobs, Limits
from spatialkit.page.jobs import file_name
from spatialkit.page.requests import start_upmix

RATE = 48000


def song(path, seconds=0.2):
    rng = np.random.default_rng(1)
    write(path, 0.1 * rng.standard_normal((2, int(seconds * RATE))).astype(np.float32), RATE)
    return path.read_bytes()


@pytest.fixture
def jobs(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    found = Jobs(folder, Limits(max_jobs=4))
    yield found
    found.close()
    assert not folder.exists()


@pytest.fixture
def upload(jobs, tmp_path):
    data = song(tmp_path / "song.wav")
    return jobs.upload("söng.wav", io.BytesIO(data), len(data))


def finished(job, state="done"):
    deadline = time.monotonic() + 120
    while job.state in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert job.state == state, job.messages
    return job


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("song.flac", "song.flac"),
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\song.mp3", "song.mp3"),
        ("a\r\nSet-Cookie: b.wav", "a__Set-Cookie_ b.wav"),
        ("", "song"),
        ("..", "song"),
        ("/", "song"),
        ("\0", "song"),
        ("--help.wav", "_-help.wav"),
        ("\ud800.wav", "_.wav"),
        ("Dvořák.wav", "Dvořák.wav"),
        (".wav", "wav"),
    ],
)
def test_names_of_browsers_become_names_of_files(name, expected):
    assert file_name(name) == expected


def test_long_names_keep_their_suffix():
    assert file_name("a" * 500 + ".wav") == "a" * 110 + ".wav"
    assert len(file_name("a" * 500)) == 120
    assert len(file_name("音🎧" * 100 + ".flac").encode()) <= 120  # file systems count bytes
    assert file_name("音🎧" * 100 + ".flac").endswith(".flac")


def test_an_upmix_is_the_command_of_the_command_line(jobs, upload):
    request = {
        **{"file": upload.id, "upmixer": "matrix", "format": ".flac", "headphones": True},
        "options": {"layout": "5.1", "center": 0.5},
    }
    job = finished(start_upmix(jobs, request))
    names = [each["name"] for each in job.describe()["files"]]
    assert names == ["söng (5.1).flac", "söng (5.1).headphones.flac"]
    (facts,) = job.facts[0]
    assert (facts["format"], facts["channels"], facts["output"]) == ("5.1", 6, names[0])
    assert job.progress() == 1.0
    assert str(jobs.folder) not in str(job.describe())


def test_a_version_for_headphones_that_browsers_do_not_play_is_converted(jobs, upload, monkeypatch):
    monkeypatch.setattr("spatialkit.page.requests.PLAYABLE", (".wav",))
    request = {"file": upload.id, "upmixer": "matrix", "format": ".flac", "headphones": True}
    job = finished(start_upmix(jobs, request))
    assert "söng (matrix).headphones.wav" in [each.name for each in job.files()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"upmixer": "matrx"}, "unknown upmixer 'matrx'; did you mean 'matrix'"),
        ({"upmixer": "--help"}, "unknown upmixer '--help'"),
        ({"options": {"center": 7}}, "center must be from 0 to 1"),
        ({"options": {"colour": "red"}}, "option 'colour'"),
        ({"format": ".xyz"}, r"unsupported output extension|\.xyz"),
    ],
)
def test_errors_are_the_sentences_of_the_command_line(jobs, upload, change, message):
    job = finished(start_upmix(jobs, {"file": upload.id, "upmixer": "matrix", **change}), "failed")
    assert len(job.messages) == 1

    assert re.search(message, job.messages[0]), job.messages
    assert not job.files()
    assert str(jobs.folder) not in job.messages[0]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (5, "a job must be an object"),
        ({"more": 1}, "a job must be an object"),
        ({"file": "none"}, "upload it again"),
        ({"file": ["a"]}, "upload it again"),
        ({"options": 5}, "options must be an object"),
        ({"options": {"a": [1]}}, "must be text"),
        ({"options": {"a": "x" * 2000}}, "must be text of at most 1000 characters"),
        ({"options": {"style": "upload:none"}}, "upload it again"),
        ({"upmixer": None}, "upmixer must be text"),
        ({"format": "/../a"}, "format must be a suffix"),
        ({"format": ".wav/../../a"}, "format must be a suffix"),
    ],
)
def test_requests_of_another_form_are_refused(jobs, upload, request_, message):
    request = {"file": upload.id, **request_} if isinstance(request_, dict) else request_
    with pytest.raises(OptionError, match=message):
        start_upmix(jobs, request)
    assert not jobs.jobs


def test_files_that_are_no_songs_are_not_kept(jobs):
    with pytest.raises(OptionError, match=r"^a\.wav .*not"):
        jobs.upload("a.wav", io.BytesIO(b"no sound"), 8)
    with pytest.raises(OptionError, match="ended early"):
        jobs.upload("a.wav", io.BytesIO(b"no sound"), 9)
    assert list((jobs.folder / "uploads").iterdir()) == []


def test_sizes_and_numbers_are_limited(jobs, upload, tmp_path):
    with pytest.raises(OptionError, match="at most 1073741824 are accepted"):
        jobs.upload("a.wav", io.BytesIO(b""), 2**31)
    data = (tmp_path / "song.wav").read_bytes()
    for _ in range(3):
        jobs.upload("a.wav", io.BytesIO(data), len(data))
    with pytest.raises(OptionError, match="4 uploads, the maximum"):
        jobs.upload("a.wav", io.BytesIO(data), len(data))
    jobs.remove_upload(upload)
    assert not upload.path.exists()
    jobs.upload("a.wav", io.BytesIO(data), len(data))


def test_a_job_is_cancelled_and_leaves_nothing(jobs, tmp_path):
    data = song(tmp_path / "long.wav", 60.0)
    found = jobs.upload("long.wav", io.BytesIO(data), len(data))
    request = {"file": found.id, "options": {"layout": "9.1.6"}}
    first, second = (start_upmix(jobs, request) for _ in range(2))
    while first.progress() == 0.0:
        time.sleep(0.01)
    assert second.state == "queued"
    jobs.cancel(second)
    jobs.cancel(first)
    while first.process is not None:
        time.sleep(0.01)
    assert first.state == second.state == "cancelled"
    assert [path.name for path in first.folder.iterdir()] == [".progress"]
    jobs.remove(first)
    assert not first.folder.exists()


def test_a_job_that_takes_too_long_fails(jobs, tmp_path):
    data = song(tmp_path / "long.wav", 60.0)
    found = jobs.upload("long.wav", io.BytesIO(data), len(data))
    jobs.limits = Limits(seconds=0.5)
    job = finished(start_upmix(jobs, {"file": found.id}), "failed")
    assert job.messages == ["stopped after 0.5 s, the maximum"]
