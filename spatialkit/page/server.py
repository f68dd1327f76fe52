"""HTTP server of the local page, on the loopback address of this machine only.

Every request needs the random token of the page's address, and a Host header that names this
address: other pages in the browser, and other users of the machine, have neither.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from spatialkit._version import __version__
from spatialkit.errors import SpatialkitError
from spatialkit.page.descriptions import describe
from spatialkit.page.jobs import Job, Jobs, Upload
from spatialkit.page.requests import start_upmix
from spatialkit.web import shared_file

__all__ = ["PageServer"]

ADDRESS = "127.0.0.1"
MAX_REQUEST = 1 << 16  # bytes of JSON
# Seconds in which a client must send or accept the next bytes.
PATIENCE = 30.0
# Largest number of requests that are answered at the same time.
MAX_CLIENTS = 64
STYLE, SCRIPT = "text/css; charset=utf-8", "text/javascript; charset=utf-8"
SHARED = {"/theme.css": STYLE, "/versions.js": SCRIPT}
SITE = {
    **{"/page.css": STYLE, "/page.js": SCRIPT, "/stage.js": SCRIPT, "/player.js": SCRIPT},
    **SHARED,
}
TYPES = {
    **{".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".opus": "audio/ogg"},
    **{".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".mp4": "audio/mp4", ".webm": "audio/webm"},
    **{".html": "text/html; charset=utf-8"},
}
# The page loads nothing from elsewhere; a report is one file whose scripts are inside it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src "
    "'self' blob:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' data: blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; connect-src data: blob:; worker-src data: blob:; "
    "frame-ancestors 'self'"
)


class PageServer(ThreadingHTTPServer):
    """Server of the local page.

    Parameters
    ----------
    jobs : Jobs
    port : int
        0 for any free port.

    Attributes
    ----------
    token : str
        Random text of 32 characters that every request needs.
    url : str
        Address to open in a browser, with the token.
    """

    daemon_threads = True
    request_queue_size = MAX_CLIENTS

    def __init__(self, jobs: Jobs, port: int = 0) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.jobs = jobs
        self.token = secrets.token_urlsafe(24)
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}
        self.url = f"http://{ADDRESS}:{self.server_port}/?token={self.token}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""


class _Refused(Exception):
    """Answer with an error."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = f"spatialkit/{__version__}", ""
    timeout = PATIENCE

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: addresses contain the token."""

    @cached_property
    def _jobs(self) -> Jobs:
        return self.server.jobs

    def _answer(self, method: Callable[[list[str]], None]) -> None:
        self._length = 0
        try:
            self._length = self._content_length()
            self._require_own_origin()
            parts = [unquote(part) for part in self.path.partition("?")[0].split("/")[1:]]
            if parts[:1] != [""] and f"/{parts[0]}" in SITE and len(parts) == 1:
                self._send_site(f"/{parts[0]}")
                return
            self._require_token()
            method(parts)
        except _Refused as refusal:
            self._refuse(refusal.status, str(refusal))
        except SpatialkitError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except OSError as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, error.strerror or "system error")

    def _get(self, parts: list[str]) -> None:
        match parts:
            case [""]:
                self._send_site("/page.html", "text/html; charset=utf-8")
            case ["api", "upmixers"]:
                self._send_json(describe())
            case ["api", "jobs", identity]:
                self._send_json(self._job(identity).describe())
            case ["api", "jobs", identity, "files", name]:
                self._send_file(self._file(self._job(identity), name))
            case ["api", "uploads", identity, "file"]:
                self._send_file(self._upload(identity).path)
            case _:
                raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing at this address")

    def _post(self, parts: list[str]) -> None:
        match parts:
            case ["api", "uploads"]:
                name = self._query("name") or "song"
                body = _Body(self)
                found = self._jobs.upload(name, body, self._length)  # type: ignore[arg-type]
                self._send_json({"id": found.id, "name": found.path.name, **found.facts})
            case ["api", "jobs"]:
                self._send_json(start_upmix(self._jobs, self._json()).describe())
            case ["api", "jobs", identity, "cancel"]:
                job = self._job(identity)
                self._jobs.cancel(job)
                self._send_json(job.describe())
            case _:
                raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing at this address")

    def _delete(self, parts: list[str]) -> None:
        match parts:
            case ["api", "jobs", identity]:
                self._jobs.remove(self._job(identity))
            case ["api", "uploads", identity]:
                self._jobs.remove_upload(self._upload(identity))
            case _:
                raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing at this address")
        self._send_json({})

    def _require_own_origin(self) -> None:
        """Refuse requests by other pages, also of a name that resolves to the loopback address."""
        host = self.headers.get("Host", "")
        origin = self.headers.get("Origin")
        if host not in self.server.hosts or origin not in (None, f"http://{host}"):
            raise _Refused(HTTPStatus.FORBIDDEN, "only the page itself may send requests")

    def _require_token(self) -> None:
        token = self.headers.get("X-Token") or self._query("token")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise _Refused(
                HTTPStatus.FORBIDDEN,
                "the token is missing or wrong: open the address that `spatialkit serve` printed",
            )

    def _content_length(self) -> int:
        """Return the length of the body, which must be specified."""
        text = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not (text.isascii() and text.isdigit()):
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "the length of the request is missing")
        if len(text) > 15:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too large")
        return int(text)

    def _query(self, name: str) -> str:
        query = parse_qs(self.path.partition("?")[2], max_num_fields=10)
        return query.get(name, [""])[0]

    def _json(self) -> Any:
        if self._length > MAX_REQUEST:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too large")
        body, self._length = self.rfile.read(self._length), 0
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise _Refused(HTTPStatus.BAD_REQUEST, "the request is not JSON") from None

    def _job(self, identity: str) -> Job:
        found = self._jobs.jobs.get(identity)
        if found is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "there is no such job")
        return found

    def _upload(self, identity: str) -> Upload:
        found = self._jobs.uploads.get(identity)
        if found is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "there is no such file")
        return found

    @staticmethod
    def _file(job: Job, name: str) -> Path:
        for path in job.files():  # names are compared, so that no path leaves the folder
            if path.name == name:
                return path
        raise _Refused(HTTPStatus.NOT_FOUND, "there is no such file")

    def _send_json(self, facts: Any) -> None:
        self._send(json.dumps(facts).encode(), "application/json")

    def _send_site(self, path: str, kind: str = "") -> None:
        if path in SHARED:
            data = shared_file(path[1:]).encode()
        else:
            data = resources.files("spatialkit.page").joinpath("site", path[1:]).read_bytes()
        self._send(data, kind or SITE[path])

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        if self._length:
            self.close_connection = True  # the body was not read
        self._send(json.dumps({"error": message}).encode(), "application/json", status)

    def _send(self, data: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._headers(status, kind, len(data))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _headers(self, status: HTTPStatus, kind: str, size: int, policy: str = POLICY) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        if self.close_connection:
            self.send_header("Connection", "close")

    def _send_file(self, path: Path) -> None:
        """Send a file or, for a player, the range of it that is asked for."""
        kind = TYPES.get(path.suffix.lower(), "application/octet-stream")
        policy = REPORT_POLICY if path.suffix == ".html" else POLICY
        with path.open("rb") as file:
            size = file.seek(0, 2)
            first, last = self._range(size)
            is_part = (first, last) != (0, size - 1)
            status = HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK
            self._headers(status, kind, last - first + 1, policy)
            self.send_header("Accept-Ranges", "bytes")
            if is_part:
                self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            if self._query("download"):
                name = quote(path.name, safe="")  # RFC 8187: no character of a name ends a header
                self.send_header("Content-Disposition", f"attachment; filename*=UTF-8''{name}")
            self.end_headers()
            file.seek(first)
            left = last - first + 1
            while left and self.command != "HEAD":
                block = file.read(min(left, 1 << 18))
                if not block:
                    self.close_connection = True
                    break
                self.wfile.write(block)
                left -= len(block)

    def _range(self, size: int) -> tuple[int, int]:
        """Return the first and last byte to send: of the header Range, or of the whole file."""
        unit, _, span = self.headers.get("Range", "").partition("=")
        first, dash, last = span.partition("-")
        if unit != "bytes" or not dash or not (first + last).isdigit() or len(span) > 40:
            return 0, size - 1
        if not first:
            return max(0, size - int(last)), size - 1
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if start > end:
            raise _Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "the file is shorter")
        return start, end


class _Body:
    """Body of a request, whose rest is counted."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler

    def read(self, size: int) -> bytes:
        data = self._handler.rfile.read(min(size, self._handler._length))
        self._handler._length -= len(data)
        return data
