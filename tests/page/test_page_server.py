"""Tests of the server of the local page: answers, limits, and attacks."""

from __future__ import annotations

import io
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import soundfile
from served_page import Client, served, short_song

from spatialkit.page import server as module


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    return short_song(tmp_path_factory.mktemp("song"))


@pytest.fixture
def client(server):
    return Client(server)


def test_a_song_is_uploaded_upmixed_and_downloaded(client, song):
    found = client.upload(song, "söng.wav")
    assert (found["name"], found["channels"], found["format"]) == ("söng.wav", 2, "stereo")
    job = client.finished(client.start(found, options={"layout": "5.1"}, headphones=True))
    assert (job["state"], job["progress"]) == ("done", 1.0)
    assert [each["name"] for each in job["files"]] == [
        "söng (5.1).headphones.wav",
        "söng (5.1).wav",
    ]
    path = f"/api/jobs/{job['id']}/files/s%C3%B6ng%20(5.1).wav"
    status, headers, data = client.send("GET", f"{path}?download=1")
    assert status == 200
    assert soundfile.info(io.BytesIO(data)).channels == 6
    assert len(data) == job["files"][1]["size"] == int(headers["Content-Length"])
    disposition = headers["Content-Disposition"]
    assert disposition == "attachment; filename*=UTF-8''s%C3%B6ng%20%285.1%29.wav"
    part = client.send("GET", path, headers={"Range": "bytes=10-19"})
    assert (part[0], part[2]) == (206, data[10:20])
    assert part[1]["Content-Range"] == f"bytes 10-19/{len(data)}"
    assert client.send("GET", path, headers={"Range": "bytes=-5"})[2] == data[-5:]
    assert client.send("GET", path, headers={"Range": f"bytes={len(data)}-"})[0] == 416
    assert client.send("HEAD", path)[2] == b""
    assert client.json("DELETE", f"/api/jobs/{job['id']}") == (200, {})
    assert client.json("GET", f"/api/jobs/{job['id']}")[0] == 404
    assert client.json("DELETE", f"/api/uploads/{found['id']}") == (200, {})


def test_the_form_describes_the_upmixers(client):
    status, found = client.json("GET", "/api/upmixers")
    assert status == 200
    names = {each["name"]: each for each in found["upmixers"]}
    width = next(each for each in names["ambience"]["options"] if each["name"] == "width")
    assert (width["minimum"], width["maximum"], width["unit"]) == (0.0, 90.0, "degrees")
    assert ".flac" in [each["suffix"] for each in found["formats"]]


def test_files_that_are_no_songs_get_the_sentence_of_the_command_line(client, song):
    status, found = client.json("POST", "/api/uploads?name=a.wav", song[:100])
    assert status == 400
    assert found["error"].startswith("a.wav")
    assert "/" not in found["error"].partition(" ")[0]


@pytest.mark.parametrize("token", ["", "x", "\xe9", "0" * 32])
def test_requests_without_the_token_are_refused(client, token):
    for method, path in [
        *(("GET", "/"), ("GET", "/api/upmixers"), ("POST", "/api/jobs"), ("DELETE", "/api/jobs/a")),
    ]:
        status, found = client.json(method, path, token=token)
        assert status == 403
        assert "token" in found["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "localhost:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
    ],
)
def test_requests_of_other_pages_are_refused(client, headers):
    """DNS rebinding: a foreign name that resolves to 127.0.0.1 has another Host."""
    assert client.json("GET", "/api/upmixers", headers=headers)[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        *("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/page.py", "/site/page.js"),
        *("/api/jobs/..", "/api/jobs/../../x", "/api/uploads/%2e%2e/file", "/api/uploads/a/file"),
        *("/api/jobs/%00", "/api", "/api/", "/page.css/", "/api/jobs/a/files/b"),
        *("/%ff", "/api/jobs/%ff%fe", "/static/page.css"),
    ],
)
def test_there_is_nothing_at_other_addresses(client, path):
    assert client.json("GET", path)[0] == 404


def test_no_name_leaves_the_folder_of_a_job(client, song):
    job = client.finished(client.start(client.upload(song)))
    for name in ("../.progress", "..%2f..", ".progress", "%2e%2e%2f.progress", ""):
        assert client.json("GET", f"/api/jobs/{job['id']}/files/{name}")[0] == 404


def test_names_do_not_end_headers(client, song):
    found = client.upload(song, "a\r\nX-Evil: 1\r\n\r\n<script>.wav")
    assert found["name"] == "a__X-Evil_ 1_____script_.wav"
    job = client.finished(client.start(found))
    name = job["files"][0]["name"]
    status, headers, _ = client.send("GET", f"/api/jobs/{job['id']}/files/{module.quote(name)}")
    assert status == 200
    assert "X-Evil" not in headers


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /api/uploads?name=a HTTP/1.1\r\nContent-Length: 999999999\r\n", 400),
        (b"POST /api/uploads?name=a HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n", 413),
        (b"POST /api/uploads?name=a HTTP/1.1\r\nContent-Length: -1\r\n", 411),
        (b"POST /api/uploads?name=a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", 411),
        (b"POST /api/jobs HTTP/1.1\r\nContent-Length: 100000\r\n", 413),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n", 414),
        (b"PUT / HTTP/1.1\r\n", 501),
        (b"nonsense\r\n", 400),
    ],
)
def test_requests_of_wrong_sizes_are_refused_before_they_are_read(client, head, status):
    host = f"Host: {client.host}\r\nX-Token: {client.token}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", client.server.server_port), 20) as connection:
        connection.sendall(head + host)
        answer = connection.recv(1000)
    assert str(status).encode() in answer


@pytest.mark.parametrize("body", ["", "{", "[" * 50_000, "5", '{"file": 5}', "\0", "null"])
def test_jobs_of_another_form_are_refused(client, body):
    status, found = client.json("POST", "/api/jobs", body)
    assert status == 400
    assert found["error"]


def test_a_client_that_sends_half_a_song_blocks_nobody(client, song):
    host = f"Host: {client.host}\r\nX-Token: {client.token}\r\n"
    head = f"POST /api/uploads?name=a.wav HTTP/1.1\r\nContent-Length: {len(song)}\r\n{host}\r\n"
    connection = socket.create_connection(("127.0.0.1", client.server.server_port))
    connection.sendall(head.encode() + song[:1000])
    assert client.upload(song)["channels"] == 2
    connection.close()


def test_the_page_allows_no_script_from_elsewhere(client):
    status, headers, page = client.send("GET", f"/?token={client.token}", token="")
    assert status == 200
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert b"http" not in page
    for name in module.SITE:
        status, headers, data = client.send("GET", name, token="")
        assert status == 200
        assert client.token.encode() not in data


def test_a_cancelled_job_disturbs_no_other(client, song):
    found = client.upload(song)
    jobs = [client.start(found, options={"layout": "7.1.4"}) for _ in range(3)]
    client.json("POST", f"/api/jobs/{jobs[1]['id']}/cancel")
    states = [client.finished(job)["state"] for job in jobs]
    assert states[::2] == ["done", "done"]
    assert states[1] in ("cancelled", "done")


@pytest.mark.parametrize("count", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_many_clients_at_a_time(server, song, client, count):
    def one(number):
        found = client.upload(song, f"{number}.wav")
        job = client.finished(client.start(found, options={"layout": "quad"}))
        (file,) = job["files"]
        path = f"/api/jobs/{job['id']}/files/{module.quote(file['name'])}"
        return job["title"], client.send("GET", path)[2]

    with ThreadPoolExecutor(min(count, 10)) as pool:
        found = list(pool.map(one, range(count)))
    assert [title for title, _ in found] == [f"{number}.wav, matrix" for number in range(count)]
    assert len({data for _, data in found}) == 1
