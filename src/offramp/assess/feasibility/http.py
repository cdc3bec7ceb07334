"""How do requests fare behind the load balancer and the gateway, compared with Heroku's router?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...discover.model import App, ProcessType
from . import commands, diffs
from .kinds import Case, Kind, Rule, many, process_name
from .model import Commands, Finding, Mend, Severity, Source, Steps, Subject
from .readings import CodeSeen, SourceFile

_ROUTING = Source("Heroku Dev Center, HTTP Routing and Error Codes; offramp's gateway template", "2026-11")
_DYNOS = Source("Heroku Dev Center, Dyno lifecycle; AWS, ECS task definition parameters", "2026-11")

KEEP_ALIVE = Kind(
    "keep-alive-short", Subject.TIMEOUTS, Severity.AFTER, "The server closes idle connections before a load balancer does",
    "Behind offramp's gateway this is safe: it forgets an idle connection after 1 s. A load balancer that speaks to the tasks directly "
    "keeps one for 60 s, and now and then sends a request into one that the server is closing: a 502 that nobody can explain.",
    Source("gunicorn, uvicorn, hypercorn and Node.js documentation; AWS, ALB idle timeout 60 s", "2026-11"),
)  # fmt: skip
NO_KEEP_ALIVE = Kind(
    "keep-alive-under-a-second", Subject.TIMEOUTS, Severity.FIRST, "The server closes idle connections within a second",
    "offramp's gateway reuses a connection for up to 1 s; a server that closes it by then lets requests fail.",
    Source("offramp's gateway template: keepalive_timeout 1s", "2026-11"),
)  # fmt: skip
SLOW = Kind(
    "requests-over-30s", Subject.TIMEOUTS, Severity.AFTER, "Requests that run into the 30 s limit",
    "The gateway keeps Heroku's limit: who asked gets 504 instead of 503 at 30 s, and the process works on for nobody. What is "
    "different: where the gateway is left out, a load balancer lets it wait up to 60 s, and workers pile up.", _ROUTING,
)  # fmt: skip
STREAMS = Kind(
    "idle-streams", Subject.TIMEOUTS, Severity.FIRST, "Websockets or streams that may be silent for longer than 30 s",
    "Heroku's router closes a connection after 55 s without a byte, offramp's gateway after 30 s.", _ROUTING,
)  # fmt: skip
BROKEN = Kind(
    "broken-exchanges", Subject.REQUESTS, Severity.AFTER, "Answers or requests that Heroku's router refuses",
    "Another proxy draws the line elsewhere: what is a 503 here may pass there, or be a 502.", _ROUTING,
)  # fmt: skip
CLIENTS_GONE = Kind(
    "clients-gone", Subject.REQUESTS, Severity.KNOW, "Clients that go away before the answer",
    "H27 has another name on AWS: status 499 in the gateway's log, 460 in the load balancer's. Both are 4xx, so an alarm on 5xx does not see them.",
    _ROUTING,
)  # fmt: skip
SLOW_BOOT = Kind(
    "slow-boot", Subject.TIMEOUTS, Severity.FIRST, "Processes that do not listen within 60 s",
    "ECS has the same patience: health checks count from the 60th second on, and a task that fails them is replaced, for ever.", _DYNOS,
)  # fmt: skip
SLOW_STOP = Kind(
    "slow-stop", Subject.CRON, Severity.AFTER, "Processes that do not end within 30 s of SIGTERM",
    "On Heroku they are killed then (R12). On AWS workers get 120 s, which is ECS's most, and are killed after that.", _DYNOS,
)  # fmt: skip
CRASHES = Kind(
    "crashes", Subject.REQUESTS, Severity.FIRST, "An app that crashes",
    "It will crash on AWS as well, and then nobody can tell whether the move did it; a deployment that crashes is rolled back.", _ROUTING,
)  # fmt: skip
KINDS = (KEEP_ALIVE, NO_KEEP_ALIVE, SLOW, STREAMS, BROKEN, CLIENTS_GONE, SLOW_BOOT, SLOW_STOP, CRASHES)

# Idle seconds by default, the option that sets them, and whether it may be set by the environment.
_DEFAULTS = {"gunicorn": 2.0, "uvicorn": 5.0, "hypercorn": 5.0, "node": 5.0, "npm": 5.0}
_OPTIONS = {
    "gunicorn": ("--keep-alive",),
    "uvicorn": ("--timeout-keep-alive",),
    "hypercorn": ("--keep-alive",),
}
LONG_ENOUGH_SECONDS, GATEWAY_SECONDS = 65.0, 1.0
_CONF_KEEP_ALIVE = re.compile(r"^keepalive\s*=\s*(\d+)", re.MULTILINE)
_NODE_KEEP_ALIVE = re.compile(r"keepAliveTimeout\s*=\s*([\d_]+)")


def keep_alive(case: Case) -> Iterator[Finding]:
    """One finding for all apps: which idle time the command or its configuration file sets, and the server's own without either."""
    short = [
        (app, process, seconds, sure)
        for app, process, seconds, sure in _idle_seconds(case)
        if seconds < LONG_ENOUGH_SECONDS
    ]
    for kind, group in (
        (NO_KEEP_ALIVE, [one for one in short if one[2] <= GATEWAY_SECONDS and one[3]]),
        (KEEP_ALIVE, [one for one in short if one[2] > GATEWAY_SECONDS or not one[3]]),
    ):
        if group:
            yield kind.found(
                [app.name for app, *_ in group],
                [process_name(app, process) for app, process, *_ in group],
                [_said(app, process, seconds, sure) for app, process, seconds, sure in group],
                *_lengthen(case, [(app, process) for app, process, *_ in group]),
                certain=all(sure for *_, sure in group),
            )


def _idle_seconds(case: Case) -> Iterator[tuple[App, ProcessType, float, bool]]:
    for app, process in case.running():
        command = commands.read(process.command)
        if process.type != "web" or command.program not in _DEFAULTS:
            continue
        # The sync worker closes after every answer, and says so: nothing is left idle.
        if command.program == "gunicorn" and _synchronous(command, case.readings.of_app(app.name)):
            continue
        written = command.number(*_OPTIONS[command.program]) if command.program in _OPTIONS else None
        configured = _configured(case.readings.of_app(app.name))
        files = bool(case.readings.of_app(app.name))
        if written is None and configured is None:
            yield app, process, _DEFAULTS[command.program], files
        else:
            yield app, process, float(written if written is not None else configured or 0), True


def _synchronous(command: commands.Command, files: tuple[SourceFile, ...]) -> bool:
    kind = command.option("--worker-class", "-k")
    if kind is None:
        configured = re.findall(
            r"^worker_class\s*=\s*['\"](\w+)", "\n".join(file.text for file in files if _is_conf(file)), re.MULTILINE
        )
        kind = configured[-1] if configured else None
    threads = command.number("--threads") or 1
    # Gunicorn takes gthread for sync by itself when there is more than one thread. Without the file nobody knows.
    return (kind == "sync" or (kind is None and bool(files))) and threads == 1


def _is_conf(file: SourceFile) -> bool:
    return file.path.endswith("gunicorn.conf.py") or "gunicorn" in file.path


def _configured(files: tuple[SourceFile, ...]) -> float | None:
    for file in files:
        if _is_conf(file) and (found := _CONF_KEEP_ALIVE.search(file.text)):
            return float(found[1])
        if file.path.endswith((".js", ".ts", ".mjs", ".cjs")) and (found := _NODE_KEEP_ALIVE.search(file.text)):
            return float(found[1].replace("_", "")) / 1000
    return None


def _said(app: App, process: ProcessType, seconds: float, sure: bool) -> str:
    doubt = "" if sure else ", unless a configuration file that was not read says otherwise"
    return f"{process_name(app, process)} (`{process.command}`): {seconds:g} s{doubt}."


def _lengthen(case: Case, group: list[tuple[App, ProcessType]]) -> Iterator[Mend]:
    lines: list[str] = []
    for app, process in group:
        program = commands.read(process.command).program
        conf = next((file for file in case.readings.of_app(app.name) if file.path.endswith("gunicorn.conf.py")), None)
        if program == "gunicorn" and conf is not None:
            yield diffs.patch(conf, with_setting(conf.text, "keepalive", "75"))
        elif program == "gunicorn":
            # The Python buildpack sets the same variable, to what stands first here, when nobody else has.
            lines.append(f'heroku config:set GUNICORN_CMD_ARGS="--access-logfile - --keep-alive 75" -a {app.name}')
        elif program in _OPTIONS:
            yield Steps((f"Add `{_OPTIONS[program][0]} 75` to the command of {process_name(app, process)}.",))
        else:
            yield Steps((
                f"In {app.name}: `server.keepAliveTimeout = 75000; server.headersTimeout = 76000` on the HTTP server.",
            ))  # fmt: skip
    if lines:
        yield Commands(("# One variable holds all options: add what it holds already.", *lines))


def with_setting(text: str, name: str, value: str) -> str:
    """Return a Python configuration file in which a name has this value.

    >>> with_setting("bind = 'x'\\nkeepalive = 2\\n", "keepalive", "75")
    "bind = 'x'\\nkeepalive = 75\\n"
    >>> with_setting("bind = 'x'\\n", "keepalive", "75")
    "bind = 'x'\\nkeepalive = 75\\n"
    """
    changed, count = re.subn(rf"^{name}\s*=.*$", f"{name} = {value}", text, flags=re.MULTILINE)
    if count:
        return changed
    return f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{name} = {value}\n"


def slow_requests(case: Case) -> Iterator[Finding]:
    yield from _by_code(
        case, SLOW, ("H12",),
        "Move what takes longer into a worker that the client asks again about; look at the paths that the latency part names.",
        "For gunicorn's gthread and async workers --timeout does not end a request; set a timeout in the database (statement_timeout) and on "
        "outgoing calls, below 30 s.",
    )  # fmt: skip


def idle_streams(case: Case) -> Iterator[Finding]:
    codes = case.codes("H15", "H28")
    upgrades = [seen for seen in case.readings.traffic if seen.upgrades]
    sockets = [
        (app, process)
        for app, process in case.running()
        if process.type == "web" and commands.read(process.command).program == "daphne"
    ]
    apps = [one.app for one in codes] + [one.app for one in upgrades] + [app.name for app, _ in sockets]
    if apps:
        yield STREAMS.found(
            sorted(set(apps)),
            sorted({*(one.code for one in codes), *(f"{one.app} websockets" for one in upgrades), *(process_name(*one) for one in sockets)}),
            [
                *(_counted(one) for one in codes),
                *(f"{one.app}: {many(one.upgrades, 'answer')} with status 101 of {one.requests:,}." for one in upgrades),
                *(f"{process_name(*one)} runs `{one[1].command}`." for one in sockets),
            ],
            Steps((
                "Send a ping at least every 20 s: daphne and uvicorn do so by themselves, Action Cable every 3 s, Socket.IO every 25 s.",
                "For server-sent events write a comment line (`: ping`) every 20 s.",
            )),
            certain=bool(codes),
        )  # fmt: skip


def broken_exchanges(case: Case) -> Iterator[Finding]:
    yield from _by_code(
        case, BROKEN, ("H13", "H17", "H18", "H25", "H26"),
        "Ask for the same paths on staging behind the gateway, and compare; H13 and H18 are mostly a server that ended in the middle.",
    )  # fmt: skip


def clients_gone(case: Case) -> Iterator[Finding]:
    yield from _by_code(case, CLIENTS_GONE, ("H27",), "Nothing. When alarms on H27 exist, make the same on status 499.")


def slow_boot(case: Case) -> Iterator[Finding]:
    yield from _by_code(
        case, SLOW_BOOT, ("H20", "R10"),
        "Load less before listening (imports, caches, migrations belong in the release phase), until it listens within 45 s.",
    )  # fmt: skip


def slow_stop(case: Case) -> Iterator[Finding]:
    yield from _by_code(
        case, SLOW_STOP, ("R12",),
        "Stop taking work at SIGTERM, and keep single jobs below 90 s or able to be taken up again.",
    )  # fmt: skip


def crashes(case: Case) -> Iterator[Finding]:
    codes = case.codes("H10")
    if codes:
        apps = sorted({one.app for one in codes})
        yield CRASHES.found(
            apps,
            apps,
            [_counted(one) for one in codes],
            Commands(tuple(f"heroku logs -n 1500 -a {app} --source heroku" for app in apps)),
        )


def _by_code(case: Case, kind: Kind, codes: tuple[str, ...], *steps: str) -> Iterator[Finding]:
    if seen := case.codes(*codes):
        yield kind.found(
            sorted({one.app for one in seen}),
            [one.example or f"{one.app} {one.process or 'web'}" for one in seen],
            [_counted(one) for one in seen],
            Steps(steps),
        )


def _counted(seen: CodeSeen) -> str:
    example = f", say {seen.example}" if seen.example else ""
    return f"{seen.app}{f' {seen.process}' if seen.process else ''}: {seen.code} {many(seen.times, 'time')}{example}."


RULES: tuple[Rule, ...] = (
    keep_alive, slow_requests, idle_streams, broken_exchanges, clients_gone, slow_boot, slow_stop, crashes,
)  # fmt: skip
