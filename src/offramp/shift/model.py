"""How much traffic is on AWS, since when, and how does it fare? What a look sees, and the deeds."""

from __future__ import annotations

from dataclasses import dataclass

from ..design.model import Blueprint, DomainPlan

START = "shift/start"
REST = "rest"
"""The group of public names whose apps are in no wave."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The note about the last change of a name's share, as it is kept in the DNS. ``since`` in seconds since the epoch.

    ``returned`` is the share from which traffic came back by itself, with the counts that made it; None otherwise.
    """

    share: int
    since: float
    returned: int | None = None
    requests: int = 0
    errors: int = 0


def write_mark(mark: Mark) -> str:
    """
    >>> write_mark(Mark(10, 1700000000.4))
    'share=10 since=1700000000'
    """
    text = f"share={mark.share} since={mark.since:.0f}"
    if mark.returned is not None:
        text += f" returned={mark.returned} requests={mark.requests} errors={mark.errors}"
    return text


def read_mark(text: str | None) -> Mark | None:
    """Return the mark, or None when the note is not one of ours.

    >>> read_mark("share=0 since=1700000000 returned=10 requests=300 errors=12")
    Mark(share=0, since=1700000000.0, returned=10, requests=300, errors=12)
    >>> read_mark("v=spf1 -all") is None
    True
    """
    pairs = dict(part.partition("=")[::2] for part in (text or "").split())
    try:
        return Mark(
            share=int(pairs["share"]),
            since=float(pairs["since"]),
            returned=int(pairs["returned"]) if "returned" in pairs else None,
            requests=int(pairs.get("requests", 0)),
            errors=int(pairs.get("errors", 0)),
        )
    except (KeyError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class NameSeen:
    """A public name; ``share`` is the percentage that leads to AWS, None while it has no weighted records of ours."""

    hostname: str
    share: int | None
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """Public names that move together: those of one wave. Counts are the load balancer's since the last change."""

    name: str
    names: tuple[NameSeen, ...]
    requests: int = 0
    errors: int = 0

    @property
    def error_share(self) -> float:
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class OriginSeen:
    """A front end's config var; ``moved`` when it holds the blueprint's value."""

    app: str
    config_var: str
    moved: bool


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A process without requests: its dynos on Heroku (wanted, and still alive), its tasks on AWS."""

    app: str
    process: str
    service: str
    heroku_wanted: int
    heroku_alive: int
    aws_desired: int
    aws_running: int


@dataclass(frozen=True, slots=True)
class SchedulerSeen:
    """A Scheduler add-on on Heroku."""

    app: str
    addon: str


@dataclass(frozen=True, slots=True)
class ScheduleSeen:
    """A schedule on AWS; ``on`` is None when there is no such schedule."""

    app: str
    name: str
    on: bool | None


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything shift looks at in one pass. ``now`` in seconds since the epoch."""

    now: float
    zone_id: str | None
    load_balancer_dns: str | None
    origins: tuple[OriginSeen, ...]
    groups: tuple[GroupSeen, ...]
    workers: tuple[WorkerSeen, ...]
    schedulers: tuple[SchedulerSeen, ...]
    schedules: tuple[ScheduleSeen, ...]


def groups(want: Blueprint) -> tuple[tuple[str, tuple[DomainPlan, ...]], ...]:
    """Return the public names by wave, in the order of the waves; names of no wave move last, together."""
    placed = [(wave.name, tuple(d for d in want.domains if d.app in wave.apps)) for wave in want.waves]
    in_waves = {app for wave in want.waves for app in wave.apps}
    rest = tuple(domain for domain in want.domains if domain.app not in in_waves)
    return tuple((name, domains) for name, domains in (*placed, (REST, rest)) if domains)


@dataclass(frozen=True, slots=True)
class SetOrigins:
    """Point a front end on Heroku at the domains whose DNS can move. ``values`` are (config var, address)."""

    app: str
    values: tuple[tuple[str, str], ...]

    @property
    def title(self) -> str:
        return f"point {self.app} at {', '.join(value for _, value in self.values)}"


@dataclass(frozen=True, slots=True)
class MoveTraffic:
    """Send ``share`` percent of the names' visitors to AWS, all at once. ``names`` are (hostname, Heroku's target)."""

    zone_id: str
    names: tuple[tuple[str, str], ...]
    load_balancer_dns: str
    share: int
    returned: int | None = None
    requests: int = 0
    errors: int = 0

    @property
    def title(self) -> str:
        hostnames = ", ".join(hostname for hostname, _ in self.names)
        if self.returned is not None:
            return f"bring {hostnames} back to Heroku"
        return f"send {self.share} % of {hostnames} to AWS"


@dataclass(frozen=True, slots=True)
class StopDynos:
    """Scale a process on Heroku to nothing."""

    app: str
    process: str

    @property
    def title(self) -> str:
        return f"stop {self.process} of {self.app} on Heroku"


@dataclass(frozen=True, slots=True)
class RemoveScheduler:
    """Remove a Scheduler add-on; its jobs are in the blueprint."""

    app: str
    addon: str

    @property
    def title(self) -> str:
        return f"remove the scheduler {self.addon} of {self.app} on Heroku"


@dataclass(frozen=True, slots=True)
class StartWorkers:
    """Run a process on AWS."""

    cluster: str
    service: str
    count: int

    @property
    def title(self) -> str:
        return f"run {self.count} of {self.service} on AWS"


@dataclass(frozen=True, slots=True)
class SwitchOnSchedule:
    """Let AWS run a job."""

    app: str
    name: str

    @property
    def title(self) -> str:
        return f"switch on the schedule {self.name} on AWS"


Deed = SetOrigins | MoveTraffic | StopDynos | RemoveScheduler | StartWorkers | SwitchOnSchedule
