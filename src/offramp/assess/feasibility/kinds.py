"""Which shape do rules have, and what do they look at?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ...discover.model import App, Database, Estate, ProcessType
from .model import Finding, Mend, Severity, Source, Subject
from .readings import CodeSeen, CostHint, Preflight, Readings, SourceFile


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding, as it stands in ``docs/reference/findings.md``; its rule adds names, evidence and mends."""

    key: str
    subject: Subject
    severity: Severity
    title: str
    why: str
    source: Source

    def found(
        self,
        apps: Iterable[str],
        objects: Iterable[str],
        seen: Iterable[str],
        *mends: Mend,
        database: str | None = None,
        certain: bool = True,
        severity: Severity | None = None,
        title: str | None = None,
    ) -> Finding:
        """Return a finding of this kind; ``severity`` and ``title`` where the evidence makes them other than usual."""
        return Finding(
            key=self.key,
            subject=self.subject,
            severity=severity or self.severity,
            title=title or self.title,
            apps=tuple(dict.fromkeys(apps)),
            objects=tuple(dict.fromkeys(objects)),
            seen=tuple(dict.fromkeys(seen)),
            why=self.why,
            mends=mends,
            source=self.source,
            database=database,
            certain=certain,
        )


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a rule may look at."""

    estate: Estate
    preflights: tuple[Preflight, ...]
    readings: Readings
    cost: tuple[CostHint, ...] = ()

    def running(self) -> Iterator[tuple[App, ProcessType]]:
        """Yield process types that have dynos."""
        yield from ((app, process) for app in self.estate.apps for process in app.processes if process.quantity)

    def codes(self, *codes: str) -> tuple[CodeSeen, ...]:
        return tuple(seen for seen in self.readings.codes if seen.code in codes and seen.times)

    def files(self, *names: str) -> Iterator[SourceFile]:
        """Yield source files by the end of their path: a name, or an extension with its dot."""
        yield from (file for file in self.readings.files if file.path.endswith(names))

    def preflight(self, addon: str) -> Preflight | None:
        return next((one for one in self.preflights if one.addon == addon), None)


Rule = Callable[[Case], Iterator[Finding]]


def users(database: Database) -> tuple[str, ...]:
    """Return the apps that a database is attached to, its owner first."""
    attached = (place.partition(":")[0] for place in database.attached_to)
    return tuple(dict.fromkeys((database.app, *attached)))


def process_name(app: App, process: ProcessType) -> str:
    return f"{app.name} {process.type}"


def many(number: int, noun: str) -> str:
    """
    >>> many(1, "request"), many(1200, "request")
    ('1 request', '1,200 requests')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
