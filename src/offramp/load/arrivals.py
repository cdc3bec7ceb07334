"""How is traffic sent so that slow answers cannot slow it down?

An open loop: request number n is due at start + n / rate and starts then, whatever became of the others. Latency counts from
when it was due. So a stall of the servers is felt by every request that arrived meanwhile, as real customers would feel it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp

from . import ledger, samples
from .browser import Answer, Browser, Trip
from .ledger import Lines
from .mix import Mix
from .names import Names
from .samples import Sample, side_of
from .traffic import Traffic
from .values import Json

FRONT = "front.config"
HTTP_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send: ``rate`` in requests per second; ``run`` is eight hex digits; ``dns`` is the server's address and port.

    Without ``seconds`` it goes on until it is stopped.
    """

    traffic: Traffic
    dns: tuple[str, int]
    http_port: int
    rate: float
    seed: int
    run: str
    ledger: Path
    samples: Path
    seconds: float | None = None


@dataclass
class Page:
    """A page that is open in one browser, and where it believes the APIs are."""

    browser: Browser
    origins: dict[str, str] = field(default_factory=dict)
    asked_at: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Due:
    """When a request is due: by the wall's clock, which is kept, and by the monotonic one, which measures."""

    serial: int
    wall: float
    monotonic: float


@dataclass(frozen=True, slots=True)
class Errand:
    """One request as it goes over the wire."""

    name: str
    method: str
    url: str
    body: bytes | None = None


async def send(plan: Plan, stopped: Callable[[], bool]) -> None:
    """Send until ``stopped()`` or the plan's seconds are over, then wait for the answers that are still out."""
    async with AsyncExitStack() as stack:
        writes, felt = stack.enter_context(Lines(plan.ledger)), stack.enter_context(Lines(plan.samples))
        browsers = [Browser(Names(*plan.dns)) for _ in range(plan.traffic.front.browsers)]
        pages = [Page(await stack.enter_async_context(browser)) for browser in browsers]
        arrivals = Arrivals(plan, pages, writes, felt)
        async with asyncio.TaskGroup() as out:
            await arrivals.run(out, stopped)


class Arrivals:
    """The loop and what its requests share. An unexpected error in one of them ends the run loudly."""

    def __init__(self, plan: Plan, pages: list[Page], writes: Lines, felt: Lines) -> None:
        self.plan, self.pages, self.writes, self.felt = plan, pages, writes, felt
        self.mix = Mix(plan.traffic, plan.run, Random(plan.seed))
        self.chance = Random(plan.seed + 1)
        self.front_was_last = False

    async def run(self, out: asyncio.TaskGroup, stopped: Callable[[], bool]) -> None:
        """Start every request when it is due."""
        wall, began = time.time(), time.monotonic()
        for serial in itertools.count():
            after = serial / self.plan.rate
            if self.plan.seconds is not None and after >= self.plan.seconds:
                return
            await asyncio.sleep(max(began + after - time.monotonic(), 0))
            if stopped():
                return
            out.create_task(self.arrive(Due(serial, wall + after, began + after)))

    async def arrive(self, due: Due) -> None:
        """Send one request: the front end's configuration when a page's is old, else the mix's next."""
        if page := self._page_to_refresh():
            await self._refresh(page, due)
        else:
            await self._call(self.chance.choice([page for page in self.pages if page.origins]), due)

    def _page_to_refresh(self) -> Page | None:
        """Return the page whose configuration is oldest, if too old; at most every other request is spent on that."""
        page = min(self.pages, key=lambda page: page.asked_at)
        lost = not any(page.origins for page in self.pages)
        old = time.monotonic() - page.asked_at >= self.plan.traffic.front.refresh_seconds
        self.front_was_last = lost or (old and not self.front_was_last)
        return page if self.front_was_last else None

    async def _refresh(self, page: Page, due: Due) -> None:
        page.asked_at = time.monotonic()
        front = self.plan.traffic.front
        url = f"http://{front.host}:{self.plan.http_port}{front.path}"
        document, sample = await self._ask(page.browser, Errand(FRONT, "GET", url), due)
        samples.write(self.felt, sample)
        if isinstance(document, dict):
            page.origins = {name: origin for name, origin in document.items() if isinstance(origin, str)}

    async def _call(self, page: Page, due: Due) -> None:
        request = self.mix.next(due.serial, time.time())
        if request.write:
            ledger.begin(self.writes, request.write)
        action = request.action
        url = page.origins.get(action.origin, "http://unknown-origin") + request.path
        document, sample = await self._ask(page.browser, Errand(action.name, action.method, url, request.content), due)
        if request.write:
            ledger.end(
                self.writes, request.write, "in doubt" if sample.failed else "acknowledged", time.time(), sample.failed
            )
        samples.write(self.felt, sample)
        self.mix.ended(request, in_doubt=bool(sample.failed))
        if not sample.failed:
            self.mix.answered(request, document)

    async def _ask(self, browser: Browser, errand: Errand, due: Due) -> tuple[Json, Sample]:
        """Send and judge one request; every way in which it can fail becomes a reason."""
        token, trip, status = str(self.mix.token(due.serial)), Trip(), 0
        headers = {"X-Request-Id": token, "Accept": "application/json"}
        if errand.method != "GET":
            headers |= {"Idempotency-Key": token}
        if errand.body is not None:
            headers |= {"Content-Type": "application/json"}
        document: Json = None
        try:
            answer = await browser.fetch(errand.method, errand.url, trip, headers, errand.body)
            status = answer.status
            document, failed = _judge(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failed = f"{type(error).__name__}: {error}".removesuffix(": ")
        ms = (time.monotonic() - due.monotonic) * 1000
        url = errand.url if failed else ""
        return document, Sample(due.wall, ms, errand.name, status, side_of(trip.address), failed, token, url)


def _judge(answer: Answer) -> tuple[Json, str]:
    """Return the answer's document, or why the answer is none."""
    if answer.status not in HTTP_GOOD:
        return None, f"status {answer.status}: {answer.body[:200].decode(errors='replace')}"
    try:
        return json.loads(answer.body), ""
    except ValueError:
        return None, f"the answer is not JSON: {answer.body[:200].decode(errors='replace')}"
