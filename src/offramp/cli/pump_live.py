"""What does a running pump show? Bars, rates and lag on a terminal, a line now and then elsewhere, NDJSON for programs."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..pump.model import Event, LinkStatus, TableStatus
from ..pump.observing import Seen
from ..pump.progress import Speedometer
from ..pump.proving import Proof
from . import pump_words as words

Look = Callable[[], Seen | None]
EVERY_SECONDS = 10.0
TICK_SECONDS = 0.25
SHOWN_TABLES, SHOWN_EVENTS = 12, 4
STYLES = {"live": "green", "copy": "cyan", "copied": "cyan", "reload": "cyan", "paused": "yellow", "dead": "red"}


class Teller:
    """Hears the pump's events and looks at its figures; what it does with them depends on where the output goes."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        """Take in one event. Called from several threads."""
        raise NotImplementedError

    def tick(self) -> None:
        """Look at the figures. Called a few times a second."""
        raise NotImplementedError


class Lines(Teller):
    """One line for everything that happens, and one every ten seconds for how it goes; a repeated line waits its turn."""

    def __init__(self, look: Look, write: Callable[[str], None], monotonic: Callable[[], float]) -> None:
        super().__init__(look)
        self._write, self._monotonic = write, monotonic
        self._said: dict[str, float] = {}
        self._next = monotonic() + EVERY_SECONDS
        self._phase = ""
        self._speeds = Speedometer()

    def hear(self, event: Event) -> None:
        text = words.event(event)
        with self._lock:
            now = self._monotonic()
            if text is None or now - self._said.get(text, -EVERY_SECONDS) < EVERY_SECONDS:
                return
            self._said = {line: at for line, at in self._said.items() if now - at < EVERY_SECONDS} | {text: now}
            self._write(text)

    def tick(self) -> None:
        seen = self._look()
        if seen is None or seen.link is None:
            return
        with self._lock:
            self._speeds.see(seen.link, seen.at)
            now = self._monotonic()
            if seen.link.phase == self._phase and now < self._next:
                return
            self._phase, self._next = seen.link.phase, now + EVERY_SECONDS
            self._write(words.line(seen.link, self._speeds.total(seen.link)))


class Json(Teller):
    """One object a line on stdout: events as they come, the link's whole status every ten seconds and when its phase changes."""

    def __init__(self, look: Look, now: Callable[[], float], monotonic: Callable[[], float]) -> None:
        super().__init__(look)
        self._now, self._monotonic = now, monotonic
        self._next = monotonic() + EVERY_SECONDS
        self._phase = ""

    def hear(self, event: Event) -> None:
        self._write({"schema": "offramp/pump-event/1", "at": round(self._now(), 3), "event": event.what, **event.keys})

    def tick(self) -> None:
        seen = self._look()
        now = self._monotonic()
        if seen is None or seen.link is None or (seen.link.phase == self._phase and now < self._next):
            return
        self._phase, self._next = seen.link.phase, now + EVERY_SECONDS
        status = words.fields(seen.link)
        self._write(
            {"schema": "offramp/link/1", "at": round(self._now(), 3), "primary": seen.standing.primary, **status}
        )

    def _write(self, body: dict[str, object]) -> None:
        with self._lock:
            click.echo(json.dumps(body))


class Board(Teller):
    """The whole link on a terminal, drawn anew from another thread."""

    def __init__(self, look: Look, monotonic: Callable[[], float]) -> None:
        super().__init__(look)
        self._monotonic = monotonic
        self._began = monotonic()
        self._speeds = Speedometer()
        self._events: list[str] = []

    def hear(self, event: Event) -> None:
        if text := words.event(event):
            with self._lock:
                self._events = [*(line for line in self._events if line != text), text][-SHOWN_EVENTS:]

    def tick(self) -> None:
        seen = self._look()
        if seen is not None and seen.link is not None:
            with self._lock:
                self._speeds.see(seen.link, seen.at)

    def draw(self) -> RenderableType:
        seen = self._look()
        with self._lock:
            parts: list[RenderableType] = [self._head(seen)]
            if seen is not None and seen.link is not None:
                parts += [self._figures(seen.link), *self._tables(seen.link)]
            parts += [Text(line, style="dim") for line in self._events]
            return Group(*parts)

    def _head(self, seen: Seen | None) -> Text:
        up = words.span(self._monotonic() - self._began)
        if seen is None:
            return Text(f"connecting, {up}")
        phase = seen.link.phase if seen.link else "beginning"
        to = f"{seen.standing.primary} to {seen.standing.standby}"
        return Text.assemble(
            f"{seen.standing.name}: {to}, ", (phase, STYLES.get(phase, "cyan")), f", up {up}; Ctrl-C stops it"
        )

    def _figures(self, link: LinkStatus) -> Text:
        if link.phase in ("schema", "copy", "index"):
            return Text(words.line(link, self._speeds.total(link)))
        return Text(
            f"{words.span(link.lag_seconds)} behind, {link.lag_keys:,} keys waiting, p99 {link.lag_p99_ms:.0f} ms; "
            f"{words.count(link.rows_applied, 'row')} in {words.count(link.batches, 'batch', 'batches')}\n"
            f"{words.percent(link.verified_share)} verified, the oldest {words.span(link.verified_age_seconds)} ago; "
            f"{link.differences:,} differences, {link.repaired:,} repaired"
        )

    def _tables(self, link: LinkStatus) -> Iterator[RenderableType]:
        busy = [table for table in link.tables if table.state in ("copy", "reload", "paused")]
        # What a person must mend first, then what moves, then what waits for its turn, the biggest first.
        busy.sort(key=lambda table: (table.state != "paused", _waits(table), -table.rows_estimate, table.name))
        grid = Table.grid(padding=(0, 2))
        for table in busy[:SHOWN_TABLES]:
            grid.add_row(*self._row(table))
        if busy:
            yield grid
        for table in busy:
            if table.held_because:
                yield Text(f"{table.name}: {table.held_because}", style="yellow")
        yield Text(f"{words.count(len(link.tables), 'table')}: {', '.join(_counts(link))}")

    def _row(self, table: TableStatus) -> tuple[RenderableType, ...]:
        speed = self._speeds.of(table)
        done = words.share(table.rows_copied, table.rows_estimate)
        moving = table.state == "copy" and speed.rows_per_second > 0
        left = words.span(speed.eta_seconds) if moving and speed.eta_seconds else ""
        rate = f"{speed.rows_per_second:,.0f} rows/s" if moving else ""
        state = "waits" if _waits(table) else table.state
        return (
            Text(table.name), Text(state, style=STYLES.get(state, "")),
            ProgressBar(total=1.0, completed=done, width=24), Text(words.percent(done), justify="right"),
            Text(f"{table.rows_copied:,} of {max(table.rows_estimate, table.rows_copied):,}", justify="right"),
            Text(rate, justify="right"), Text(left, justify="right"),
        )  # fmt: skip


def _waits(table: TableStatus) -> bool:
    return table.state == "copy" and table.rows_copied == 0


def _counts(link: LinkStatus) -> Iterator[str]:
    """Say how many tables are in each state, the farthest first."""
    for state, word in (("live", "live"), ("copied", "copied"), ("reload", "read again"), ("paused", "held")):
        if count := sum(table.state == state for table in link.tables):
            yield f"{count} {word}"
    if waiting := sum(_waits(table) for table in link.tables):
        yield f"{waiting} waiting"
    if moving := sum(table.state == "copy" and not _waits(table) for table in link.tables):
        yield f"{moving} moving"


@contextmanager
def telling(look: Look, *, as_json: bool) -> Iterator[Callable[[Event], None]]:
    """Show how the link does while the block runs; yields the function that takes its events."""
    ended = threading.Event()
    board: Board | None = None
    teller: Teller
    if as_json:
        teller = Json(look, time.time, time.monotonic)
    elif sys.stderr.isatty():
        teller = board = Board(look, time.monotonic)
    else:
        teller = Lines(look, lambda line: click.echo(line, err=True), time.monotonic)

    def run() -> None:
        while not ended.wait(TICK_SECONDS):
            teller.tick()

    thread = threading.Thread(target=run, name="pump-teller", daemon=True)
    thread.start()
    try:
        if board is None:
            yield teller.hear
        else:
            with Live(get_renderable=board.draw, console=Console(stderr=True), refresh_per_second=4):
                yield teller.hear
    finally:
        ended.set()
        thread.join()
        teller.tick()


@contextmanager
def proving(*, as_json: bool) -> Iterator[Callable[[Proof], None]]:
    """Show how far a verification is while the block runs."""
    if as_json:
        yield lambda proof: click.echo(json.dumps({"schema": "offramp/pump-progress/1", **words.fields(proof)}))
    elif sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("verified", total=1.0)
            yield lambda proof: bar.update(task, completed=proof.share)
    else:
        yield _Sparse(time.monotonic).tell


class _Sparse:
    """A line every ten seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._next = monotonic() + EVERY_SECONDS

    def tell(self, proof: Proof) -> None:
        if self._monotonic() >= self._next:
            self._next += EVERY_SECONDS
            click.echo(f"{words.percent(proof.share)} verified", err=True)
