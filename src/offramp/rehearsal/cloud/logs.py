"""Where do a container's lines go? Into a plain file and, in batches, into CloudWatch Logs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import aiohttp

from .control import Control
from .wire import AwsError

log = logging.getLogger(__name__)
FLUSH_SECONDS = 1.0
# PutLogEvents takes at most 10,000 events and 1 MB a call.
BATCH_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Stream:
    """A CloudWatch log stream."""

    group: str
    name: str


@dataclass
class Logs:
    """Buffers lines per stream and sends them once a second."""

    control: Control
    _waiting: dict[Stream, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))

    async def open(self, stream: Stream, *, create_group: bool) -> None:
        """Make the stream. Raises AwsError when the group is missing and may not be made."""
        if create_group:
            await self._call("CreateLogGroup", {"logGroupName": stream.group})
        await self._call("CreateLogStream", {"logGroupName": stream.group, "logStreamName": stream.name})

    async def _call(self, action: str, body: dict[str, object]) -> None:
        try:
            await self.control.json("logs", f"Logs_20140328.{action}", body)
        except AwsError as refused:
            if refused.code != "ResourceAlreadyExistsException":
                raise

    def put(self, stream: Stream, line: str) -> None:
        self._waiting[stream].append((int(time.time() * 1000), line or " "))

    async def flush(self) -> None:
        """Send everything that waits; what cannot be sent is dropped, as awslogs in its non-blocking mode does."""
        waiting, self._waiting = self._waiting, defaultdict(list)
        for stream, events in waiting.items():
            for at in range(0, len(events), BATCH_EVENTS):
                part = [{"timestamp": when, "message": line} for when, line in events[at : at + BATCH_EVENTS]]
                body: dict[str, object] = {
                    "logGroupName": stream.group,
                    "logStreamName": stream.name,
                    "logEvents": part,
                }
                try:
                    await self.control.json("logs", "Logs_20140328.PutLogEvents", body)
                except AwsError as refused:
                    log.warning("%d events for %s were dropped: %s", len(part), stream.name, refused)

    async def run(self) -> None:
        """Flush for ever."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except (OSError, aiohttp.ClientError) as broken:
                log.warning("logs could not be sent: %s", broken)


@dataclass
class Lines:
    """Cuts a byte stream into lines; very long ones are cut as the awslogs driver cuts them, at 16 KB."""

    kept: bytes = b""

    def feed(self, chunk: bytes) -> list[str]:
        r"""
        >>> lines = Lines()
        >>> lines.feed(b"one\ntw"), lines.feed(b"o\n"), lines.rest()
        (['one'], ['two'], [])
        """
        *whole, self.kept = (self.kept + chunk).split(b"\n")
        if len(self.kept) > 16384:
            whole, self.kept = [*whole, self.kept], b""
        return [line.rstrip(b"\r").decode(errors="replace") for line in whole]

    def rest(self) -> list[str]:
        last, self.kept = self.kept, b""
        return [last.decode(errors="replace")] if last else []


def task_file(path: Path) -> BinaryIO:
    """Open the plain file of one task, unbuffered, so that a reader sees every line at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab", buffering=0)
