"""How does long work show that it is alive? A table on a terminal, lines elsewhere, NDJSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from ..engine import events
from ..engine.events import (
    Asked,
    DeedBegan,
    DeedEnded,
    DeedFailed,
    Event,
    Listener,
    Progress,
    Refused,
    StageEntered,
    StageMet,
    VerdictReached,
    Waiting,
)

EVERY_SECONDS = 10.0


@contextmanager
def listener(stages: Sequence[str], *, as_json: bool) -> Iterator[Listener]:
    """Yield the listener that suits where the output goes."""
    if as_json:
        yield ndjson
    elif sys.stderr.isatty():
        from .live import live

        with live(stages) as tell:
            yield tell
    else:
        yield Lines(lambda line: click.echo(line, err=True), time.monotonic)


def ndjson(event: Event) -> None:
    """One JSON object a line on stdout, before the last one that holds the result."""
    click.echo(json.dumps(events.to_json(event)))


class Lines:
    """One line for everything that changes, and one every ten seconds for what goes on."""

    def __init__(self, write: Callable[[str], None], monotonic: Callable[[], float]) -> None:
        self._write, self._monotonic = write, monotonic
        self._said: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, (Waiting, Progress)):
            now = self._monotonic()
            if now - self._said.get(event.goal, -EVERY_SECONDS) < EVERY_SECONDS:
                return
            self._said[event.goal] = now
        elif isinstance(event, VerdictReached):
            # A new verdict is followed by what is done about it, and its reason to wait is news again.
            self._said.pop(event.goal, None)
        if text := line(event):
            self._write(text)


def line(event: Event) -> str | None:
    """Return what one event says to a person, or None when the next event says it better.

    >>> line(DeedEnded(0.0, "provision/network", "create the stack", 12.04))
    'provision/network: done in 12.0 s: create the stack'
    """
    match event:
        case StageEntered(_, stage):
            return f"{stage}: looking"
        case VerdictReached(_, goal, "met", because):
            return f"{goal}: met{f': {because}' if because else ''}"
        case VerdictReached():
            return None
        case DeedBegan(_, goal, title):
            return f"{goal}: {title}"
        case DeedEnded(_, goal, title, seconds):
            return f"{goal}: done in {seconds:.1f} s: {title}"
        case DeedFailed(_, goal, title, _, message, retry):
            after = "" if retry is None else f" (again in {retry:g} s)"
            return f"{goal}: {title} failed{after}: {message}"
        case Waiting(_, goal, because, _):
            return f"{goal}: waiting: {because}"
        case Progress(_, goal, text, share):
            return f"{goal}: {text}" + ("" if share is None else f" ({share:.0%})")
        case StageMet(_, stage, seconds):
            return f"{stage}: met after {seconds:.1f} s"
        case Asked(_, goal, _, _, because):
            return f"{goal}: a person must decide: {because}"
        case Refused(_, goal, because, _):
            return f"{goal}: refused: {because}"
