"""A running page, and a client of it."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager
from urllib.parse import quote

import numpy as np

from spatialkit import write
from spatialkit.page import Jobs, Limits, PageServer

RATE = 48000


class Client:
    """Requests to a page, with its token unless told otherwise."""

    def __init__(self, server):
        self.server, self.token = server, server.token
        self.host = f"127.0.0.1:{server.server_port}"

    def send(self, method, path, body=None, *, headers=None, token=None):
        """Return status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=60)
        try:
            given = {"X-Token": self.token if token is None else token, **(headers or {})}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def json(self, method, path, body=None, **options):
        status, _, answer = self.send(method, path, body, **options)
        return status, json.loads(answer)

    def upload(self, data, name="song.wav"):
        status, found = self.json("POST", f"/api/uploads?name={quote(name)}", data)
        assert status == 200, found
        return found

    def start(self, upload, **request):
        status, found = self.json(
            "POST", "/api/jobs", json.dumps({"file": upload["id"], "upmixer": "matrix", **request})
        )
        assert status == 200, found
        return found

    def finished(self, job):
        while job["state"] in ("queued", "running"):
            threading.Event().wait(0.05)
            job = self.json("GET", f"/api/jobs/{job['id']}")[1]
        return job


@contextmanager
def served(folder):
    """A running page with its files in a folder, which is empty in the end."""
    jobs = Jobs(folder, Limits(max_bytes=20_000_000, workers=2))
    with PageServer(jobs) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.02,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()
    jobs.close()
    assert not folder.exists()


def short_song(folder):
    """The bytes of half a second of stereo noise."""
    rng = np.random.default_rng(1)
    samples = 0.1 * rng.standard_normal((2, RATE // 2)).astype(np.float32)
    write(folder / "song.wav", samples, RATE)
    return (folder / "song.wav").read_bytes()
