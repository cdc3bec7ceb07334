"""Does the router behave as Heroku's does towards clients and dynos? Against real dynos."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from platform_fixtures import Running, running_platform, until, write_front

FIRST_BYTE_SECONDS = 1.5
# How long the application would take.
SLOW_SECONDS = 8
LINE = re.compile(
    r'^\S+ heroku\[router\]: (sock=(client|backend) )?at=(info|error|warning) (code=(?P<code>H\d\d) desc="[^"]+" )?'
    r'method=(?P<method>[A-Z]+) path="(?P<path>[^"]*)" host=(?P<host>\S+) request_id=(?P<id>\S+) fwd="(?P<fwd>[^"]*)" '
    r"dyno=(?P<dyno>\S*) connect=(\d+ms)? service=(\d+ms)? status=(?P<status>\d+) bytes=(?P<bytes>\d+) "
    r"protocol=http1\.1 tls=false tls_version=unknown$"
)


@pytest.fixture(scope="module")
def heroku(module_folder: Path) -> Iterator[Running]:
    estate = write_front(module_folder / "estate")
    options = ("--first-byte-seconds", str(FIRST_BYTE_SECONDS), "--boot-seconds", "8")
    with running_platform(module_folder / "platform", estate, *options) as platform:
        yield platform


def _line(heroku: Running, path: str) -> re.Match[str]:
    """The router's line of the request for ``path``."""
    found: list[re.Match[str]] = []

    def seen() -> bool:
        lines = [LINE.match(line) for line in heroku.lines("front", "heroku", "router")]
        assert all(lines), heroku.lines("front", "heroku", "router")
        found[:] = [line for line in lines if line and line["path"] == path]
        return bool(found)

    until(seen, f"the router's line for {path}")
    return found[-1]


def _headers(answer: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.json["headers"]}


def test_a_request_gets_herokus_headers_and_a_line(heroku: Running) -> None:
    before = time.time()
    answer = heroku.get("front", "/headers?a=1")
    sent, line = _headers(answer), _line(heroku, "/headers?a=1")

    assert sent["x-forwarded-for"] == line["fwd"] == "127.0.0.1"
    assert (sent["x-forwarded-proto"], sent["x-forwarded-port"]) == ("http", str(heroku.http_port))
    assert abs(int(sent["x-request-start"]) / 1000 - before) < 5
    assert sent["x-request-id"] == line["id"]
    assert sent["via"] == answer.headers["via"] == "1.1 heroku-router"
    assert (line["dyno"], line["status"], line["bytes"]) == ("web.1", "200", str(len(answer.body)))
    assert line["host"] == heroku.host("front")
    assert line["code"] is None


def test_a_valid_request_id_is_kept_and_another_replaced(heroku: Running) -> None:
    good, bad = "0123456789-abcdef-0123", "short"

    assert _headers(heroku.get("front", headers={"X-Request-Id": good}))["x-request-id"] == good
    assert _headers(heroku.get("front", headers={"X-Request-Id": bad}))["x-request-id"] != bad


def test_addresses_that_the_client_claims_come_before_its_own(heroku: Running) -> None:
    answer = heroku.get("front", "/claimed", headers={"X-Forwarded-For": "198.51.100.9"})

    assert _headers(answer)["x-forwarded-for"] == "198.51.100.9, 127.0.0.1"
    assert _line(heroku, "/claimed")["fwd"] == "198.51.100.9, 127.0.0.1"


def test_an_unknown_host_is_404(heroku: Running) -> None:
    answer = heroku.get("nobody.example")

    assert answer.status == 404
    assert b"No such app" in answer.body


def test_one_connection_carries_many_requests(heroku: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.2", heroku.http_port, timeout=10)
    statuses = []
    for number in range(5):
        connection.request("POST", f"/many/{number}", body=b"x" * 1000, headers={"Host": heroku.host("front")})
        answer = connection.getresponse()
        statuses.append((answer.status, b'"bytes": 1000' in answer.read()))
    connection.close()

    assert statuses == [(200, True)] * 5


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
def test_a_body_arrives_whole_whatever_its_size(heroku: Running, size: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.2", heroku.http_port, timeout=20)
    connection.request("PUT", "/body", body=b"y" * size, headers={"Host": heroku.host("front")})
    answer = connection.getresponse().read()
    connection.close()

    assert f'"bytes": {size}'.encode() in answer


def test_a_chunked_body_arrives_whole(heroku: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.2", heroku.http_port, timeout=10)
    parts = iter([b"one", b"two", b"three" * 1000])
    connection.request("POST", "/chunks", body=parts, headers={"Host": heroku.host("front")}, encode_chunked=True)
    answer = connection.getresponse().read()
    connection.close()

    assert b'"bytes": 5006' in answer


def test_an_answer_without_length_gets_an_end(heroku: Running) -> None:
    answer = heroku.get("front", "/endless")

    assert answer.body == b"until the end"
    assert answer.headers["transfer-encoding"] == "chunked"


def test_a_head_request_has_no_body(heroku: Running) -> None:
    answer = heroku.get("front", "/head", method="HEAD")

    assert (answer.status, answer.body) == (200, b"")


def test_a_request_that_takes_too_long_is_h12(heroku: Running) -> None:
    before = time.monotonic()
    answer = heroku.get("front", f"/slow?seconds={SLOW_SECONDS}")
    took = time.monotonic() - before
    line = _line(heroku, f"/slow?seconds={SLOW_SECONDS}")

    assert answer.status == 503
    assert b"Application error" in answer.body
    assert FIRST_BYTE_SECONDS <= took < SLOW_SECONDS
    assert (line["code"], line["dyno"], line["status"]) == ("H12", "web.1", "503")


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [("/hang-up", "H13", "503"), ("/half", "H18", "200"), ("/nonsense", "H17", "503")],
)
def test_a_dyno_that_breaks_off_has_its_code(heroku: Running, path: str, code: str, status: str) -> None:
    try:
        answered = heroku.get("front", path).status
    except http.client.IncompleteRead:
        answered = 200
    line = _line(heroku, path)

    assert (line["code"], line["status"], answered) == (code, status, int(status))


def test_a_client_that_hangs_up_is_h27_with_499(heroku: Running) -> None:
    with socket.create_connection(("127.0.0.2", heroku.http_port)) as client:
        client.sendall(f"GET /slow?seconds=1 HTTP/1.1\r\nHost: {heroku.host('front')}\r\n\r\n".encode())
    line = _line(heroku, "/slow?seconds=1")

    assert (line["code"], line["status"]) == ("H27", "499")


def test_what_is_not_http_is_answered_with_400(heroku: Running) -> None:
    with socket.create_connection(("127.0.0.2", heroku.http_port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = client.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_maintenance_mode_shows_its_page_and_h80(heroku: Running) -> None:
    heroku.call("PATCH", "/apps/front", {"maintenance": True})
    answer = heroku.get("front", "/closed")
    heroku.call("PATCH", "/apps/front", {"maintenance": False})
    line = _line(heroku, "/closed")

    assert answer.status == 503
    assert b"Offline for Maintenance" in answer.body
    assert (line["code"], line["dyno"], " at=info " in line.string) == ("H80", "", True)


def test_no_web_dynos_is_h14_and_a_new_one_serves_again(heroku: Running) -> None:
    heroku.call("PATCH", "/apps/front/formation/web", {"quantity": 0})
    answer = heroku.get("front", "/nobody")
    heroku.call("PATCH", "/apps/front/formation/web", {"quantity": 1})
    again = heroku.get("front", "/somebody")

    assert answer.status == 503
    assert _line(heroku, "/nobody")["code"] == "H14"
    assert again.status == 200


def test_a_crashed_app_is_h10_and_a_repaired_one_serves(heroku: Running) -> None:
    heroku.call("PATCH", "/apps/front/config-vars", {"BROKEN": "1"})
    until(lambda: heroku.dynos("front")["web.1"]["state"] == "crashed", "the crash")
    until(lambda: heroku.get("front", "/crashed").status == 503, "the error page")
    heroku.call("PATCH", "/apps/front/config-vars", {"BROKEN": None})
    until(lambda: heroku.get("front", "/repaired").status == 200, "the repaired app")

    assert _line(heroku, "/crashed")["code"] in ("H10", "H20")


def test_a_config_change_under_load_fails_no_request(heroku: Running) -> None:
    statuses: list[tuple[int, int]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = heroku.get("front", "/slow?seconds=0.05")
            statuses.append((answer.status, answer.json["pid"] if answer.status == 200 else 0))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    until(lambda: len(statuses) > 30, "some traffic")
    heroku.call("PATCH", "/apps/front/config-vars", {"FRESH": "yes"})
    until(lambda: len({pid for _, pid in statuses}) > 1, "answers of the new dyno")
    stop.set()
    for thread in threads:
        thread.join()

    assert {status for status, _ in statuses} == {200}
    assert heroku.get("front").json["env"]["FRESH"] == "yes"
