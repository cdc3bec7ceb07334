"""What does the diagnosis make of one app's requests, given everything else that is known?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from ...discover.model import App, Database
from ...telemetry.columns import Router
from ..database.model import DatabaseAdvice
from ..latency.assessing import assess
from ..latency.facts import Facts, MissingIndex, Statement, TaskSize
from ..latency.model import Latency
from ..model import Coverage
from ..prices.model import PriceBook
from ..sizes import FARGATE_MEMORY_MB
from . import logs
from .logs import Told

LEAST_REQUESTS = 100
"""Of fewer requests nothing can be said."""


@dataclass(frozen=True, slots=True)
class AppSeen:
    """One app, its lines, and what is known of its databases."""

    app: App
    router: Router
    told: Told
    coverage: Coverage
    databases: tuple[tuple[Database, DatabaseAdvice], ...]


def latency(seen: AppSeen, objective_ms: float, sizes: tuple[TaskSize, ...]) -> Latency:
    """Diagnose one app's web process; ``sizes`` are what a task may be on AWS."""
    return assess(seen.router, facts(seen), objective_ms, sizes)


def task_sizes(book: PriceBook) -> tuple[TaskSize, ...]:
    """Return every size that a Fargate task may have, at the book's hourly prices in dollars; none where the book lacks them."""
    vcpu, memory = book.find("Fargate", "x86 vCPU-hour"), book.find("Fargate", "x86 GB-hour")
    if vcpu is None or memory is None:
        return ()
    return tuple(
        TaskSize(cpu, mib, float(vcpu.usd) * cpu / 1024 + float(memory.usd) * mib / 1024)
        for cpu, memories in FARGATE_MEMORY_MB.items()
        for mib in memories
    )


def facts(seen: AppSeen) -> Facts:
    """Put together what the lines and the databases say beside the requests."""
    known = logs.facts(seen.told, seen.coverage.believed)
    return replace(
        known,
        declared_workers=declared_workers(seen.app),
        statements=tuple(_statements(seen)),
        missing_indexes=tuple(_missing(seen.databases)),
    )


def declared_workers(app: App) -> int:
    """Return how many requests one dyno serves at once, as its command says; 0 where it does not.

    Config values are secrets and not kept, so ``WEB_CONCURRENCY`` counts only where the command itself sets it.
    """
    command = next((process.command for process in app.processes if process.type == "web"), "")
    words = command.replace("=", " ").split()
    figures = {word: following for word, following in pairwise(words) if following.isdigit()}
    if "gunicorn" not in command:
        return 0
    workers = int(figures.get("--workers") or figures.get("-w") or figures.get("WEB_CONCURRENCY") or 0)
    return workers * int(figures.get("--threads") or 1)


def _statements(seen: AppSeen) -> Iterator[Statement]:
    """Yield the statements' counts, scaled from the time that they were counted to the time of the lines."""
    for _, advice in seen.databases:
        factor = seen.coverage.seconds / advice.seconds if advice.seconds else 1.0
        for one in advice.statements:
            yield Statement(one.text, max(1, round(one.calls * factor)), one.mean_ms)


def _missing(databases: tuple[tuple[Database, DatabaseAdvice], ...]) -> Iterator[MissingIndex]:
    for _, advice in databases:
        for index in advice.indexes:
            for helped in index.statements:
                yield MissingIndex(index.table, index.ddl, helped.text, helped.saving)
