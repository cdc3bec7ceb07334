"""Does the client speak Heroku's protocol: paging, patience, errors, and no second POST?"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from offramp.errors import (
    CredentialsRejectedError,
    OfframpError,
    OutsideError,
    RateLimitedError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from offramp.heroku import Data, Platform
from offramp.heroku import url as fresh
from offramp.kit.secret import Secret

TOKEN = "HRKU-not-a-real-token"


@dataclass
class SteppingClock:
    """A clock on which only sleeping takes time."""

    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@dataclass(frozen=True)
class Reply:
    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: object


@dataclass
class Double:
    """A server that gives prepared replies in order, the last one for ever, and remembers what was asked."""

    port: int = 0
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, request: str, *replies: Reply) -> None:
        self.replies[request] = list(replies)

    def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        waiting = self.replies.get(f"{request.method} {request.path}")
        if not waiting:
            return Reply({"id": "not_found", "message": "Couldn't find that app."}, 404)
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@pytest.fixture
def double() -> Iterator[Double]:
    state = Double()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet for head and body, else each answer waits 40 ms for the client's delayed acknowledgement.
        wbufsize = 65_536

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = state.answer(Request(self.command, self.path, headers, body))
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls.

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden name.
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def heroku(double: Double, clock: SteppingClock) -> Iterator[Platform]:
    client = Platform(double.url, Secret(TOKEN), clock=clock, reserve=500, jitter=lambda: 1.0)
    yield client
    client.close()


def account(**headers: str) -> Reply:
    return Reply({"id": "1", "email": "dev@example.test"}, headers={k.replace("_", "-"): v for k, v in headers.items()})


def pipeline(number: int) -> dict[str, str]:
    return {"id": str(number), "name": f"p{number}"}


def test_every_request_carries_the_token_and_the_api_version(double: Double, heroku: Platform) -> None:
    double.on("GET /account", account())

    heroku.account()

    sent = double.asked[0].headers
    assert (f"Bearer {TOKEN}", "application/vnd.heroku+json; version=3") == (sent["authorization"], sent["accept"])


def test_a_list_is_read_to_its_last_page(double: Double, heroku: Platform) -> None:
    double.on(
        "GET /pipelines",
        Reply([pipeline(1), pipeline(2)], 206, {"Next-Range": "]2..; max=2"}),
        Reply([pipeline(3)]),
    )

    names = [found.name for found in heroku.pipelines()]

    assert names == ["p1", "p2", "p3"]
    assert [request.headers["range"] for request in double.asked] == ["id ..; max=1000", "]2..; max=2"]


def test_a_list_that_repeats_its_page_is_an_error_and_no_endless_loop(double: Double, heroku: Platform) -> None:
    double.on("GET /pipelines", Reply([pipeline(1)], 206, {"Next-Range": "]1..; max=1"}))

    with pytest.raises(OutsideError, match="does not end"):
        heroku.pipelines()


def test_a_rate_limit_is_waited_out_as_long_as_the_server_asks(
    double: Double, heroku: Platform, clock: SteppingClock
) -> None:
    limited = Reply({"id": "rate_limit", "message": "Your account reached the limit."}, 429, {"Retry-After": "7"})
    double.on("GET /account", limited, account())

    assert heroku.account().email == "dev@example.test"
    assert clock.slept == [7.25]


def test_a_write_that_was_rate_limited_is_sent_again(double: Double, heroku: Platform) -> None:
    double.on("PATCH /apps/web/config-vars", Reply({}, 429), Reply({"A": "1"}))

    heroku.set_config("web", {"A": Secret("1"), "B": None})

    assert [request.body for request in double.asked] == [{"A": "1", "B": None}] * 2


def test_a_rate_limit_that_never_ends_is_reported(double: Double, heroku: Platform, clock: SteppingClock) -> None:
    double.on("GET /account", Reply({}, 429))

    with pytest.raises(RateLimitedError):
        heroku.account()
    assert sum(clock.slept) < 900


def test_the_reserve_is_left_to_others(double: Double, heroku: Platform, clock: SteppingClock) -> None:
    double.on("GET /account", account(RateLimit_Remaining="475"), account(RateLimit_Remaining="4000"))

    heroku.account()
    heroku.account()

    # 25 calls are missing, and 75 come back each minute.
    assert clock.slept == [20.0]


def test_threads_below_the_reserve_each_wait_for_a_call_of_their_own(
    double: Double, heroku: Platform, clock: SteppingClock
) -> None:
    double.on("GET /account", account(RateLimit_Remaining="500"))
    heroku.account()
    # The answers that would tell what is left do not come: what was sent counts all the same.
    double.on("GET /account", account())

    for _ in range(4):
        heroku.account()

    assert clock.slept == pytest.approx([0.8] * 3)


def test_one_client_may_leave_more_than_another_of_the_same_account(
    double: Double, heroku: Platform, clock: SteppingClock
) -> None:
    double.on("GET /account", account(RateLimit_Remaining="1000"), account(RateLimit_Remaining="1500"))

    heroku.account()
    heroku.account()
    assert clock.slept == []

    double.on("GET /account", account(RateLimit_Remaining="1400"), account())
    heroku.account()
    heroku.leaving(1500).account()
    assert clock.slept == [80.0]


def test_a_read_is_repeated_when_the_server_stumbles(double: Double, heroku: Platform, clock: SteppingClock) -> None:
    double.on("GET /account", Reply(b"<html>", 503), Reply(b"", 500), account())

    assert heroku.account().id == "1"
    assert clock.slept == [0.25, 0.5]


def test_a_read_that_keeps_failing_is_given_up(double: Double, heroku: Platform, clock: SteppingClock) -> None:
    double.on("GET /account", Reply(b"", 502))

    with pytest.raises(UnreachableError, match="status 502"):
        heroku.account()
    assert sum(clock.slept) <= 60


def test_a_write_that_may_have_arrived_is_not_sent_twice(double: Double, heroku: Platform) -> None:
    double.on("GET /apps/web/log-drains", Reply([]))
    double.on("POST /apps/web/log-drains", Reply({}, 500))

    with pytest.raises(OutsideError):
        heroku.add_drain("web", Secret("https://drain.example.test"))
    assert [request.method for request in double.asked] == ["GET", "POST"]


def test_a_server_that_is_not_there_is_unreachable() -> None:
    client = Platform("http://127.0.0.1:1", Secret(TOKEN), clock=SteppingClock())

    with pytest.raises(UnreachableError, match="ConnectError"):
        client.account()
    client.close()


@pytest.mark.parametrize(
    ("status", "body", "error", "hint"),
    [
        (401, {"id": "unauthorized", "message": "Invalid credentials provided."}, CredentialsRejectedError, "authorizations:create"),
        (403, {"id": "forbidden", "message": "You do not have access."}, CredentialsRejectedError, "read-protected"),
        (403, {"id": "two_factor", "message": "A second factor is required."}, CredentialsRejectedError, "second factor"),
        (404, {"id": "not_found", "message": "Couldn't find that app."}, UsageError, "app name web"),
        (402, {"id": "delinquent", "message": "Payment required."}, RefusedError, "billing"),
        (422, {"id": "invalid_params", "message": "No such process."}, RefusedError, "own words"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do(
    double: Double, heroku: Platform, status: int, body: dict[str, str], error: type[OfframpError], hint: str
) -> None:
    double.on("GET /apps/web", Reply(body, status))

    with pytest.raises(error) as raised:
        heroku.app("web")
    assert hint in raised.value.hint
    assert body["message"].rstrip(".") in raised.value.message
    assert TOKEN not in str(raised.value)


def test_an_answer_that_is_not_json_names_the_setting(double: Double, heroku: Platform) -> None:
    double.on("GET /account", Reply(b"<html>welcome</html>"))

    with pytest.raises(OutsideError, match=r"heroku\.api"):
        heroku.account()


def test_an_answer_without_a_needed_field_names_it(double: Double, heroku: Platform) -> None:
    double.on("GET /account", Reply({"id": "1"}))

    with pytest.raises(OutsideError, match="`email`"):
        heroku.account()


def test_a_drain_is_added_once(double: Double, heroku: Platform) -> None:
    drain = {"id": "d1", "token": "d.1", "url": "https://u:p@drain.example.test/x", "addon": None}
    double.on("GET /apps/web/log-drains", Reply([drain]))

    found = heroku.add_drain("web", Secret("https://u:p@drain.example.test/x"))

    assert (found.id, found.host) == ("d1", "drain.example.test")
    assert [request.method for request in double.asked] == ["GET"]
    assert ":p@" not in repr(found)


def test_removing_what_is_gone_is_no_error(double: Double, heroku: Platform) -> None:
    heroku.delete_addon("web", "postgresql-flat-1")
    heroku.remove_drain("web", "d1")

    assert [request.method for request in double.asked] == ["DELETE", "DELETE"]


def test_scaling_names_every_type(double: Double, heroku: Platform) -> None:
    double.on("PATCH /apps/web/formation", Reply([]))

    heroku.scale("web", {"worker": 2, "web": 0})

    assert double.asked[0].body == {"updates": [{"type": "web", "quantity": 0}, {"type": "worker", "quantity": 2}]}


def test_config_vars_are_secrets(double: Double, heroku: Platform) -> None:
    double.on("GET /apps/web/config-vars", Reply({"KEY": "hunter2"}))

    found = heroku.config_vars("web")

    assert found["KEY"].reveal() == "hunter2"
    assert "hunter2" not in repr(found)


def test_the_newest_releases_are_one_page(double: Double, heroku: Platform) -> None:
    release = {"id": "r", "version": 12, "status": "succeeded", "current": True, "slug": {"id": "s"}}
    double.on("GET /apps/web/releases", Reply([release], 206, {"Next-Range": "]12..; max=1"}))

    found = heroku.releases("web", limit=1)

    assert [(one.version, one.slug) for one in found] == [(12, "s")]
    assert double.asked[0].headers["range"] == "version ..; order=desc,max=1"


def test_dyno_sizes_come_in_megabytes_and_cents_a_month(double: Double, heroku: Platform) -> None:
    size = {"name": "Standard-1X", "memory": 0.5, "cost": {"cents": 2500, "unit": "month"}, "dedicated": False}
    double.on("GET /dyno-sizes", Reply([size]))

    (found,) = heroku.dyno_sizes()

    assert (found.memory_mb, found.monthly_cents) == (512, 2500)


def test_the_data_api_tells_a_databases_limits(double: Double, clock: SteppingClock) -> None:
    rows = [{"name": "Connections", "values": ["12/120"]}, {"name": "Status", "values": ["Available"]}]
    body = {
        "addon_id": "a",
        "name": "pg",
        "plan": "standard-0",
        "postgres_version": "16.4",
        "num_bytes": 5,
        "info": rows,
    }
    double.on("GET /client/v11/databases/a", Reply(body))
    client = Data(double.url, Secret(TOKEN), clock=clock)

    found = client.database("a")
    client.close()

    assert (found.connection_limit, found.status, found.version) == (120, "Available", "16.4")


def test_a_backup_is_waited_for(double: Double, clock: SteppingClock) -> None:
    running = {"uuid": "b", "num": 3, "from_name": "DATABASE", "finished_at": None, "succeeded": None}
    double.on(
        "GET /client/v11/apps/web/transfers/b",
        Reply(running),
        Reply({**running, "finished_at": "x", "succeeded": True}),
    )
    client = Data(double.url, Secret(TOKEN), clock=clock)

    found = client.wait_for_backup("web", "b", deadline_seconds=60)
    client.close()

    assert found.succeeded
    assert clock.slept == [1.0]


def test_a_failed_backup_is_an_error(double: Double, clock: SteppingClock) -> None:
    double.on("GET /client/v11/apps/web/transfers/b", Reply({"uuid": "b", "finished_at": "x", "succeeded": False}))
    client = Data(double.url, Secret(TOKEN), clock=clock)

    with pytest.raises(OutsideError, match="failed"):
        client.wait_for_backup("web", "b", deadline_seconds=60)
    client.close()


def test_the_url_command_prints_the_url_alone(double: Double, capsys: pytest.CaptureFixture[str]) -> None:
    double.on("GET /apps/web/config-vars", Reply({"DATABASE_URL": "postgres://u:p@127.0.0.1/d"}))
    environ = {"HEROKU_API_KEY": TOKEN, "HEROKU_API_URL": double.url}

    assert fresh.main(["web", "DATABASE_URL"], environ) == 0
    assert capsys.readouterr() == ("postgres://u:p@127.0.0.1/d\n", "")


@pytest.mark.parametrize(
    ("arguments", "environ", "status"),
    [
        ([], {"HEROKU_API_KEY": TOKEN}, 2),
        (["web", "DATABASE_URL"], {}, 2),
        (["web", "OTHER_URL"], {"HEROKU_API_KEY": TOKEN}, 2),
        (["gone", "DATABASE_URL"], {"HEROKU_API_KEY": TOKEN}, 2),
        (["shut", "DATABASE_URL"], {"HEROKU_API_KEY": TOKEN}, 5),
    ],
)
def test_the_url_command_fails_with_a_status_and_no_secret(
    double: Double,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    environ: dict[str, str],
    status: int,
) -> None:
    double.on("GET /apps/web/config-vars", Reply({"DATABASE_URL": "postgres://u:hunter2@127.0.0.1/d"}))
    double.on("GET /apps/shut/config-vars", Reply({"id": "unauthorized", "message": "No."}, 401))

    found = fresh.main(arguments, {**environ, "HEROKU_API_URL": double.url})

    shown = capsys.readouterr()
    assert (status, "") == (found, shown.out)
    assert shown.err and "hunter2" not in shown.err and TOKEN not in shown.err


def test_a_removal_is_repeated_when_the_server_stumbles(double: Double, heroku: Platform) -> None:
    double.on("DELETE /apps/web/addons/pg", Reply({}, 500), Reply({"name": "pg"}))

    heroku.delete_addon("web", "pg", force=True)

    assert [request.body for request in double.asked] == [{"force": True}] * 2
