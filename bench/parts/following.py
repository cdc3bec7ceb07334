"""How is an engine put between two fresh databases, so that a part can measure it while it follows?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from offramp.errors import OfframpError

from .. import markers
from ..clusters import ADMIN, Side
from ..peers import FOLLOWERS, Engine, EngineStuckError, Kind
from ..plan import Plan
from ..stage import DATABASE, Stage

FIRST_SECONDS = 120
FAILED = "failed"
FAILURES = (RuntimeError, TimeoutError, psycopg.Error, OfframpError)


@dataclass(frozen=True)
class Following:
    """An engine that follows; the source as the application has it, the target as a superuser reads it."""

    kind: Kind
    engine: Engine
    source: Side
    target: Side

    def catch_up(self, limit: float = FIRST_SECONDS) -> float:
        """Seconds until a row written now has arrived. Raises EngineStuckError."""
        took = markers.catch_up(self.source, self.target, limit)
        if took is None:
            raise EngineStuckError(f"{self.kind.label}: a row written now did not arrive within {limit:g} s")
        return took


@contextmanager
def following(stage: Stage, kind: Kind, scale: int, database: str = DATABASE) -> Iterator[Following]:
    """Fresh databases, the engine started, everything copied and the first beat seen; dropped at the end."""
    source, target = stage.fresh_source(scale, database), stage.fresh_target(database)
    stage.warm(source)
    engine = kind.make(stage, source, target)
    try:
        engine.prepare()
        engine.start()
        live = Following(kind, engine, source, target.named(role=ADMIN))
        live.catch_up()
        stage.settle()
        yield live
    finally:
        engine.drop()


@dataclass
class Turns:
    """Every engine once a round, each round begun by another one. One that fails is counted, and the others go on."""

    stage: Stage
    there: list[Kind]
    missing: list[tuple[Kind, str]]
    repeats: int
    measured: set[str] = field(default_factory=set)
    failures: dict[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[int, Kind]]:
        for repeat in range(self.repeats):
            first = repeat % max(len(self.there), 1)
            for kind in self.there[first:] + self.there[:first]:
                yield repeat, kind

    @contextmanager
    def trying(self, kind: Kind) -> Iterator[None]:
        """Let an engine fail without ending the measurement of the others. What it said goes to the log, not into the table."""
        try:
            yield
        except FAILURES as error:
            self.stage.say(f"{kind.label} failed: {' '.join(str(error).split())}")
            self.failures[kind.label] = self.failures.get(kind.label, 0) + 1
        else:
            self.measured.add(kind.name)

    @property
    def kinds(self) -> list[Kind]:
        """The engines of which there is at least one measurement."""
        return [kind for kind in self.there if kind.name in self.measured]

    def absent(self, columns: int) -> list[list[str]]:
        """Table rows of the engines of which there is none, with the reason."""
        without = [*self.missing, *((kind, FAILED) for kind in self.there if kind.name not in self.measured)]
        return [[kind.label, why, *["-"] * (columns - 2)] for kind, why in without]

    def told(self) -> list[str]:
        """What failed, for the section."""
        return [f"{label}: {count} of {self.repeats} rounds failed." for label, count in self.failures.items()]


def turns(stage: Stage, plan: Plan, *, without: tuple[str, ...] = (), repeats: int | None = None) -> Turns:
    """The engines to measure, those that are not installed set aside with the reason."""
    asked = [kind for kind in FOLLOWERS if plan.wants(kind.name) and kind.name not in without]
    reasons = [(kind, kind.missing(stage.source.environ, stage.source.binaries)) for kind in asked]
    there = [kind for kind, why in reasons if why is None]
    lacking = [(kind, why) for kind, why in reasons if why is not None]
    return Turns(stage, there, lacking, plan.repeats if repeats is None else repeats)
