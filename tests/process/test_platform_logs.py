"""Do drains receive router and dyno lines exactly as Logplex sends them?"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from platform_fixtures import Running, running_platform, until, write_front

MESSAGE = re.compile(
    rb"^<\d+>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00 host (?P<source>\S+) (?P<process>\S+) - (?P<text>.*)$",
    re.S,
)


@dataclass
class Receiver:
    """A drain that answers with ``status`` and keeps what it was sent."""

    status: int = 200
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    def frames(self) -> list[bytes]:
        return [frame for _, body in self.requests for frame in unframe(body)]


def unframe(body: bytes) -> list[bytes]:
    """Cut a body at its octet counts."""
    found = []
    while body:
        length, _, rest = body.partition(b" ")
        found.append(rest[: int(length)])
        body = rest[int(length) :]
    return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def heroku(module_folder: Path) -> Iterator[Running]:
    with running_platform(module_folder / "platform", write_front(module_folder / "estate")) as platform:
        yield platform


@pytest.fixture
def token(heroku: Running, receiver: Receiver) -> Iterator[str]:
    """The token of a drain to the receiver."""
    url = f"http://drain:s%40lt@127.0.0.1:{receiver.port}/in"
    made = heroku.call("POST", "/apps/front/log-drains", {"url": url}).json
    yield made["token"]
    heroku.call("DELETE", f"/apps/front/log-drains/{made['id']}")


def test_a_drain_gets_router_and_app_lines_in_the_wire_format(heroku: Running, receiver: Receiver, token: str) -> None:
    heroku.get("front", "/say?text=exp%C3%A9di%C3%A9e")
    until(lambda: any(b"heroku router" in frame for frame in receiver.frames()), "the router's line")
    until(lambda: any("expédiée".encode() in frame for frame in receiver.frames()), "the app's line")
    headers, body = receiver.requests[0]
    messages = [MESSAGE.match(frame) for frame in receiver.frames()]

    assert all(messages)
    assert {(m["source"], m["process"]) for m in messages if m} >= {(b"heroku", b"router"), (b"app", b"web.1")}
    assert headers["content-type"] == "application/logplex-1"
    assert headers["logplex-drain-token"] == token
    assert int(headers["logplex-msg-count"]) == len(unframe(body))
    assert re.fullmatch(r"[0-9A-F]{32}", headers["logplex-frame-id"])
    assert headers["authorization"] == "Basic ZHJhaW46c0BsdA=="
    assert headers["user-agent"].startswith("Logplex/")
    assert all(frame.endswith(b"\n") for frame in receiver.frames())


def test_a_failed_batch_is_sent_again_under_the_same_frame_id(heroku: Running, receiver: Receiver, token: str) -> None:
    receiver.status = 500
    heroku.get("front", "/say?text=again")
    until(lambda: len(receiver.requests) >= 2, "the second try")
    receiver.status = 200
    (first, body), (second, same) = receiver.requests[:2]

    assert first["logplex-frame-id"] == second["logplex-frame-id"]
    assert body == same


def test_a_refused_batch_is_dropped(heroku: Running, receiver: Receiver, token: str) -> None:
    receiver.status = 400
    heroku.get("front", "/say?text=refused")
    until(lambda: any(b"refused" in frame for frame in receiver.frames()), "the refused batch")
    receiver.status = 200
    heroku.get("front", "/say?text=accepted")
    until(lambda: any(b"- accepted" in frame for frame in receiver.frames()), "the next batch")

    frame_ids = [headers["logplex-frame-id"] for headers, _ in receiver.requests]
    assert len(set(frame_ids)) == len(frame_ids)


def test_a_removed_drain_gets_nothing_more(heroku: Running, receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/in"
    made = heroku.call("POST", "/apps/front/log-drains", {"url": url}).json
    heroku.call("DELETE", f"/apps/front/log-drains/{made['id']}")
    heroku.get("front", "/say?text=unheard")
    until(lambda: any("unheard" in line for line in heroku.lines("front")), "the line in the tail buffer")

    assert receiver.requests == []
