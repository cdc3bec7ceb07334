"""What is gathered on the way, and how does it become the proof?

Nothing here takes offramp's word for the outcome: the acknowledged writes are held against the final primary by the load
generator's ledger, and what is left on Heroku is counted at the doubles and in the databases.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
import psycopg
from botocore.exceptions import ClientError

from ..errors import OfframpError
from ..kit import sqlbook
from ..load import ledger, proof, samples
from ..load import summary as summaries
from ..load import traffic as traffic_file
from .ground import Ground
from .operator import Operator
from .report import (
    DatabaseProof,
    DryRunProof,
    FaultReport,
    HerokuLeft,
    Jobs,
    Latency,
    RehearsalReport,
    RollbackProof,
    StageTime,
    SwitchProof,
    Traffic,
    Writes,
)
from .traffic import Traffic as Generator

# Background jobs that were enqueued just before the traffic stopped may take this long.
JOBS_SECONDS = 30.0

CENSUS = sqlbook.load("offramp.rehearsal", "sql/census.sql")["census"]


def goals(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Return every goal of a ``status --json`` answer."""
    for stage in status.get("stages", ()):
        yield from stage.get("goals", ())


def links_ready(status: Mapping[str, Any]) -> bool:
    """Whether every database's link is live, close behind and wholly verified."""
    found = [goal for goal in goals(status) if str(goal["name"]).startswith("replicate/")]
    return bool(found) and all(goal["verdict"] == "met" for goal in found)


@dataclass
class Gathered:
    """What ``offramp status --json`` said at the moments that matter."""

    databases: dict[str, DatabaseProof] = field(default_factory=dict)
    dry_run: DryRunProof | None = None
    switch: SwitchProof | None = None
    rollback_held_ms: float | None = None
    rollback_lost: int = 0

    def note_replicas(self, status: Mapping[str, Any]) -> None:
        """Keep what the links say before the switch."""
        for goal in goals(status):
            facts = goal.get("facts") or {}
            if "database" in facts and "verified_share" in facts:
                self.databases[facts["database"]] = DatabaseProof(
                    name=facts["database"],
                    tables=int(facts["tables"]),
                    rows=int(facts["rows"]),
                    verified_share=float(facts["verified_share"]),
                    differences=int(facts["differences"]),
                    lag_p99_ms=round(float(facts["lag_p99_ms"]), 1),
                )

    def note_dry_run(self, answer: Mapping[str, Any]) -> None:
        """Keep how long writers waited in the dry run, the longest over all waves."""
        held = max(float(answer["dry_run"]["held_ms"]), self.dry_run.held_ms if self.dry_run else 0.0)
        self.dry_run = DryRunProof(round(held, 1))

    def note_switch(self, status: Mapping[str, Any]) -> None:
        """Keep how long writers were held, the longest over all waves."""
        for facts in _switches(status):
            held = max(facts["held_ms"], self.switch.held_ms if self.switch else 0.0)
            self.switch = SwitchProof(round(held, 1), int(facts["epoch"]))

    def note_rollback(self, status: Mapping[str, Any]) -> None:
        for facts in _switches(status):
            self.rollback_held_ms = round(max(facts["held_ms"], self.rollback_held_ms or 0.0), 1)


def _switches(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for goal in goals(status):
        facts = goal.get("facts") or {}
        if "wave" in facts and "held_ms" in facts:
            yield facts


@contextmanager
def primaries(ground: Ground) -> Iterator[dict[str, psycopg.Connection]]:
    """Open the databases on AWS with the applications' own roles, by the names of the blueprint."""
    project = ground.description["name"]
    client = boto3.client(
        "secretsmanager",
        endpoint_url=ground.aws["endpoint"],
        region_name="us-east-1",
        aws_access_key_id="rehearsal",
        aws_secret_access_key="rehearsal",
    )
    with ExitStack() as stack:
        found = {}
        for database in _databases(ground):
            name = database["name"]
            url = client.get_secret_value(SecretId=f"{project}/database/{name}/app-url")["SecretString"]
            found[name] = stack.enter_context(psycopg.connect(url, autocommit=True))
        yield found


@contextmanager
def origins(ground: Ground, operator: Operator) -> Iterator[dict[str, psycopg.Connection]]:
    """Open the databases on Heroku, by the names of the blueprint."""
    with ExitStack() as stack:
        found = {}
        for database in _databases(ground):
            url = operator.api("GET", f"/apps/{database['app']}/config-vars")[database["config_var"]]
            found[database["name"]] = stack.enter_context(psycopg.connect(url, autocommit=True))
        yield found


def _databases(ground: Ground) -> tuple[Mapping[str, str], ...]:
    """Return the blueprint's databases: each has a ``name``, an ``app`` and a ``config_var``."""
    blueprint = tomllib.loads((ground.work / "blueprint.toml").read_text("utf-8"))
    return tuple(blueprint.get("database", ()))


def lost_so_far(ground: Ground, operator: Operator, generator: Generator) -> int:
    """Count the writes acknowledged until now that the databases on Heroku lack.

    Traffic goes on, so a row deleted between reading the ledger and the database looks lost for one look and is not for the next.
    """
    mix = traffic_file.load(generator.mix)
    with origins(ground, operator) as connections:
        for _ in range(3):
            lost = proof.prove_writes(ledger.read([generator.ledger]), connections, mix).lost
            if not lost:
                break
    return lost


def _traffic(generator: Generator) -> Traffic:
    if not generator.samples.exists():
        return Traffic(0.0, 0, 0, None, None)
    found = summaries.summary(samples.read(generator.samples))
    return Traffic(
        rate_per_second=found.rate_per_second,
        sent=found.sent,
        failed=found.failed,
        heroku=_latency(found.heroku),
        aws=_latency(found.aws),
        first_failures=tuple(f"{failed.name}: {failed.failed}" for failed in found.failures[:5]),
    )


def _latency(found: summaries.Latency) -> Latency | None:
    if not found.requests:
        return None
    return Latency(round(found.p50_ms, 1), round(found.p95_ms, 1), round(found.p99_ms, 1))


def heroku_left(ground: Ground, operator: Operator) -> HerokuLeft:
    """Count what still runs, costs or lies around, at the doubles and in the databases themselves."""
    dynos = [
        f"{app['name']}/{dyno['name']}"
        for app in operator.api("GET", "/apps")
        for dyno in operator.api("GET", f"/apps/{app['name']}/dynos")
    ]
    addons = [addon["name"] for addon in operator.api("GET", "/addons")]
    objects = [
        f"{found} in {deleted['addon']}"
        for deleted in operator.heroku_state().get("deleted_databases", ())
        for found in deleted["objects"]
    ]
    if (ground.work / "blueprint.toml").exists():
        for name, connection in _open_or_none(ground):
            objects += [f"{row[0]} in {name} on AWS" for row in connection.execute(CENSUS).fetchall()]
        if addons:
            with origins(ground, operator) as standing:
                objects += [
                    f"{row[0]} in {name} on Heroku"
                    for name, one in standing.items()
                    for row in one.execute(CENSUS).fetchall()
                ]
    return HerokuLeft(len(dynos), len(addons), len(objects), tuple((*dynos, *addons, *objects)[:8]))


def _open_or_none(ground: Ground) -> Iterator[tuple[str, psycopg.Connection]]:
    """Open the databases on AWS, or none of them where the trip stopped before they were there."""
    try:
        with primaries(ground) as found:
            yield from found.items()
    except (boto3.exceptions.Boto3Error, ClientError, psycopg.Error):
        return


def _proofs(ground: Ground, generator: Generator) -> tuple[Writes, Jobs]:
    """Hold the ledger against the databases on AWS; wait a while for background jobs that are still under way."""
    if not generator.ledger.exists():
        return Writes(0, 0, 0, 0), Jobs(0, 0, 0, 0)
    written = ledger.read([generator.ledger])
    mix = traffic_file.load(generator.mix)
    with primaries(ground) as connections:
        writes = proof.prove_writes(written, connections, mix)
        deadline = time.monotonic() + JOBS_SECONDS
        while (jobs := proof.prove_jobs(written, connections, mix)).lost and time.monotonic() < deadline:
            time.sleep(0.5)
    return (
        Writes(writes.acknowledged, writes.lost, writes.duplicated, writes.changed, writes.examples),
        Jobs(jobs.enqueued, jobs.done, jobs.lost, jobs.doubled),
    )


def conclude(
    *,
    gathered: Gathered,
    ground: Ground,
    operator: Operator,
    traffic: Generator,
    seconds: float,
    stages: tuple[StageTime, ...],
    faults: tuple[FaultReport, ...],
    stopped: str | None,
    kept: str | None,
) -> RehearsalReport:
    """Draw up the report. What cannot be read any more is itself a reason why the rehearsal is no proof."""
    writes, jobs, left = Writes(0, 0, 0, 0), Jobs(0, 0, 0, 0), HerokuLeft(0, 0, 0)
    try:
        writes, jobs = _proofs(ground, traffic)
        left = heroku_left(ground, operator)
    except (OfframpError, OSError, httpx.HTTPError, ClientError, psycopg.Error, KeyError) as error:
        stopped = stopped or f"the proof could not be drawn up: {type(error).__name__}: {error}"
    rollback = None
    if gathered.rollback_held_ms is not None:
        rollback = RollbackProof(gathered.rollback_held_ms, gathered.rollback_lost)
    return RehearsalReport(
        seconds=seconds,
        stages=stages,
        traffic=_traffic(traffic),
        writes=writes,
        jobs=jobs,
        databases=tuple(gathered.databases.values()),
        switch=gathered.switch,
        rollback=rollback,
        heroku_left=left,
        dry_run=gathered.dry_run,
        faults=faults,
        stopped=stopped,
        kept=kept,
    )
