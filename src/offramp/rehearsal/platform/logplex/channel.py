"""Where do an app's log lines go? Into its tail buffer, to those who tail, and to each of its drains."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from .drain import DrainDelivery
from .wire import Message, microsecond, pieces, whole_second

TAIL_LINES = 1_500
# A reader of a tail session that is this far behind loses lines (L11 on Heroku).
SESSION_LINES = 10_000

# Priorities as seen on Heroku: dyno output, dyno states, router and API lines.
OUTPUT, STATE, ROUTER = 190, 45, 134


@dataclass
class Channel:
    """One app's log. ``clock`` gives the time of each line."""

    app: str
    clock: Callable[[], datetime]
    tail: deque[Message] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    drains: dict[str, DrainDelivery] = field(default_factory=dict)
    """By the id of the drain."""
    _followers: set[asyncio.Queue[Message]] = field(default_factory=set)
    _count: int = 0

    def output(self, dyno: str, line: bytes) -> None:
        """A line that a dyno wrote to stdout or stderr."""
        for piece in pieces(line):
            self._append(OUTPUT, "app", dyno, piece)

    def state(self, dyno: str, text: str) -> None:
        """What the platform says of a dyno."""
        self._append(STATE, "heroku", dyno, text.encode())

    def router(self, text: str) -> None:
        self._append(ROUTER, "heroku", "router", text.encode("utf-8", "replace"))

    def api(self, text: str) -> None:
        self._append(ROUTER, "app", "api", text.encode())

    def addon(self, process: str, text: str) -> None:
        """A line from an add-on; those have whole seconds."""
        self._append(ROUTER, "app", process, text.encode(), whole=True)

    def _append(self, priority: int, source: str, process: str, text: bytes, *, whole: bool = False) -> None:
        self._count += 1
        at = self.clock()
        stamp = whole_second(at) if whole else microsecond(at)
        message = Message(self._count, stamp, priority, source, process, text)
        self.tail.append(message)
        for drain in self.drains.values():
            drain.offer(message)
        for follower in self._followers:
            if not follower.full():
                follower.put_nowait(message)

    @asynccontextmanager
    async def follow(self) -> AsyncIterator[asyncio.Queue[Message]]:
        """Hand out a queue that gets each new line while the block runs."""
        queue: asyncio.Queue[Message] = asyncio.Queue(SESSION_LINES)
        self._followers.add(queue)
        try:
            yield queue
        finally:
            self._followers.discard(queue)

    async def close(self) -> None:
        for drain in self.drains.values():
            await drain.close()
        self.drains.clear()
