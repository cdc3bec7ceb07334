"""In which order is everything read, and what becomes of what could not be had?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING

from ...discover import file as estate_file
from ...discover.model import Database, Estate
from ...errors import UsageError
from ...postgres import Connection
from ...telemetry.model import AppCoverage
from ...telemetry.store import Store
from .. import asking, file
from ..cost.model import Comparison
from ..database.advise import advise
from ..database.model import DatabaseAdvice, Requests
from ..evidence import Evidence
from ..feasibility import Feasibility, Readings, Target, judge
from ..feasibility.readings import CodeSeen, JobSeen, MemorySeen, TrafficSeen
from ..latency.facts import TaskSize
from ..latency.issuing import Issued
from ..latency.model import Latency
from ..model import Coverage, Gap
from ..prices import book
from ..request import Request
from . import costs, databases, latencies, logs, seen_in_logs, tying, watching
from .costs import NO_TRAFFIC, Mark, Traffic
from .databases import DatabasesSeen
from .latencies import AppSeen
from .watching import Watched

if TYPE_CHECKING:
    from ...tools import Tools

BRIEF_LINES = 1_000_000
"""Router lines of one app beyond which `offramp run` does not diagnose it by itself: they would take it minutes."""


@dataclass(frozen=True, slots=True)
class LogsSeen:
    """What all kept lines say, app by app, once each was read and let go again."""

    latencies: tuple[Latency, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    codes: tuple[CodeSeen, ...] = ()
    memory: tuple[MemorySeen, ...] = ()
    traffic: tuple[TrafficSeen, ...] = ()
    jobs: tuple[JobSeen, ...] = ()
    marks: tuple[Mark, ...] = ()
    total: Traffic = NO_TRAFFIC
    gaps: tuple[Gap, ...] = ()

    def __add__(self, other: LogsSeen) -> LogsSeen:
        return LogsSeen(
            self.latencies + other.latencies,
            self.coverage + other.coverage,
            self.codes + other.codes,
            self.memory + other.memory,
            self.traffic + other.traffic,
            self.jobs + other.jobs,
            self.marks + other.marks,
            self.total.and_(other.total),
            self.gaps + other.gaps,
        )


def gather(tools: Tools, request: Request) -> Evidence:
    """Read the estate, the databases and the logs, and let every part speak. Raises UsageError when there is no estate."""
    settings, conditions = request.settings, request.conditions
    content = settings.estate_path.read_bytes()
    estate = estate_file.parse(content.decode("utf-8", "replace"))
    watched, unwatched = watching.watch(tools, estate, request.watch_seconds) if request.watch_seconds else ((), ())
    kept = _kept(request)
    asked = _databases(tools, request, estate, kept)
    issued = _issued(request, watched)
    lines = _logs(tools, request, estate, kept, asked.advice, issued)
    now = tools.clock.now()
    gaps = [*asked.gaps, *lines.gaps, *unwatched]
    if asked.advice and lines.latencies:
        gaps += tying.gaps(issued, request.watch_seconds, asked=request.watch_seconds > 0)
    cost = _cost(tools, request, estate, lines, now, gaps)
    return Evidence(
        name=settings.name,
        now=now,
        version=metadata.version("offramp"),
        fingerprint=file.fingerprint(content),
        estate=estate,
        conditions=conditions,
        latencies=lines.latencies,
        databases=asked.advice,
        feasibility=_feasibility(request, estate, asked, lines),
        cost=cost,
        coverage=lines.coverage,
        gaps=tuple(gaps),
    )


def _issued(request: Request, watched: tuple[Watched, ...]) -> tuple[Issued, ...]:
    """Tell the statements of each database that was watched by route, as far as there are lines of that time."""
    if not watched or not (request.logs / "sealed").is_dir():
        return ()
    with Store(request.logs) as store:
        return tuple(tying.tie(store, one) for one in watched)


def _kept(request: Request) -> tuple[AppCoverage, ...]:
    """Return what the store holds; nothing where there is no store, which is not made by looking."""
    if not (request.logs / "sealed").is_dir():
        return ()
    with Store(request.logs) as store:
        return store.coverage().apps


def _databases(tools: Tools, request: Request, estate: Estate, kept: tuple[AppCoverage, ...]) -> DatabasesSeen:
    def ask(connection: Connection, database: Database) -> DatabaseAdvice:
        tools.tell(f"reading {database.addon}", None)
        return replace(advise(connection, _requests(database, kept)), database=database.addon)

    return databases.read(tools, estate, ask, brief=request.conditions.brief)


def _requests(database: Database, kept: tuple[AppCoverage, ...]) -> Requests | None:
    """Return how many requests were served by the apps that use a database; None where no line says."""
    apps = {place.partition(":")[0] for place in (*database.attached_to, f"{database.app}:")}
    found = [one for one in kept if one.app in apps and logs.router_lines(one)]
    seconds = max(((one.last_us - one.first_us) / 1e6 for one in found), default=0.0)
    return Requests(sum(map(logs.router_lines, found)), seconds) if seconds > 0 else None


def _logs(
    tools: Tools,
    request: Request,
    estate: Estate,
    kept: tuple[AppCoverage, ...],
    advice: tuple[DatabaseAdvice, ...],
    issued: tuple[Issued, ...],
) -> LogsSeen:
    found = LogsSeen(gaps=tuple(_without_lines(estate, kept)))
    if not kept:
        return found
    known = {one.app: one for one in kept}
    apps = [app.name for app in estate.apps if app.name in known]
    sizes = _sizes(request)
    with Store(request.logs) as store:
        for number, name in enumerate(apps):
            tools.tell(f"reading the lines of {name}", number / len(apps))
            found += _app(store, request, estate, known[name], advice, issued, sizes)
    return found


def _without_lines(estate: Estate, kept: tuple[AppCoverage, ...]) -> Iterator[Gap]:
    """Yield a gap for every app that serves the web and of which there is no router line."""
    known = {one.app for one in kept if logs.router_lines(one)}
    for app in estate.apps:
        if app.name not in known and any(process.type == "web" and process.quantity for process in app.processes):
            remedy = f"heroku logs -n 1500 -a {app.name} > {app.name}.log && offramp logs --import {app.name}.log --app {app.name}"
            yield Gap("latency", app.name, "no log line of it was taken in", remedy)


def _sizes(request: Request) -> tuple[TaskSize, ...]:
    """Return what a task may be; nothing for a region without prices, of which the costs have a gap that says so."""
    try:
        return latencies.task_sizes(book.load(request.conditions.region, request.settings.directory))
    except UsageError:
        return ()


def _app(
    store: Store,
    request: Request,
    estate: Estate,
    kept: AppCoverage,
    advice: tuple[DatabaseAdvice, ...],
    issued: tuple[Issued, ...],
    sizes: tuple[TaskSize, ...],
) -> LogsSeen:
    """Read one app's lines and let them go again: the next app needs the memory."""
    router, told, coverage = store.router(kept.app), logs.told(store, kept.app, None), logs.coverage(kept)
    app = estate.app(kept.app)
    seen = AppSeen(app, router, told, coverage, _of(app.name, estate, advice), {one.database: one for one in issued})
    diagnosed, gap = _diagnose(seen, request, sizes)
    marks = ((process.type, logs.high_water_mb(told, process.type)) for process in app.processes)
    return LogsSeen(
        latencies=(diagnosed,) if diagnosed else (),
        coverage=(coverage,),
        codes=tuple(seen_in_logs.codes(told, router)),
        memory=tuple(seen_in_logs.memory(told)),
        traffic=(seen_in_logs.traffic(router),) if len(router) else (),
        jobs=tuple(seen_in_logs.jobs(app.name, told.runs)),
        marks=tuple(Mark(app.name, process, mark) for process, mark in marks if mark is not None),
        total=costs.traffic(kept, len(router), int(router.sent_bytes[router.sent_bytes > 0].sum())),
        gaps=(gap,) if gap else (),
    )


def _of(app: str, estate: Estate, advice: tuple[DatabaseAdvice, ...]) -> tuple[tuple[Database, DatabaseAdvice], ...]:
    found = {one.database: one for one in advice}
    return tuple(
        (database, found[database.addon])
        for database in estate.databases
        if database.addon in found and app in tying.users(database)
    )


def _diagnose(seen: AppSeen, request: Request, sizes: tuple[TaskSize, ...]) -> tuple[Latency | None, Gap | None]:
    count = len(seen.router)
    if count < latencies.LEAST_REQUESTS:
        if not count:
            return None, None
        return None, Gap("latency", seen.app.name, f"{count} requests are too few to say anything", "offramp drain")
    if request.conditions.brief and count > BRIEF_LINES:
        return None, Gap(
            "latency", seen.app.name, f"its {count:,} requests take longer than a run should", "offramp assess"
        )
    return latencies.latency(seen, request.conditions.objective_ms, sizes), None


def _cost(
    tools: Tools, request: Request, estate: Estate, lines: LogsSeen, now: float, gaps: list[Gap]
) -> Comparison | None:
    tools.tell("reckoning the costs", None)
    conditions = request.conditions
    try:
        flags = asking.flags(conditions.what_if, conditions.region)
        return costs.reckon(estate, lines.total, lines.marks, lines.latencies, flags, request.settings.directory, now)
    except UsageError as error:
        gaps.append(
            Gap(
                "cost",
                conditions.region,
                error.message.rstrip("."),
                f"offramp prices refresh --region {conditions.region}",
            )
        )
        return None


def _feasibility(request: Request, estate: Estate, asked: DatabasesSeen, lines: LogsSeen) -> Feasibility:
    design = request.settings.design
    target = Target(request.conditions.region, int(design.engine_version.partition(".")[0]))
    readings = Readings(
        log_days=lines.total.days,
        codes=lines.codes,
        memory=lines.memory,
        traffic=lines.traffic,
        jobs=lines.jobs,
        sessions=asked.sessions,
        target=target if design.pool_size is None else replace(target, pool_size=design.pool_size),
    )
    # Without hints of costs: what a wave would save needs its part of what all share, which nobody reckons.
    return judge(estate, asked.preflights, readings)
