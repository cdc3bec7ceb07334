"""Does the generator behave like browsers, feel stalls as customers do, and survive being killed?"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dns.message
import dns.rrset
import pytest
from aiohttp import web

from offramp.kit import processes
from offramp.load import ledger, samples, traffic
from offramp.load.arrivals import FRONT, Plan, send
from offramp.load.samples import Sample
from offramp.load.summary import summary

MIX = """
[front]
host = "www.shop.example"
path = "/config.json"
refresh_seconds = 0.2
browsers = 2
[values]
n = { between = [1, 1000] }
[[read]]
name = "list"
weight = 2
origin = "API"
path = "/things"
[[create]]
name = "make"
weight = 1
origin = "API"
path = "/things"
body = { note = "{n}" }
stored = { database = "shop", table = "thing", token = "token", columns = ["note"] }
"""
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Dns:
    """A DNS server for every name; ``address`` may change at any time."""

    def __init__(self, address: str) -> None:
        self.address, self.asked = address, 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])

    def serve(self) -> None:
        while True:
            try:
                wire, client = self._socket.recvfrom(4096)
            except OSError:
                return
            if not wire:
                return
            self.asked += 1
            answer = dns.message.make_response(question := dns.message.from_wire(wire))
            answer.answer.append(dns.rrset.from_text(question.question[0].name, 1, "IN", "A", self.address))
            self._socket.sendto(answer.to_wire(), client)

    @contextmanager
    def running(self) -> Iterator[Dns]:
        thread = threading.Thread(target=self.serve)
        thread.start()
        try:
            yield self
        finally:
            with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as waker:
                waker.sendto(b"", ("127.0.0.1", self.port))
            thread.join()
            self._socket.close()


@pytest.fixture
def names() -> Iterator[Dns]:
    with Dns("127.0.0.2").running() as server:
        yield server


@pytest.fixture
def plan(tmp_path: Path, names: Dns) -> Plan:
    (tmp_path / "traffic.toml").write_text(MIX)
    return Plan(
        traffic=traffic.load(tmp_path / "traffic.toml"),
        dns=("127.0.0.1", names.port),
        http_port=0,
        rate=100,
        seed=1,
        run="0badcafe",
        ledger=tmp_path / "ledger.jsonl",
        samples=tmp_path / "samples.jsonl",
        seconds=0.6,
    )


async def things(request: web.Request) -> web.StreamResponse:
    return web.json_response({"id": 1}, status=201 if request.method == "POST" else 200)


@contextmanager
def listening(address: str, port: int = 0) -> Iterator[socket.socket]:
    with closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        yield listener


async def serve(listener: socket.socket, answer: Answering, keep_alive: float = 75) -> web.AppRunner:
    port = listener.getsockname()[1]

    async def config(request: web.Request) -> web.StreamResponse:
        return web.json_response({"API": f"http://api.shop.example:{port}"})

    shop = web.Application()
    shop.router.add_get("/config.json", config)
    shop.router.add_route("*", "/things", answer)
    runner = web.AppRunner(shop, keepalive_timeout=keep_alive)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return runner


def run(plan: Plan, answer: Answering = things, keep_alive: float = 75) -> list[Sample]:
    """Send the plan's traffic to a server of our own and return what was felt."""

    async def both() -> None:
        with listening("127.0.0.2") as listener:
            runner = await serve(listener, answer, keep_alive)
            await send(with_port(plan, listener), lambda: False)
            await runner.cleanup()

    asyncio.run(both())
    return list(samples.read(plan.samples))


def with_port(plan: Plan, listener: socket.socket) -> Plan:
    return Plan(
        plan.traffic, plan.dns, listener.getsockname()[1], plan.rate, plan.seed, plan.run, plan.ledger, plan.samples, plan.seconds
    )  # fmt: skip


def test_requests_are_sent_at_the_rate_and_writes_are_acknowledged(plan: Plan) -> None:
    felt = run(plan)

    assert (len(felt), [s.failed for s in felt if s.failed]) == (60, [])
    assert {s.side for s in felt} == {"heroku"}
    assert {s.name for s in felt} == {FRONT, "list", "make"}
    made = ledger.read([plan.ledger])
    assert len(made) == sum(s.name == "make" for s in felt)
    assert {w.outcome for w in made} == {"acknowledged"}


class Gate:
    """Shuts at the first request, and holds every request of the server until it opens again."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.opens_at = seconds, 0.0

    async def passed(self) -> None:
        now = asyncio.get_running_loop().time()
        self.opens_at = self.opens_at or now + self.seconds
        await asyncio.sleep(self.opens_at - now)


def test_a_stall_is_felt_by_every_request_that_was_due_in_it(plan: Plan) -> None:
    """The server stops for 300 ms. A closed loop would report a slow request per client; thirty customers waited."""
    gate = Gate(0.3)

    async def stalling(request: web.Request) -> web.StreamResponse:
        await gate.passed()
        return await things(request)

    felt = run(plan, stalling)

    slow = sorted(s.ms for s in felt if s.ms > 50)
    assert len(slow) >= 15
    assert 280 <= slow[-1] <= 1000


def test_errors_are_failed_requests_with_a_reason_and_writes_in_doubt(plan: Plan) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="no database")

    felt = run(plan, broken)

    failed = [s for s in felt if s.failed]
    assert {s.name for s in failed} == {"list", "make"}
    assert {s.failed for s in failed} == {"status 503: no database"}
    assert all(s.url.startswith("http://api.shop.example:") for s in failed)
    assert {w.outcome for w in ledger.read([plan.ledger])} == {"in doubt"}
    assert summary(felt).failed == len(failed)


def test_an_answer_that_breaks_off_is_a_failed_request(plan: Plan) -> None:
    async def torn(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100"})
        await answer.prepare(request)
        await answer.write(b"{")
        assert request.transport
        request.transport.abort()
        return answer

    felt = run(plan, torn)

    assert {s.name for s in felt if s.failed} == {"list", "make"}


def test_a_server_that_closes_idle_connections_fails_nobody(plan: Plan) -> None:
    """The connection is closed as the next request enters it; nothing came back, so a browser sends it again."""
    served: set[asyncio.Transport] = set()

    async def closing_second(request: web.Request) -> web.StreamResponse:
        assert request.transport
        if request.transport in served:
            request.transport.abort()
            raise ConnectionResetError
        served.add(request.transport)
        return await things(request)

    felt = run(plan, closing_second)

    assert [s.failed for s in felt if s.failed] == []


def test_a_fresh_connection_that_is_reset_is_a_failed_request(plan: Plan) -> None:
    async def resetting(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.abort()
        raise ConnectionResetError

    felt = run(plan, resetting)

    assert {s.name for s in felt if s.failed} == {"list", "make"}


def test_a_name_that_moves_is_followed_within_its_ttl(plan: Plan, names: Dns) -> None:
    """The same port listens at both addresses; the server of the second one starts the move by answering at the first."""

    async def both() -> None:
        with listening("127.0.0.2") as heroku, listening("127.64.0.9", heroku.getsockname()[1]) as aws:
            runners = [await serve(heroku, things), await serve(aws, things)]
            stop = asyncio.get_running_loop().time() + 2.4
            move = asyncio.get_running_loop().call_later(0.6, setattr, names, "address", "127.64.0.9")
            endless = Plan(
                plan.traffic, plan.dns, heroku.getsockname()[1], 50, 1, plan.run, plan.ledger, plan.samples, None
            )
            await send(endless, lambda: asyncio.get_running_loop().time() > stop)
            move.cancel()
            for runner in runners:
                await runner.cleanup()

    asyncio.run(both())
    felt = sorted(samples.read(plan.samples), key=lambda sample: sample.at)

    sides = [sample.side for sample in felt]
    assert (sides[0], sides[-1], [s.failed for s in felt if s.failed]) == ("heroku", "aws", [])
    moved_after = next(s.at for s in felt if s.side == "aws") - felt[0].at
    last_old = max(s.at for s in felt if s.side == "heroku") - felt[0].at
    assert 0.5 <= moved_after <= last_old <= 0.6 + 1.0 + 0.5


def command(plan: Plan, port: int, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "offramp.load", "run", "--traffic", str(plan.ledger.with_name("traffic.toml")),
        "--dns", f"127.0.0.1:{plan.dns[1]}", "--http-port", str(port), "--rate", "100", "--ledger", str(plan.ledger),
        "--samples", str(plan.samples), *more,
    ]  # fmt: skip


@contextmanager
def generator(plan: Plan, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the generator as a process against a server in a thread, once it is under way."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        with listening("127.0.0.2") as listener:
            runner = asyncio.run_coroutine_threadsafe(serve(listener, things), loop).result(5)
            started = subprocess.Popen(command(plan, listener.getsockname()[1], *more), stdout=subprocess.PIPE)
            try:
                processes.wait_until(
                    lambda: plan.ledger.exists() and plan.ledger.stat().st_size > 2000, seconds=15, what="the ledger"
                )
                yield started
            finally:
                if started.poll() is None:
                    started.kill()
                started.communicate()
                asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(5)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_killed_generator_leaves_a_ledger_that_says_what_is_in_doubt(plan: Plan) -> None:
    with generator(plan) as started:
        started.send_signal(signal.SIGKILL)
        started.wait()

    outcomes = [w.outcome for w in ledger.read([plan.ledger])]
    assert outcomes.count("acknowledged") >= 5
    assert outcomes.count("in doubt") <= 2


@pytest.mark.parametrize("by", ["signal", "file"])
def test_a_generator_that_is_asked_to_stop_finishes_and_tells(plan: Plan, by: str, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    with generator(plan, "--until-file", str(stop)) as started:
        if by == "signal":
            os.kill(started.pid, signal.SIGTERM)
        else:
            stop.touch()
        told, _ = started.communicate(timeout=10)

    assert (started.returncode, json.loads(told)["failed"]) == (0, 0)
    assert {w.outcome for w in ledger.read([plan.ledger])} == {"acknowledged"}
