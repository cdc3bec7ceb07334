"""What happened in a rehearsal, and does it prove that nothing was lost?"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

SCHEMA = "offramp/rehearsal/1"


@dataclass(frozen=True, slots=True)
class StageTime:
    """``verdict`` is ``met``, or the word of what stopped it."""

    name: str
    seconds: float
    verdict: str


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the intended start of a request to the end of its answer."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Traffic:
    rate_per_second: float
    sent: int
    failed: int
    heroku: Latency | None
    aws: Latency | None
    first_failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Writes:
    """Acknowledged writes against the final primary. ``examples`` name the first that are wrong."""

    acknowledged: int
    lost: int
    duplicated: int
    changed: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Jobs:
    """Background jobs that acknowledged requests enqueued."""

    enqueued: int
    done: int
    lost: int
    doubled: int


@dataclass(frozen=True, slots=True)
class DatabaseProof:
    name: str
    tables: int
    rows: int
    verified_share: float
    differences: int
    lag_p99_ms: float


@dataclass(frozen=True, slots=True)
class SwitchProof:
    held_ms: float
    epoch: int


@dataclass(frozen=True, slots=True)
class DryRunProof:
    """What a dry run, just before the switch, said that the hold would be; nothing was switched by it."""

    held_ms: float


@dataclass(frozen=True, slots=True)
class RollbackProof:
    held_ms: float
    lost: int


@dataclass(frozen=True, slots=True)
class HerokuLeft:
    """What still stands after ``retire``; ``names`` lists the first of them."""

    dynos: int
    addons: int
    capture_objects: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultReport:
    name: str
    at_seconds: float
    what: str


@dataclass(frozen=True, slots=True)
class RehearsalReport:
    """The whole proof. ``stopped`` says why the trip ended early, when it did."""

    seconds: float
    stages: tuple[StageTime, ...]
    traffic: Traffic
    writes: Writes
    jobs: Jobs
    databases: tuple[DatabaseProof, ...]
    switch: SwitchProof | None
    rollback: RollbackProof | None
    heroku_left: HerokuLeft
    dry_run: DryRunProof | None = None
    faults: tuple[FaultReport, ...] = ()
    stopped: str | None = None
    kept: str | None = field(default=None)

    @property
    def failures(self) -> tuple[str, ...]:
        """Return every reason why this is no proof, one sentence each; empty when it is one."""
        return tuple(_failures(self))

    @property
    def ok(self) -> bool:
        return not self.failures

    def to_json(self) -> dict[str, object]:
        """Return the object that ``--json`` prints last, schema ``offramp/rehearsal/1``."""
        body = asdict(self)
        return {"schema": SCHEMA, "ok": self.ok, "failures": list(self.failures), **body}


def _failures(report: RehearsalReport) -> list[str]:
    found = []
    if report.stopped:
        found.append(f"The trip stopped early: {report.stopped}")
    if report.traffic.sent == 0:
        found.append("No traffic was sent, so nothing is proved.")
    if report.traffic.failed:
        first = f", the first: {report.traffic.first_failures[0]}" if report.traffic.first_failures else ""
        found.append(f"{report.traffic.failed} of {report.traffic.sent} requests failed{first}.")
    if report.writes.acknowledged == 0:
        found.append("No write was acknowledged, so nothing is proved.")
    for count, what in (
        (report.writes.lost, "lost"),
        (report.writes.duplicated, "doubled"),
        (report.writes.changed, "changed"),
    ):
        if count:
            example = f", for example {report.writes.examples[0]}" if report.writes.examples else ""
            found.append(f"{count} acknowledged writes were {what}{example}.")
    if report.jobs.lost or report.jobs.doubled:
        found.append(f"{report.jobs.lost} background jobs were lost and {report.jobs.doubled} were done twice.")
    for database in report.databases:
        if database.verified_share < 1:
            found.append(f"{database.name} was verified to {database.verified_share:.0%} only.")
        if database.differences:
            found.append(f"{database.name} differed from its copy in {database.differences} rows.")
    if report.switch is None and not report.stopped:
        found.append("Nothing was switched.")
    if report.rollback and report.rollback.lost:
        found.append(f"The rollback lost {report.rollback.lost} writes.")
    left = report.heroku_left
    if left.dynos or left.addons or left.capture_objects:
        listed = f" ({', '.join(left.names)})" if left.names else ""
        found.append(
            f"Left behind: {left.dynos} dynos, {left.addons} add-ons, {left.capture_objects} capture objects{listed}."
        )
    return found
