"""A small estate and a running simulated Heroku for it, used by the contract and the process tests of the platform."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from offramp.kit import processes
from offramp.rehearsal.servers.ports import free_everywhere

ACCEPT = "application/vnd.heroku+json; version=3"

# The standard library's server: it boots in a tenth of the time of a framework, and does what the tests ask by path.
_WEB = """
import json, os, pathlib, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        if url.path == "/slow":
            time.sleep(float(asked["seconds"]))
        if url.path == "/die":
            os._exit(3)
        if url.path == "/hang-up":
            self.close_connection = True
            self.connection.close()
            return
        if url.path == "/half":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
            return
        if url.path == "/nonsense":
            self.wfile.write(b"hello\\r\\n\\r\\n")
            self.close_connection = True
            return
        if url.path == "/endless":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"until the end")
            self.close_connection = True
            return
        if url.path == "/say":
            print(asked["text"], flush=True)
        if url.path == "/touch":
            pathlib.Path("note").write_text("x")
        answer = json.dumps({
            "method": self.command, "path": self.path, "headers": list(self.headers.items()), "bytes": len(body),
            "pid": os.getpid(), "dyno": os.environ["DYNO"], "note": os.path.exists("note"), "env": dict(os.environ),
        }).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_POST = do_PUT = do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.environ.get("BROKEN"):
    sys.exit("this release is broken")
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
_WORKER = """
import time
print("worker ready", flush=True)
while True:
    time.sleep(1)
"""
_RELEASE = """
import os, sys
print("migrating", flush=True)
sys.exit(1 if os.environ.get("FAIL_RELEASE") else 0)
"""
_HEAD = """
name = "tiny"
domain = "tiny.example"
pipeline = "tiny"
"""
_SHOP = """
[[app]]
name = "shop"
slug = "shop"
domains = ["www.tiny.example"]
addons = [{{ plan = "heroku-postgresql:essential-0", as = "DATABASE" }}{redis}]
[app.formation]
web = {{ quantity = 1, size = "Standard-1X" }}
worker = {{ quantity = 1, size = "Standard-1X" }}
[app.config]
SECRET_KEY = "{{random}}"
FRONT = "{{origin:front}}/x"

[[app.scheduler]]
command = "echo tidied up"
every = "10 minutes"
"""
_FRONT = """
[[app]]
name = "front"
slug = "front"
[app.config]
COLOUR = "blue"
"""


def write_estate(folder: Path, *, redis: bool = False) -> Path:
    """Write an estate of two apps: ``shop`` (web, worker, release phase, database, job) and ``front`` (web)."""
    write_front(folder)
    shop = folder / "shop"
    shop.mkdir()
    (shop / "web.py").write_text(_WEB)
    (shop / "worker.py").write_text(_WORKER)
    (shop / "release.py").write_text(_RELEASE)
    (shop / "Procfile").write_text("web: python web.py\nworker: python worker.py\nrelease: python release.py\n")
    cache = ', { plan = "heroku-redis:mini", as = "REDIS" }' if redis else ""
    (folder / "rehearsal.toml").write_text(_HEAD + _SHOP.format(redis=cache) + _FRONT)
    return folder


def write_front(folder: Path) -> Path:
    """Write an estate of ``front`` alone, which needs no server and so starts at once."""
    front = folder / "front"
    front.mkdir(parents=True)
    (front / "web.py").write_text(_WEB)
    (front / "Procfile").write_text("web: python web.py\n")
    (folder / "rehearsal.toml").write_text(_HEAD + _FRONT)
    return folder


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = {key.lower(): value for key, value in response.getheaders()}
    with closing(response):
        return Answer(response.status, headers, response.read())


@dataclass
class Running:
    """A simulated Heroku that runs, as its driver sees it."""

    folder: Path
    process: subprocess.Popen[bytes]
    ready: dict[str, Any]
    http_port: int

    @property
    def api(self) -> str:
        return str(self.ready["api"])

    @property
    def token(self) -> str:
        return str(self.ready["token"])

    def host(self, app: str) -> str:
        return str(self.ready["apps"][app]["host"])

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """Call the API as a client does."""
        parts = urlsplit(self.api)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        sent = {
            "Accept": ACCEPT,
            "Authorization": f"Bearer {self.token if token is None else token}",
            **(headers or {}),
        }
        with closing(connection):
            connection.request(method, path, json.dumps(body) if body is not None else None, sent)
            return _answer(connection.getresponse())

    def get(self, app: str, path: str = "/", headers: Mapping[str, str] | None = None, method: str = "GET") -> Answer:
        """Ask an app through the router; ``app`` is its name or a host name."""
        host = self.host(app) if app in self.ready["apps"] else app
        connection = http.client.HTTPConnection("127.0.0.2", self.http_port, timeout=60)
        with closing(connection):
            connection.request(method, path, headers={"Host": f"{host}:{self.http_port}", **(headers or {})})
            return _answer(connection.getresponse())

    def state(self) -> Any:
        return self.call("GET", "/_rehearsal/state").json

    def dynos(self, app: str) -> dict[str, dict[str, Any]]:
        return {dyno["name"]: dyno for dyno in self.state()["apps"][app]["dynos"]}

    def lines(self, app: str, source: str = "", dyno: str = "") -> list[str]:
        """The app's log as ``heroku logs -n 1500`` would show it."""
        session = self.call("POST", f"/apps/{app}/log-sessions", {"lines": 1500, "source": source, "dyno": dyno}).json
        text = self.call("GET", urlsplit(session["logplex_url"]).path).body.decode()
        return [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]


def until(ready: Callable[[], object], what: str, seconds: float = 20) -> None:
    processes.wait_until(ready, seconds=seconds, what=what)


def launch(folder: Path, estate: Path, *options: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start the program and return it with its router's port."""
    port = free_everywhere()
    command = [sys.executable, "-m", "offramp.rehearsal.platform", "--dir", str(folder), "--estate", str(estate)]
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    with (folder / "platform.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--http-port", str(port), *options], stdout=log, stderr=log, start_new_session=True
        )
    return process, port


@contextmanager
def running_platform(folder: Path, estate: Path, *options: str) -> Iterator[Running]:
    """Run a simulated Heroku until the block ends, then stop it by SIGTERM."""
    process, port = launch(folder, estate, *options)
    ready = folder / "ready.json"
    try:
        until(lambda: ready.exists() or process.poll() is not None, "the simulated Heroku", 90)
        if not ready.exists():
            raise RuntimeError((folder / "platform.log").read_text())
        yield Running(folder, process, json.loads(ready.read_text()), port)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
