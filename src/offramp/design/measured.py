"""Which sizes did the assessment find for the web services, and which of them can be had without touching a command? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..assess.latency.model import Latency, Sizing
from ..assess.model import Assessment
from ..discover.model import App, Estate, ProcessType

# What gunicorn, puma and others take from the environment when their command does not say it.
CONCURRENCY = "WEB_CONCURRENCY"
_SAID = ("--workers", "-w", "--threads", "--concurrency", "-c")


@dataclass(frozen=True, slots=True)
class Measured:
    """A web service's size by its own requests: ``count`` tasks of ``cpu`` (1024 is a vCPU) and ``memory`` MB, and what it needs in ``env``."""

    app: str
    cpu: int
    memory: int
    count: int
    env: tuple[tuple[str, str], ...]
    note: str


def measured(estate: Estate, assessment: Assessment | None) -> tuple[Measured, ...]:
    """Return what can be relied on: sizes that meet the objective as the code is now, from a split that is not in doubt."""
    if assessment is None:
        return ()
    return tuple(_all(estate, assessment))


def _all(estate: Estate, assessment: Assessment) -> Iterator[Measured]:
    for app in estate.apps:
        process = next((one for one in app.processes if one.type == "web"), None)
        latency = assessment.latency(app.name)
        if process is None or latency is None or (sizing := latency.sizing) is None:
            continue
        certain = latency.split.confidence != "low" and latency.split.workers > 0
        env = _workers(app, process, latency, sizing)
        if sizing.meets and not sizing.held_up_by and certain and env is not None:
            yield _one(app, latency, sizing, env)


def _workers(app: App, process: ProcessType, latency: Latency, sizing: Sizing) -> tuple[tuple[str, str], ...] | None:
    """Return what makes a task run as many workers as were reckoned with; None when its command says another number."""
    if sizing.now.workers_per_task == latency.split.workers:
        return ()
    listed = any(var.name == CONCURRENCY for var in app.config)
    if listed and not any(word.partition("=")[0] in _SAID for word in process.command.split()):
        return ((CONCURRENCY, str(sizing.now.workers_per_task)),)
    return None


def _one(app: App, latency: Latency, sizing: Sizing, env: tuple[tuple[str, str], ...]) -> Measured:
    now, objective = sizing.now, f"{latency.objective_ms:,.0f} ms"
    return Measured(
        app=app.name,
        cpu=now.cpu,
        memory=now.memory_mb,
        count=now.tasks,
        env=env,
        note=f"measured: its own requests have a p99 of {now.expected.p99_ms:,.0f} ms there (at most {objective} wanted); "
        f"{sizing.at_3x.tasks} tasks for three times the traffic",
    )
