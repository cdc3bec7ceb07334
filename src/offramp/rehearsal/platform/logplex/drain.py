"""How does Logplex deliver to one drain? Small batches, three tries, drop on 4xx, L10 for what did not fit.

The rules are those of heroku/logplex's HTTP drain; ``heroku.md`` A2 lists them with their source.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp

from .wire import Message, body, frame, overflow

BUFFER_MESSAGES = 1_024
SHRUNK_MESSAGES = 10
SHRINK_AFTER_SECONDS = 300
BATCH_BYTES = 102_400
TRIES = 3
CONNECT_SECONDS, ANSWER_SECONDS = 3, 5

Outcome = Literal["accepted", "refused", "failed"]


@dataclass
class DrainDelivery:
    """Deliver what ``offer`` is given. ``linger`` is how long a batch waits for company, in seconds."""

    token: str
    url: str
    http: aiohttp.ClientSession
    clock: Callable[[], datetime]
    linger: float = 1.0
    _buffer: deque[Message] = field(default_factory=deque)
    _dropped: int = 0
    _told: int = 0
    """The loss that the batch under way reports, which is not reported yet should it fail."""
    _dropped_since: datetime | None = None
    _failing_since: datetime | None = None
    _filled: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"drain {self.token}")

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def offer(self, message: Message) -> None:
        """Take a message; when the buffer is full the oldest one is lost and counted."""
        while len(self._buffer) >= self._room():
            self._buffer.popleft()
            self._lose(1)
        self._buffer.append(message)
        self._filled.set()

    def _room(self) -> int:
        if self._failing_since is None:
            return BUFFER_MESSAGES
        failing = (self.clock() - self._failing_since).total_seconds()
        return SHRUNK_MESSAGES if failing > SHRINK_AFTER_SECONDS else BUFFER_MESSAGES

    def _lose(self, count: int) -> None:
        self._dropped += count
        self._dropped_since = self._dropped_since or self.clock()

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            await asyncio.sleep(self.linger)
            while self._buffer:
                await self._deliver(self._batch())
            self._filled.clear()

    def _batch(self) -> list[Message]:
        batch: list[Message] = []
        self._told = 0
        if self._dropped and self._dropped_since:
            batch.append(overflow(self._dropped, self._dropped_since, self.clock()))
            self._told, self._dropped, self._dropped_since = self._dropped, 0, None
        size = 0
        while self._buffer and (not batch or size < BATCH_BYTES):
            size += len(frame(self._buffer[0]))
            batch.append(self._buffer.popleft())
        return batch

    async def _deliver(self, batch: list[Message]) -> None:
        payload, frame_id = body(batch), secrets.token_hex(16).upper()
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(0.2 * attempt)
            match await self._post(payload, len(batch), frame_id):
                case "accepted" | "refused":
                    # A 4xx other than 429 means that the receiver will never want this batch: it is gone for good.
                    self._failing_since = None
                    return
                case "failed":
                    self._failing_since = self._failing_since or self.clock()
        self._lose(self._told + sum(message.newline for message in batch))

    async def _post(self, payload: bytes, count: int, frame_id: str) -> Outcome:
        url, credentials = _split_credentials(self.url)
        headers = {
            "Content-Type": "application/logplex-1",
            "Logplex-Msg-Count": str(count),
            "Logplex-Frame-Id": frame_id,
            "Logplex-Drain-Token": self.token,
            "User-Agent": "Logplex/v72",
            **credentials,
        }
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
        try:
            async with self.http.post(url, data=payload, headers=headers, timeout=timeout) as answer:
                if answer.status < 300:
                    return "accepted"
                return "refused" if 400 <= answer.status < 500 and answer.status != 429 else "failed"
        except (aiohttp.ClientError, OSError, TimeoutError):
            return "failed"


def _split_credentials(url: str) -> tuple[str, dict[str, str]]:
    """Take user and password out of a URL and into the header that carries them.

    >>> _split_credentials("https://drain:s%40lt@logs.example.com:8443/x?y=1")
    ('https://logs.example.com:8443/x?y=1', {'Authorization': 'Basic ZHJhaW46c0BsdA=='})
    """
    parts = urlsplit(url)
    if parts.username is None:
        return url, {}
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return bare, {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
