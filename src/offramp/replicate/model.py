"""What is a replica? One database, its primary's side, and the link that follows it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from ..design.model import Blueprint

Side = Literal["heroku", "aws"]
Direction = Literal["forward", "reverse"]


def direction_from(primary: Side) -> Direction:
    """Return the direction of the link that leaves the primary.

    >>> direction_from("aws")
    'reverse'
    """
    return "forward" if primary == "heroku" else "reverse"


@dataclass(frozen=True, slots=True)
class LinkWanted:
    """A link that should run: ``epoch`` counts the switches of this database's wave."""

    database: str
    direction: Direction
    epoch: int

    @property
    def service(self) -> str:
        """The name of its ECS service, which says all that tells one link from another.

        >>> LinkWanted("mentors-api", "reverse", 3).service
        'link-mentors-api-r3'
        """
        return f"link-{self.database}-{self.direction[0]}{self.epoch}"

    @property
    def command(self) -> tuple[str, ...]:
        """What the link's ECS task runs."""
        return (
            "python", "-m", "offramp.pump", "link", "--name", self.database, "--direction", self.direction,
            "--epoch", str(self.epoch),
        )  # fmt: skip


_SERVICE = re.compile(r"link-(?P<database>.+)-(?P<direction>[fr])(?P<epoch>\d+)")


def link_of(service: str) -> LinkWanted | None:
    """Read a link from its service's name; None for any other service.

    >>> link_of("link-mentors-api-f0")
    LinkWanted(database='mentors-api', direction='forward', epoch=0)
    >>> link_of("gateway") is None
    True
    """
    if not (found := _SERVICE.fullmatch(service)):
        return None
    direction: Direction = "forward" if found["direction"] == "f" else "reverse"
    return LinkWanted(found["database"], direction, int(found["epoch"]))


@dataclass(frozen=True, slots=True)
class LinkProgress:
    """What the receiving database says of its link. Times in seconds, lag by the source's clock."""

    phase: str
    lag_seconds: float
    lag_p99_ms: float
    rows_applied: int
    rows_copied: int
    rows_estimate: int
    verified_share: float
    verified_age_seconds: float
    differences: int
    repaired: int
    beat_age_seconds: float
    held: tuple[str, ...]
    """Why tables do not move, one sentence each."""
    tables: int
    unfinished: int = 0
    """Tables that still miss a constraint, an index or a trigger that they have on the other side."""


@dataclass(frozen=True, slots=True)
class ReplicaSeen:
    """One database as found: who is primary, which link runs, how far it is."""

    database: str
    primary: Side
    epoch: int
    links: tuple[LinkWanted, ...]
    """The links of this database that have an ECS service."""
    progress: LinkProgress | None
    concerns: tuple[str, ...] = ()
    """What preflight found that blocks the link, one sentence each; looked at only before a link first starts."""


@dataclass(frozen=True, slots=True)
class Seen:
    replicas: tuple[ReplicaSeen, ...]


@dataclass(frozen=True, slots=True)
class StartLink:
    """``source`` is the app and config var that hold the Heroku side's URL."""

    wanted: LinkWanted
    source: tuple[str, str]
    blueprint: Blueprint = field(repr=False)

    @property
    def title(self) -> str:
        return f"run the {self.wanted.direction} link of {self.wanted.database}, epoch {self.wanted.epoch}"


@dataclass(frozen=True, slots=True)
class StopLink:
    link: LinkWanted
    cluster: str

    @property
    def title(self) -> str:
        return f"stop the {self.link.direction} link of {self.link.database}, epoch {self.link.epoch}"


Deed = StartLink | StopLink
