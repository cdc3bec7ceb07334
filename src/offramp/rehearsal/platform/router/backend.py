"""Which dyno gets a request, and when is there none?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..dynos.crew import Crew
from ..dynos.dyno import Dyno
from ..options import Timing
from . import lines

RETRY_SECONDS = 0.05


class UnservedError(Exception):
    """No dyno can take the request; ``failure`` says why."""

    def __init__(self, failure: lines.Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


@dataclass(slots=True)
class Backend:
    """A connection to a dyno, opened for one request. ``release`` must be called at its end."""

    dyno: Dyno
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    connect_seconds: float

    def release(self) -> None:
        self.writer.close()
        self.dyno.give_back()


async def connect(crew: Crew, timing: Timing) -> Backend:
    """Choose a dyno and connect; wait while the app boots.

    A dyno that refuses is tried again, and others are, for five seconds, as Heroku does. Raises UnservedError.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    refused_since: float | None = None
    failure = lines.CONNECT_REFUSED
    while True:
        dyno = await _ready(crew, begun + timing.boot)
        dyno.take()
        refused_since = refused_since or loop.time()
        left = refused_since + timing.connect - loop.time()
        before = loop.time()
        try:
            async with asyncio.timeout(max(left, 0.001)):
                reader, writer = await asyncio.open_connection("127.0.0.1", dyno.plan.port, limit=262_144)
            return Backend(dyno, reader, writer, loop.time() - before)
        except BaseException as error:
            dyno.give_back()
            match error:
                case TimeoutError():
                    raise UnservedError(lines.CONNECT_TIMED_OUT) from error
                case OSError():
                    if loop.time() > refused_since + timing.connect:
                        raise UnservedError(failure) from error
                case _:
                    raise
        await asyncio.sleep(RETRY_SECONDS)
        if crew.choose() is None:
            refused_since = None  # It was on its way out; whoever comes next has five seconds of its own.


async def _ready(crew: Crew, deadline: float) -> Dyno:
    """Wait for a dyno that takes requests."""
    loop = asyncio.get_running_loop()
    while (dyno := crew.choose()) is None:
        if not crew.web_wanted():
            raise UnservedError(lines.NO_WEB)
        if crew.all_crashed():
            raise UnservedError(lines.CRASHED)
        if (left := deadline - loop.time()) <= 0:
            raise UnservedError(lines.BOOT_TIMED_OUT)
        await crew.changed(left)
    return dyno
