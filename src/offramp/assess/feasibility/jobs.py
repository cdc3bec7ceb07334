"""What runs without a request: queues, clocks, scheduled jobs; what is in flight while it moves, and may it run on two sides?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...discover.model import App, Cache, ProcessType
from .kinds import Case, Kind, Rule, many, process_name
from .model import Commands, Finding, Mend, Severity, Source, Steps, Subject
from .readings import JobSeen

_SCHEDULER = Source("Heroku Dev Center, Heroku Scheduler: no API; AWS, EventBridge Scheduler", "2026-11")

QUEUE = Kind(
    "queue-in-flight", Subject.QUEUES, Severity.FIRST, "A queue whose jobs are in flight while it moves",
    "Workers run on one side at a time, and what a stopped worker had in hand must come back by itself. Where the library gives a job up "
    "when it hands it out, a job that is cut off is lost; where it hands it out again, it must bear being run twice.",
    Source("the libraries' documentation: acknowledgement, visibility timeout, quiet signals", "2026-11"),
)  # fmt: skip
TWO_CLOCKS = Kind(
    "clock-process", Subject.CRON, Severity.KNOW, "A process that starts jobs by the clock",
    "Running on both sides it would start every job twice: double mails, double charges. offramp stops it on Heroku before it starts it "
    "on AWS, so a job that falls due in between is missed until its next time.", Source("offramp, shift: where jobs run", "2026-11"),
)  # fmt: skip
SEVERAL_CLOCKS = Kind(
    "clock-process-several", Subject.CRON, Severity.FIRST, "More than one dyno of a process that starts jobs by the clock",
    "Each of them starts every job.", Source("Celery and clockwork documentation: only one scheduler at a time", "2026-11"),
)  # fmt: skip
UNLISTED = Kind(
    "scheduler-jobs-unlisted", Subject.CRON, Severity.FIRST, "Scheduler jobs that offramp has not been told of",
    "Heroku has no API for them, so they come from offramp.toml; what is not listed there does not run on AWS.", _SCHEDULER,
)  # fmt: skip
IN_PROCESS = Kind(
    "scheduler-inside-web", Subject.CRON, Severity.FIRST, "A scheduler inside the web process",
    "It runs once for each worker of each dyno, and while traffic moves on both sides: each of them starts every job.",
    Source("APScheduler FAQ: sharing a job store among processes; node-cron", "2026-11"),
)  # fmt: skip
RELEASE = Kind(
    "release-phase", Subject.CRON, Severity.KNOW, "A release phase",
    "On AWS it runs once per image, as a one-off task before the services change. Heroku also runs it when a config var changes, an "
    "add-on is made or a release is rolled back; there it does not.", Source("Heroku Dev Center, Release Phase", "2026-11"),
)  # fmt: skip
KINDS = (QUEUE, TWO_CLOCKS, SEVERAL_CLOCKS, UNLISTED, IN_PROCESS, RELEASE)


@dataclass(frozen=True, slots=True)
class Library:
    """A queue library: how its workers are started, and what makes a job survive a worker that is stopped.

    ``loses`` says that without that a job which is cut off may be lost.
    """

    name: str
    started: re.Pattern[str]
    safe: str
    loses: bool


def _library(name: str, started: str, safe: str, *, loses: bool = False) -> Library:
    return Library(name, re.compile(started), safe, loses)


LIBRARIES: tuple[Library, ...] = (
    _library("Celery", r"\bcelery\b.*\bworker\b",
             "Set task_acks_late = True and task_reject_on_worker_lost = True for tasks that bear being run twice, and "
             "broker_transport_options = {'visibility_timeout': N} with N above the longest task and the longest eta.", loses=True),
    _library("RQ", r"\brq\s+worker\b|\brqworker\b|manage\.py\s+rqworker",
             "SIGTERM lets the running job end. Jobs that were killed lie in the FailedJobRegistry: `rq requeue --all --queue NAME`."),
    _library("Sidekiq", r"\bsidekiq\b",
             "TSTP makes it quiet, TERM gives running jobs 25 s (-t) and then puts them back into Redis; scheduled and retry sets move "
             "with the cache."),
    _library("Resque", r"\bresque\b|rake\s+resque:work",
             "Set TERM_CHILD=1 and RESQUE_TERM_TIMEOUT=20, and use resque-retry for what is cut off.", loses=True),
    _library("Delayed Job", r"\bdelayed_job\b|jobs:work\b",
             "Its jobs are rows and move with the database; locked ones come back after max_run_time, which is 4 h unless set."),
    _library("GoodJob", r"\bgood_job\b", "Its jobs are rows and move with the database; see session-state-library for its locks."),
    _library("Solid Queue", r"\bsolid_queue\b", "Its jobs are rows and move with the database; claimed jobs are released when a worker ends."),
    _library("Que", r"\bque\b\s", "Its jobs are rows and move with the database; see session-state-library for its locks."),
    _library("Huey", r"\bhuey_consumer\b|manage\.py\s+run_huey",
             "A task is taken off the queue when it starts: let running ones end before the switch.", loses=True),
    _library("Dramatiq", r"\bdramatiq\b|manage\.py\s+rundramatiq",
             "Messages are acknowledged after the work, and come back from a dead worker after its heartbeat timeout."),
    _library("arq", r"\barq\s", "A job runs again when its worker was cancelled: jobs must bear being run twice."),
    _library("BullMQ", r"\bbull(mq)?\b",
             "Call worker.close() at SIGTERM; stalled jobs are taken up again after stalledInterval."),
    _library("Procrastinate", r"\bprocrastinate\b", "Its jobs are rows and move with the database; retry stalled ones by a periodic task."),
    _library("Oban", r"\boban\b", "Its jobs are rows and move with the database; use the Lifeline plugin for those that are cut off."),
)  # fmt: skip

CLOCKS = re.compile(
    r"\bcelery\b.*\bbeat\b|\bclockwork\b|\brqscheduler\b|\bapscheduler\b|\bclock\.(py|rb|js)\b|\bwhenever\b|\bsupercronic\b|run_huey.*-k"
)
_IN_WEB = re.compile(
    r"\b(BackgroundScheduler|AsyncIOScheduler)\(|require\(['\"](node-cron|cron)['\"]\)|from ['\"]node-cron['\"]|Rufus::Scheduler\.(new|s\b)"
)
SCHEDULER_SERVICE = "scheduler"


def libraries(command: str) -> tuple[Library, ...]:
    """
    >>> [one.name for one in libraries("celery -A shop worker -c 4")], libraries("celery -A shop beat"), libraries("python queue.py")
    (['Celery'], (), ())
    """
    return tuple(one for one in LIBRARIES if one.started.search(command))


def queues(case: Case) -> Iterator[Finding]:
    """One finding for each library, for all processes that work with it."""
    users: dict[str, tuple[Library, list[tuple[App, ProcessType]]]] = {}
    for app, process in case.running():
        for library in libraries(process.command):
            users.setdefault(library.name, (library, []))[1].append((app, process))
    for _, name in _kept_in_caches(case):
        users.setdefault(name, (next(one for one in LIBRARIES if one.name == name), []))
    for library, processes in users.values():
        stores = [cache for cache, name in _kept_in_caches(case) if name == library.name]
        yield QUEUE.found(
            [*(app.name for app, _ in processes), *(cache.app for cache in stores)],
            [*(process_name(*one) for one in processes), *(cache.addon for cache in stores)],
            [
                *(f"{process_name(*one)} runs `{one[1].command}`." for one in processes),
                *(line for cache in stores for line in _jobs_in(cache, library.name)),
            ],
            Steps(
                (library.safe, "Rehearse: stop a worker in the middle of a job on staging, and see the job done once.")
            ),
            severity=Severity.FIRST if library.loses else Severity.KNOW,
            title=f"Jobs of {library.name} are in flight while it moves",
        )


def _kept_in_caches(case: Case) -> list[tuple[Cache, str]]:
    known = {one.name.casefold(): one.name for one in LIBRARIES}
    return [
        (cache, known[name.casefold()])
        for cache in case.estate.caches
        if cache.readings
        for name in cache.readings.libraries
        if name.casefold() in known
    ]


def _jobs_in(cache: Cache, library: str) -> Iterator[str]:
    queues = [
        one for one in (cache.readings.queues if cache.readings else ()) if one.library.casefold() == library.casefold()
    ]
    yield f"{cache.addon} holds keys of {library}."
    for one in queues:
        yield f"{cache.addon} {one.name}: {one.pending} waiting, {one.in_flight} in flight, {one.scheduled} due later."


def clocks(case: Case) -> Iterator[Finding]:
    found = [
        (app, process)
        for app, process in case.running()
        if CLOCKS.search(process.command) or process.type in ("clock", "beat")
    ]
    for app, process in found:
        if process.quantity > 1:
            yield SEVERAL_CLOCKS.found(
                [app.name],
                [process_name(app, process)],
                [f"{process.quantity} dynos run `{process.command}`."],
                Commands((f"heroku ps:scale {process.type}=1 -a {app.name}",)),
            )
    if found:
        yield TWO_CLOCKS.found(
            [app.name for app, _ in found],
            [process_name(*one) for one in found],
            [f"{process_name(*one)} runs `{one[1].command}`." for one in found],
            Steps(("Move it in an hour in which nothing important falls due; jobs that must not be missed should look for what is overdue.",)),
        )  # fmt: skip


def unlisted_jobs(case: Case) -> Iterator[Finding]:
    """An app with the Scheduler add-on and no job in offramp.toml, or jobs in the log that are not listed there."""
    listed = {(job.app, job.command) for job in case.estate.schedules}
    with_addon = {other.app for other in case.estate.others if other.service == SCHEDULER_SERVICE}
    for app in case.estate.apps:
        seen = [job for job in _seen(case) if job.app == app.name and (job.app, job.command) not in listed]
        bare = app.name in with_addon and not any(job.app == app.name for job in case.estate.schedules)
        if not (seen or bare):
            continue
        lines = [
            f"`{job.command}` ran {many(job.runs, 'time')} in the log{f', every {job.every}' if job.every else ''}."
            for job in seen
        ]
        yield UNLISTED.found(
            [app.name],
            [job.command for job in seen] or [f"{app.name} scheduler"],
            lines or [f"{app.name} has the Scheduler add-on, and offramp.toml has no [[schedule]] for it."],
            *_schedules(app, [(job.command, job.every) for job in seen]),
            certain=bool(seen),
        )


def _seen(case: Case) -> Iterator[JobSeen]:
    yield from case.readings.jobs
    told = {(job.app, job.command) for job in case.readings.jobs}
    for job in case.estate.seen_jobs:
        if not job.listed and (job.app, job.command) not in told:
            yield JobSeen(job.app, job.command, job.runs, None if job.every == "unknown" else job.every)


def _schedules(app: App, jobs: list[tuple[str, str | None]]) -> Iterator[Mend]:
    yield Commands((f"heroku addons:open {SCHEDULER_SERVICE} -a {app.name}",))
    if jobs:
        yield Steps(tuple(
            f"Add to offramp.toml: [[schedule]] app = \"{app.name}\", command = {_toml(command)}, every = \"{every or 'day'}\""
            + ("" if every else " (how often is not known: see the dashboard)")
            for command, every in jobs
        ))  # fmt: skip
    else:
        yield Steps(
            ("Add a [[schedule]] with app, command and every (10 minutes, hour or day) for each job to offramp.toml.",)
        )


def _toml(text: str) -> str:
    """
    >>> _toml('echo "x"')
    '"echo \\\\"x\\\\""'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def inside_web(case: Case) -> Iterator[Finding]:
    for app in case.estate.apps:
        if not any(process.type == "web" and process.quantity for process in app.processes):
            continue
        files = [
            file for file in case.readings.of_app(app.name) if not re.search(r"clock|scheduler|worker|test", file.path)
        ]
        lines = [
            f"{file.path}:{number}: {line.strip()[:120]}"
            for file in files
            for number, line in enumerate(file.text.splitlines(), 1)
            if _IN_WEB.search(line)
        ]
        if lines:
            yield IN_PROCESS.found(
                [app.name],
                [line.partition(": ")[0] for line in lines],
                lines,
                Steps(("Start it from a process type of its own with one dyno, or make its jobs [[schedule]]s.",)),
                certain=False,
            )


def release_phase(case: Case) -> Iterator[Finding]:
    if apps := [app for app in case.estate.apps if app.release_command]:
        yield RELEASE.found(
            [app.name for app in apps],
            [f"{app.name} release" for app in apps],
            [f"{app.name}: `{app.release_command}`." for app in apps],
            Steps(("Let it bear being run twice, and let the release before it still work with the schema it makes.",)),
        )


RULES: tuple[Rule, ...] = (queues, clocks, unlisted_jobs, inside_web, release_phase)
