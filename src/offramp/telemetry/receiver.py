"""How does Heroku hand us its lines? A server for Logplex's HTTPS drains: keep first, answer then, read later.

What Heroku may send is never refused: Logplex throws a batch away for good on any 4xx but 429 (heroku/logplex src/logplex_http_drain.erl). A wrong
password is answered 401, and a disk that takes no more 503, after which Logplex tries again.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from aiohttp import web

from ..kit.clock import Clock
from ..kit.secret import Secret
from . import sealer
from .appending import Segments
from .manifest import Manifest
from .segments import Record

# Logplex sends about 100 KB; what is beyond this is dropped and counted, and so is a sender that is not Logplex.
BODY_LIMIT = 64 * 1024 * 1024
SEAL_EVERY_SECONDS = 15.0
_APP = re.compile(r"[a-z][a-z0-9-]{1,29}")


@dataclass
class Counters:
    """What came in since the start."""

    requests: int = 0
    bytes: int = 0
    repeated: int = 0
    unauthorised: int = 0
    unkept: int = 0
    too_large: int = 0


class Receiver:
    """The server's state: who waits for the next flush, and what was seen."""

    def __init__(self, folder: Path, secret: Secret | None, clock: Clock, *, redacting: bool) -> None:
        self._folder, self._secret, self._clock, self._redacting = folder, secret, clock, redacting
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._manifest = Manifest(folder)
        self._segments = Segments(folder, self._manifest, clock.now())
        self._named = set(self._manifest.drains())
        self._waiting: list[tuple[Record, asyncio.Future[bool]]] = []
        self._kept: dict[str, asyncio.Future[bool]] = {}
        self._wake = asyncio.Event()
        # One thread writes, so that appends keep their order and the loop never waits for a disk.
        self._writer = ThreadPoolExecutor(1)
        self.counters = Counters()

    def close(self) -> None:
        self._writer.shutdown()
        self._segments.close()
        self._manifest.close()

    async def take(self, request: web.Request) -> web.Response:
        """Answer one request of a drain."""
        if not self._allowed(request.headers.get("Authorization", "")):
            self.counters.unauthorised += 1
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="offramp"'})
        body = await self._body(request)
        frame = request.headers.get("Logplex-Frame-Id", "")[:200]
        place = request.path.rpartition("/")[2]
        token = (request.headers.get("Logplex-Drain-Token", "") or place or "unnamed")[:200]
        self.counters.requests += 1
        self.counters.bytes += len(body)
        self._name(token, place)
        kept = await self._keep(Record(token, frame, round(self._clock.now() * 1e6), body))
        return web.Response(status=204 if kept else 503)

    async def state(self, request: web.Request) -> web.Response:
        """Say that we are there, and what came in."""
        return web.json_response({"ok": True, **vars(self.counters)})

    async def flush(self) -> None:
        """Keep what waits, over and over. While one flush is on its way, the next ones gather: together they wait for the disk once."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            if not batch:
                continue
            try:
                await loop.run_in_executor(
                    self._writer, self._segments.append, [record for record, _ in batch], self._clock.now()
                )
                kept = True
            except (OSError, ValueError):
                kept = False
                self.counters.unkept += len(batch)
            for record, done in batch:
                self._kept.pop(record.frame, None)
                if kept:
                    self._segments.remember(record.frame)
                done.set_result(kept)

    async def seal(self) -> None:
        """Have closed segments sealed by another process, so that receiving never waits for it."""
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            while True:
                await asyncio.sleep(SEAL_EVERY_SECONDS)
                active = self._segments.active
                if any(path.name != active for path in (self._folder / "wal").iterdir()):
                    await loop.run_in_executor(pool, _seal, self._folder, self._clock.now(), self._redacting, active)

    async def _keep(self, record: Record) -> bool:
        if self._segments.knows(record.frame):
            self.counters.repeated += 1
            return True
        if before := self._kept.get(record.frame):
            self.counters.repeated += 1
            return await asyncio.shield(before)
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if record.frame:
            self._kept[record.frame] = done
        self._waiting.append((record, done))
        self._wake.set()
        # A sender that hangs up does not take its lines with it.
        return await asyncio.shield(done)

    async def _body(self, request: web.Request) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in request.content.iter_chunked(1 << 16):
            size += len(part)
            if size > BODY_LIMIT:
                self.counters.too_large += 1
                break
            parts.append(part)
        return b"".join(parts)

    def _allowed(self, header: str) -> bool:
        if self._secret is None:
            return True
        kind, _, value = header.partition(" ")
        try:
            password = base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except ValueError:
            return False
        return kind.lower() == "basic" and hmac.compare_digest(password, self._secret.reveal().encode())

    def _name(self, token: str, place: str) -> None:
        """Learn whose drain it is from the address that it was given: ``https://offramp:SECRET@host/APP``."""
        if token != place and _APP.fullmatch(place) and (token, place) not in self._named:
            self._manifest.name_drain(token, place)
            self._named.add((token, place))


def _seal(folder: Path, now: float, redacting: bool, active: str) -> int:
    return sealer.seal(folder, now=now, redacting=redacting, active=active)


async def serve(
    folder: Path,
    *,
    host: str,
    port: int,
    secret: Secret | None,
    clock: Clock,
    redacting: bool = True,
    ready: Callable[[str, int], None] = lambda host, port: None,
    until: asyncio.Event,
) -> Counters:
    """Receive into ``folder`` until ``until`` is set; ``ready`` hears the address, of which port 0 means any.

    Raises RefusedError when another process receives into the folder, and OSError when the address is taken.
    """
    receiver = Receiver(folder, secret, clock, redacting=redacting)
    application = web.Application(client_max_size=BODY_LIMIT)
    application.router.add_get("/{any:.*}", receiver.state)
    application.router.add_post("/{any:.*}", receiver.take)
    runner = web.AppRunner(application, access_log=None)
    tasks = [asyncio.create_task(receiver.flush()), asyncio.create_task(receiver.seal())]
    try:
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        ready(*runner.addresses[0][:2])
        stopped = asyncio.create_task(until.wait())
        # A flush or a seal that fails for good must end the server, not leave it answering without keeping.
        done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()
    finally:
        await runner.cleanup()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        receiver.close()
    return receiver.counters
