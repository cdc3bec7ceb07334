"""What do the kept logs say? One object that answers every question about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from . import answers, counting, following, importing, retention, sealer
from .answers import Row
from .columns import Router
from .files import Place
from .importing import Progress
from .manifest import Manifest
from .model import (
    Coverage,
    Event,
    Imported,
    Kind,
    Line,
    MetricKind,
    Retained,
    Samples,
    SchedulerRun,
    SharedRequests,
    Statement,
)
from .snapshot import BEGINNING_US, END_US, Arrays, Snapshot

MICRO = 1_000_000
LINES = 1_000
# Router times are cut to milliseconds, and two routers' clocks differ a little.
SLACK_US = 5_000


class Store:
    """The logs kept in ``folder``, which is made when it is not there. Use it as a context manager; times are seconds since 1970 UTC.

    Several processes may read while one receives and another seals. ``redacting`` false keeps and shows lines as they came.
    Raises OutsideError when files vanish while they are read.
    """

    def __init__(self, folder: Path, *, redacting: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("wal", "sealed"):
            (folder / name).mkdir(exist_ok=True, mode=0o700)
        self.folder = folder
        self._redacting = redacting
        self._manifest = Manifest(folder)
        self._place = Place(folder, self._manifest)
        self._snapshot = Snapshot(folder, self._manifest, redacting=redacting)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._snapshot.close()
        self._manifest.close()

    def take(
        self,
        paths: Sequence[Path],
        *,
        now: float,
        app: str | None = None,
        workers: int = 2,
        progress: Callable[[Progress], None] = lambda progress: None,
    ) -> tuple[Imported, ...]:
        """Import saved logs, each once; see ``importing.take``. Raises UsageError when a file cannot be read or is no log."""
        return importing.take(
            self._place, paths, now=now, app=app, redacting=self._redacting, workers=workers, progress=progress
        )

    def seal(self, *, now: float) -> int:
        """Turn lines that a receiver took in into files, and return how many; the newest wait while somebody receives."""
        return sealer.seal(self.folder, now=now, redacting=self._redacting)

    def name_drain(self, token: str, app: str) -> None:
        """Say whose lines come with a drain's token, those that came before too."""
        self._manifest.name_drain(token, app)

    def retain(self, *, now: float, max_age_seconds: float | None = None, max_bytes: int | None = None) -> Retained:
        """Delete whole files that are too old, then the oldest while there are too many bytes; see ``retention.retain``."""
        return retention.retain(self._place, now=now, max_age_seconds=max_age_seconds, max_bytes=max_bytes)

    def apps(self) -> tuple[str, ...]:
        """Return the apps of which there are lines, by name; a drain's token stands for an app that nobody has named."""
        return tuple(app.app for app in self.coverage().apps)

    def coverage(self) -> Coverage:
        """Return what there is of each app, what was lost on the way, and what could not be read."""
        return counting.coverage(self._manifest, self._snapshot)

    def router(self, app: str, since: float | None = None, until: float | None = None) -> Router:
        """Return an app's router lines of ``since <= time < until`` by their time; empty arrays when there are none."""
        _, routes, dynos, codes, lines = self._ask(
            ("router_names", "router_routes", "router_dynos", "router_codes", "router"),
            app,
            since,
            until,
            kind="router",
        )
        lines = _by_time(lines)
        return Router(
            app=app, completed_us=lines["completed_us"], connect_ms=lines["connect_ms"], service_ms=lines["service_ms"],
            status=lines["status"], sent_bytes=lines["sent_bytes"],
            dyno=lines["dyno"], dynos=_texts(dynos, "process"), route=lines["route"], routes=_texts(routes, "name"),
            code=lines["code"], codes=_texts(codes, "code"),
        )  # fmt: skip

    def samples(self, app: str, kind: MetricKind, since: float | None = None, until: float | None = None) -> Samples:
        """Return the figures that an app's parts of one kind reported, by time; empty arrays when there are none."""
        _, sources, figures, found = self._ask(
            ("sample_names", "sample_sources", "sample_figures", "samples"),
            app,
            since,
            until,
            kind=kind,
            shape="samples",
        )
        return Samples(
            app=app, kind=kind, time_us=found["time_us"], source=found["source"], sources=_texts(sources, "source"),
            name=found["name"], names=_texts(figures, "name"), value=found["value"],
        )  # fmt: skip

    def slow_statements(
        self, app: str, since: float | None = None, until: float | None = None
    ) -> tuple[Statement, ...]:
        """Return the statements that the app's databases logged as slow (Heroku: from 2 s), the one with most time first."""
        return answers.slow_statements(self._rows(app, (Kind.POSTGRES_LOG,), since, until))

    def events(self, app: str, since: float | None = None, until: float | None = None) -> tuple[Event, ...]:
        """Return state changes, releases, R and L codes and the like, by time."""
        return tuple(answers.event(row) for row in self._rows(app, answers.EVENT_KINDS, since, until))

    def scheduler_runs(
        self, app: str, since: float | None = None, until: float | None = None
    ) -> tuple[SchedulerRun, ...]:
        """Return the runs of Heroku Scheduler jobs, by their beginning."""
        (columns,) = self._ask(("scheduler",), app, since, until, kind=Kind.STATE)
        return answers.scheduler_runs(_rows(columns))

    def shared_requests(self, since: float | None = None, until: float | None = None) -> tuple[SharedRequests, ...]:
        """Return which apps call which, told from request ids that were passed on; most requests first."""
        between = _between(since, until)
        (found,) = self._snapshot.ask(
            ("shared_requests",), {**_named(between), "slack_us": SLACK_US}, kind="router", between=between
        )
        return answers.shared({name: column.tolist() for name, column in found.items()}, dict(self._manifest.drains()))

    def request(self, request_id: str) -> tuple[Line, ...]:
        """Return every line of one request across all apps, in the order in which things began."""
        (columns,) = self._snapshot.ask(("request",), {"request_id": request_id})
        return self._lines(columns)

    def lines(
        self,
        apps: Sequence[str] = (),
        since: float | None = None,
        until: float | None = None,
        *,
        most: int = LINES,
        last: bool = False,
    ) -> tuple[Line, ...]:
        """Return the first, or the ``last``, lines of these apps (of every app when none is named), at ``most`` so many, by time."""
        names = [name for app in apps for name in self._names(app)]
        between = _between(since, until)
        (columns,) = self._snapshot.ask(
            ("last_lines" if last else "lines",), {**_named(between), "apps": names, "every": not names, "most": most},
            apps=names or None, between=between,
        )  # fmt: skip
        return self._lines(columns)

    def follow(self, apps: Sequence[str], wait: Callable[[], bool]) -> Iterator[Line]:
        """Yield lines as a receiver takes them in, until ``wait``, which is called when there are none, returns false."""
        names = [name for app in apps for name in self._names(app)]
        named = dict(self._manifest.drains())
        for columns in following.follow(self.folder, self._redacting, names, wait):
            yield from answers.lines(columns, named)

    def _lines(self, columns: Arrays) -> tuple[Line, ...]:
        return answers.lines({name: column.tolist() for name, column in columns.items()}, dict(self._manifest.drains()))

    def _rows(self, app: str, kinds: Sequence[Kind], since: float | None, until: float | None) -> list[Row]:
        (columns,) = self._ask(("of_kinds",), app, since, until, kinds=tuple(kinds))
        return _rows(columns)

    def _ask(
        self,
        statements: Sequence[str],
        app: str,
        since: float | None,
        until: float | None,
        *,
        kind: str = "",
        kinds: Sequence[str] = (),
        shape: str = "lines",
    ) -> list[Arrays]:
        names, between = self._names(app), _between(since, until)
        values = {**_named(between), "apps": names, "kind": str(kind), "kinds": [str(each) for each in kinds]}
        return self._snapshot.ask(statements, values, shape=shape, apps=names, kind=str(kind), between=between)

    def _names(self, app: str) -> list[str]:
        """Return the names under which lines of an app are kept: its own, and the tokens of its drains."""
        return [app, *(token for token, name in self._manifest.drains() if name == app)]


def _between(since: float | None, until: float | None) -> tuple[int, int]:
    return (
        BEGINNING_US if since is None else round(since * MICRO),
        END_US if until is None else round(until * MICRO),
    )


def _named(between: tuple[int, int]) -> dict[str, object]:
    return {"since_us": between[0], "until_us": between[1]}


def _by_time(columns: Arrays) -> Arrays:
    times = columns["completed_us"]
    if len(times) < 2 or bool(np.all(times[1:] >= times[:-1])):
        return columns
    order = np.argsort(times, kind="stable")
    return {name: column[order] for name, column in columns.items()}


def _texts(columns: Arrays, name: str) -> tuple[str, ...]:
    return tuple(str(value) for value in columns[name])


def _rows(columns: Arrays) -> list[Row]:
    values = (columns[name].tolist() for name in ("time_us", "app", "kind", "source", "process", "text"))
    return [Row(*row) for row in zip(*values, strict=True)]
