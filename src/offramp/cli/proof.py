"""How does a rehearsal read, while it runs and when it is over?"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import click

from ..rehearsal.driver import RehearsalEvent
from ..rehearsal.report import Latency, RehearsalReport

EVENT_SCHEMA = "offramp/rehearsal-event/1"
EVERY_SECONDS = 10.0

Listener = Callable[[RehearsalEvent], None]


@contextmanager
def listener(*, as_json: bool) -> Iterator[Listener]:
    """Yield the listener that suits where the output goes."""
    if as_json:
        yield _ndjson
    elif sys.stderr.isatty():
        with _terminal() as tell:
            yield tell
    else:
        yield Lines(lambda line: click.echo(line, err=True), time.monotonic)


def _ndjson(event: RehearsalEvent) -> None:
    """The controller's own events keep their schema inside ``event``."""
    line = {"schema": EVENT_SCHEMA, "seconds": event.seconds, "kind": event.kind, "text": event.text}
    click.echo(json.dumps({**line, "event": dict(event.event) if event.event else None}))


class Lines:
    """Every phase and fault; of the controller's events one every ten seconds."""

    def __init__(self, write: Callable[[str], None], monotonic: Callable[[], float]) -> None:
        self._write, self._monotonic, self._last = write, monotonic, 0.0

    def __call__(self, event: RehearsalEvent) -> None:
        now = self._monotonic()
        if event.kind == "event" and now - self._last < EVERY_SECONDS:
            return
        if event.text:
            self._last = now
            self._write(line(event))


def line(event: RehearsalEvent) -> str:
    """
    >>> line(RehearsalEvent(12.34, "phase", "applications are up on Heroku"))
    '  12.3 s  applications are up on Heroku'
    """
    about = str((event.event or {}).get("goal", ""))
    return f"{event.seconds:6.1f} s  {about}{': ' if about else ''}{event.text}"


@contextmanager
def _terminal() -> Iterator[Listener]:
    """Phases scroll by; the last line says what the controller does now, and since when the rehearsal runs."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)
    began, now = time.monotonic(), [""]

    def draw() -> Text:
        return Text(f"{time.monotonic() - began:6.1f} s  {now[0]}", style="cyan", no_wrap=True, overflow="ellipsis")

    with Live(get_renderable=draw, console=console, refresh_per_second=4, transient=True):

        def tell(event: RehearsalEvent) -> None:
            if event.kind != "event":
                console.print(Text(line(event)))
            elif event.text:
                now[0] = line(event)[10:]

        yield tell


def text(report: RehearsalReport) -> str:
    """The proof on one screen: what was moved, what it cost the users, and whether anything is wrong."""
    lines = [*_stages(report), "", *_traffic(report), *_writes(report), *_databases(report), *_switches(report)]
    left = report.heroku_left
    lines.append(f"Left on Heroku: {left.dynos} dynos, {left.addons} add-ons, {left.capture_objects} objects of ours.")
    lines += [f"Fault at {fault.at_seconds:.0f} s: {fault.name}: {fault.what}" for fault in report.faults]
    if report.kept:
        lines += ["", f"Everything still runs: {report.kept}"]
    verdict = "The rehearsal proves it." if report.ok else "The rehearsal proves nothing:"
    return "\n".join(
        [*lines, "", f"{verdict} ({report.seconds:.0f} s)", *(f"- {failure}" for failure in report.failures)]
    )


def _stages(report: RehearsalReport) -> Iterable[str]:
    return (f"{stage.name:11} {stage.verdict:11} {stage.seconds:7.1f} s" for stage in report.stages)


def _traffic(report: RehearsalReport) -> Iterable[str]:
    traffic = report.traffic
    yield f"Traffic: {traffic.sent:,} requests at {traffic.rate_per_second:g} a second, {traffic.failed} failed."
    for place, latency in (("Heroku", traffic.heroku), ("AWS", traffic.aws)):
        if latency:
            yield f"  on {place}: {_latency(latency)}"


def _latency(latency: Latency) -> str:
    return f"p50 {latency.p50_ms:.0f} ms, p95 {latency.p95_ms:.0f} ms, p99 {latency.p99_ms:.0f} ms"


def _writes(report: RehearsalReport) -> Iterable[str]:
    writes, jobs = report.writes, report.jobs
    yield (
        f"Writes: {writes.acknowledged:,} acknowledged, {writes.lost} lost, {writes.duplicated} doubled, {writes.changed} changed."
    )
    yield f"Jobs: {jobs.enqueued:,} enqueued, {jobs.done:,} done, {jobs.lost} lost, {jobs.doubled} done twice."


def _databases(report: RehearsalReport) -> Iterable[str]:
    for database in report.databases:
        yield (
            f"Database {database.name}: {database.tables} tables, {database.rows:,} rows, {database.verified_share:.0%} verified, "
            f"{database.differences} differences, lag p99 {database.lag_p99_ms:.0f} ms."
        )


def _switches(report: RehearsalReport) -> Iterable[str]:
    if report.dry_run:
        yield f"Dry run: writers were held {report.dry_run.held_ms:.0f} ms, and nothing was switched."
    if report.switch:
        yield f"Cutover: writers were held {report.switch.held_ms:.0f} ms (epoch {report.switch.epoch})."
    if report.rollback:
        yield f"Rollback: writers were held {report.rollback.held_ms:.0f} ms, {report.rollback.lost} writes lost."
