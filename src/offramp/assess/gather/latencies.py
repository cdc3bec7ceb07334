"""What does the diagnosis make of one app's requests, given everything else that is known?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from ...discover.model import App, Database
from ...telemetry.columns import Router
from ..database.model import DatabaseAdvice
from ..database.model import Statement as Counted
from ..latency.assessing import assess
from ..latency.facts import Facts, MissingIndex, Statement, TaskSize
from ..latency.issuing import Issued, Tie
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
    """One app, its lines, and what is known of its databases; ``issued`` of those that were watched, by add-on."""

    app: App
    router: Router
    told: Told
    coverage: Coverage
    databases: tuple[tuple[Database, DatabaseAdvice], ...]
    issued: Mapping[str, Issued] = field(default_factory=dict)


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
        missing_indexes=tuple(_missing(seen)),
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
    """Yield the statements' counts by route where that is known, for the time of the lines; the rest without a route."""
    requests = _requests(seen.router)
    for database, advice in seen.databases:
        issued = seen.issued.get(database.addon)
        factor = seen.coverage.seconds / advice.seconds if advice.seconds else 1.0
        for one in advice.statements:
            if issued is None or not issued.calls.get(one.id):
                yield Statement(one.text, max(1, round(one.calls * factor)), one.mean_ms)
            else:
                yield from _by_route(one, issued, seen, requests)


def _by_route(one: Counted, issued: Issued, seen: AppSeen, requests: Mapping[str, int]) -> Iterator[Statement]:
    """Yield one statement for each route of this app, and one for what no route explains. Other apps' calls are theirs."""
    ties = issued.of(one.id)
    for tie in ties:
        if tie.route.app == seen.app.name and tie.route.name in requests:
            calls = max(1, round(tie.calls * requests[tie.route.name]))
            yield Statement(one.text, calls, tie.mean_ms, tie.route.name, _known_by(tie, issued))
    whole = issued.calls[one.id]
    rest = whole * max(1 - sum(tie.share for tie in ties), 0.0) * seen.coverage.seconds / max(issued.seconds, 1e-9)
    if round(rest):
        yield Statement(one.text, round(rest), issued.ms[one.id] / whole)


def _requests(router: Router) -> dict[str, int]:
    """Return how many requests of each route reached a dyno."""
    counts = np.bincount(router.route[router.service_ms >= 0], minlength=len(router.routes))
    return {name: int(count) for name, count in zip(router.routes, counts, strict=True) if count}


def _known_by(tie: Tie, issued: Issued) -> str:
    return (
        f"its calls follow this route's requests over {issued.intervals} intervals in {issued.seconds:.0f} s: "
        f"{tie.calls:.2f} ± {tie.error:.2f} a request, {tie.sigmas:.0f} standard errors from chance"
    )


def _missing(seen: AppSeen) -> Iterator[MissingIndex]:
    """Yield each advised index once for each route that issues a statement which it helps; once without a route where none is known."""
    for database, advice in seen.databases:
        issued = seen.issued.get(database.addon)
        texts = {one.id: one.text for one in advice.statements}
        for index in advice.indexes:
            for helped in index.statements:
                # The advice shortens texts for a table's cell; the statement's own is what its counts go by.
                plain = MissingIndex(index.table, index.ddl, texts.get(helped.statement, helped.text), helped.saving)
                ties = issued.of(helped.statement) if issued else ()
                ours = [tie for tie in ties if tie.route.app == seen.app.name]
                if issued is None or not ties:
                    yield plain
                    continue
                for tie in ours:
                    yield replace(plain, route=tie.route.name, known_by=_known_by(tie, issued))
