"""Does a real Nginx, started as in the gateway's container, serve as the configuration promises?"""

from __future__ import annotations

import base64
import http.client
import http.server
import json
import os
import re
import signal
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from dns import flags, message, rcode, rdatatype, rrset

from offramp.aws.templates import read
from offramp.kit import processes
from offramp.nginx import Site, render
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.nginx import Nginx
from offramp.rehearsal.servers.ports import free_everywhere, listening

HOST = "www.mentoring.example"
NAME = "web-web.mentoring.internal"
GATEWAY, FIRST, SECOND, NOBODY = "127.66.0.1", "127.66.0.2", "127.66.0.3", "127.66.0.4"


class App(http.server.ThreadingHTTPServer):
    """An application that tells what it got and counts requests."""

    daemon_threads = True

    def __init__(self, address: str, port: int) -> None:
        self.asked = 0
        super().__init__((address, port), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, App)
        self.server.asked += 1
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"headers": dict(self.headers), "address": self.server.server_address[0]}).encode()
        self.send_response(503 if self.path == "/busy" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class Answers(socketserver.BaseRequestHandler):
    """A DNS server that knows one name."""

    def handle(self) -> None:
        assert isinstance(self.server, Dns)
        query = message.from_wire(self.request[0])
        question = query.question[0]
        answer = message.make_response(query)
        answer.flags |= flags.AA
        if question.name.to_text(omit_final_dot=True) != NAME:
            answer.set_rcode(rcode.NXDOMAIN)
        elif question.rdtype == rdatatype.A and self.server.addresses:
            answer.answer.append(rrset.from_text(question.name, 1, "IN", "A", *self.server.addresses))
        self.request[1].sendto(answer.to_wire(), self.client_address)


class Dns(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.addresses: list[str] = []
        super().__init__(("127.0.0.1", 0), Answers)


@dataclass
class Gateway:
    """The running gateway, its DNS and its applications."""

    port: int
    dns: Dns
    process: subprocess.Popen[bytes]
    log: Path
    apps: dict[str, App] = field(default_factory=dict)

    def ask(
        self, path: str = "/", *, method: str = "GET", host: str = HOST, **headers: str
    ) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection(GATEWAY, self.port, timeout=10)
        body = b"x" * 10 if method == "POST" else None
        sent = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        try:
            told: dict[str, object] = json.loads(text)
        except ValueError:
            told = {"text": text.decode()}
        return answer.status, told

    def headers(self, **headers: str) -> dict[str, str]:
        """Return the headers that the application saw."""
        found = self.ask(**headers)[1]["headers"]
        assert isinstance(found, dict)
        return found

    def serve(self, *addresses: str) -> None:
        """Let these addresses stand behind the name, and wait until the gateway has noticed."""
        self.dns.addresses = list(addresses)
        living = set(addresses) & set(self.apps)
        until(lambda: {str(self.ask()[1].get("address")) for _ in range(6)} == living, f"{living} to serve")


def until(ready: Callable[[], bool], what: str, seconds: float = 15) -> None:
    processes.wait_until(ready, seconds=seconds, what=what, every=0.05)


@pytest.fixture(scope="module")
def gateway(module_folder: Path) -> Iterator[Gateway]:
    port = free_everywhere()
    dns = Dns()
    threading.Thread(target=dns.serve_forever, daemon=True).start()
    apps = {address: App(address, port) for address in (FIRST, SECOND)}
    for app in apps.values():
        threading.Thread(target=app.serve_forever, daemon=True).start()
    process, log = start(module_folder, port, dns)
    found = Gateway(port, dns, process, log, apps)
    yield found
    processes.stop(process, seconds=20, first=signal.SIGTERM)
    for server in (dns, *apps.values()):
        server.shutdown()
        server.server_close()


def start(folder: Path, port: int, dns: Dns) -> tuple[subprocess.Popen[bytes], Path]:
    conf = render([Site("web", (HOST,), NAME, port)], port=port)
    env = {
        "PATH": f"{programs.nginx().parent}:{os.environ['PATH']}",
        "TMPDIR": str(folder),
        "GATEWAY_CONF": base64.b64encode(conf.encode()).decode(),
        "BIND_ADDRESS": GATEWAY,
        "DNS_RESOLVER": f"127.0.0.1:{dns.server_address[1]}",
        "OFFRAMP_DRAIN": "1",
    }
    log = folder / "gateway.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["sh", "-c", read("offramp.deploy", "gateway.sh")], env=env, stdout=out, stderr=out, start_new_session=True
        )
    until(lambda: process.poll() is not None or listening(GATEWAY, port), "the gateway")
    assert process.poll() is None, log.read_text()
    return process, log


def test_nginx_accepts_the_configuration(server_folder: Path) -> None:
    text = render(
        [Site("web", (HOST,), NAME, 8000), Site("api", ("api.example",), "api.internal.example", 1)], port=8080
    )
    for placeholder, value in (
        ("BIND_ADDRESS", "127.0.0.1"),
        ("DNS_RESOLVER", "127.0.0.1:1"),
        ("WORK", str(server_folder)),
    ):
        text = text.replace(f"${{{placeholder}}}", value)

    Nginx(server_folder, text.replace("/dev/stdout", str(server_folder / "access.log"))).check()


def test_the_load_balancer_finds_the_gateway_well(gateway: Gateway) -> None:
    assert gateway.ask("/healthz", host=GATEWAY)[0] == 200


def test_a_name_that_nobody_serves_is_told_so(gateway: Gateway) -> None:
    assert gateway.ask(host="other.example") == (404, {"text": "There is no such app here.\n"})


def test_the_application_sees_what_herokus_router_would_send(gateway: Gateway) -> None:
    gateway.serve(FIRST)
    before = time.time() * 1000

    headers = gateway.headers(X_Forwarded_Proto="https", X_Forwarded_Port="443", X_Forwarded_For="192.0.2.7")

    assert headers["Host"] == HOST
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["X-Forwarded-Port"] == "443"
    assert headers["X-Forwarded-For"].startswith("192.0.2.7, 127.")
    assert re.fullmatch(r"\d{13}", headers["X-Request-Start"])
    assert abs(int(headers["X-Request-Start"]) - before) < 10_000


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("0123456789-abcdef-ABCDEF", True), ("short", False), ("x" * 201, False), ("a" * 20 + "<>", False)],
)
def test_a_good_request_id_is_kept_and_another_replaced(gateway: Gateway, sent: str, kept: bool) -> None:
    gateway.serve(FIRST)

    found = gateway.headers(X_Request_Id=sent)["X-Request-Id"]

    assert (found == sent) is kept
    assert re.fullmatch(r"[A-Za-z0-9+/=_-]{20,200}", found)


def test_a_dead_address_costs_no_request_whatever_its_method(gateway: Gateway) -> None:
    gateway.serve(FIRST)
    gateway.dns.addresses = [FIRST, NOBODY]
    until(lambda: "upstream" in gateway.log.read_text() and _tried_the_dead(gateway), "the dead address to be tried")

    statuses = {gateway.ask(method=method)[0] for method in ("GET", "POST") for _ in range(20)}

    assert statuses == {200}


def _tried_the_dead(gateway: Gateway) -> bool:
    gateway.ask()
    return any(NOBODY in str(line["upstream"]) for line in lines(gateway))


def lines(gateway: Gateway) -> list[dict[str, object]]:
    """Return the access log, whose every line is JSON."""
    return [json.loads(line) for line in gateway.log.read_text().splitlines() if line.startswith('{"time"')]


def test_a_new_address_is_found_and_an_old_one_forgotten(gateway: Gateway) -> None:
    gateway.serve(FIRST)
    gateway.serve(FIRST, SECOND)
    gateway.serve(SECOND)


def test_an_applications_own_error_passes_and_is_not_repeated(gateway: Gateway) -> None:
    gateway.serve(FIRST, SECOND)
    before = sum(app.asked for app in gateway.apps.values())

    status, _ = gateway.ask("/busy", method="GET")

    assert status == 503
    assert sum(app.asked for app in gateway.apps.values()) == before + 1


def test_the_access_log_tells_what_is_needed_to_count_and_to_find_a_request(gateway: Gateway) -> None:
    gateway.serve(FIRST)
    gateway.ask("/path?token=secret", X_Request_Id="log-me-0123456789-0123")
    until(lambda: any(line["request_id"] == "log-me-0123456789-0123" for line in lines(gateway)), "the log")

    (line,) = [line for line in lines(gateway) if line["request_id"] == "log-me-0123456789-0123"]

    assert (line["host"], line["method"], line["uri"], line["status"]) == (HOST, "GET", "/path", 200)
    assert float(str(line["seconds"])) >= 0


def test_a_stopping_gateway_serves_on_and_then_ends_well(module_folder: Path, gateway: Gateway) -> None:
    folder = module_folder / "stopping"
    folder.mkdir()
    folder.chmod(0o755)
    process, log = start(folder, free_everywhere(), gateway.dns)
    stopping = replace(gateway, port=_port(folder), process=process, log=log)
    process.send_signal(signal.SIGTERM)

    assert stopping.ask("/healthz", host=GATEWAY)[0] == 200
    assert process.wait(20) == 0


def _port(folder: Path) -> int:
    """Return the port in the configuration that was put in place."""
    (conf,) = folder.glob("*/nginx.conf")
    found = re.search(r"listen \S+:(\d+)", conf.read_text())
    assert found
    return int(found[1])
