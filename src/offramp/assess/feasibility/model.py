"""Can everything move, and what must be mended first? Findings, what to do about each, and a verdict for every app and wave."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SCHEMA = "offramp/feasibility/1"


class Severity(StrEnum):
    """How much a finding matters to the move, worst first."""

    BLOCKS = "blocks"
    """Moving with it would lose or divide data, or offramp refuses to."""
    FIRST = "mend first"
    """Users would notice on AWS; to be mended before traffic or data move."""
    AFTER = "mend after"
    """The move does not wait for it, but it should not be forgotten."""
    KNOW = "know"
    """Nothing to mend: how things will be different, or what to look at."""


class Subject(StrEnum):
    """What a finding is about."""

    PREFLIGHT = "database preflight"
    EXTENSIONS = "extensions and versions"
    CONNECTIONS = "connection budget"
    POOLING = "transaction pooling"
    TIMEOUTS = "keep-alive and timeouts"
    REQUESTS = "requests and responses"
    DISK = "ephemeral disk"
    MEMORY = "memory"
    BUILDS = "buildpacks and builds"
    DYNO = "dyno assumptions"
    ATTACHMENTS = "attachment-owned variables"
    SECRETS = "secrets copied between apps"
    QUEUES = "queues and in-flight jobs"
    CRON = "cron and workers"
    REGIONS = "regions"
    ADDONS = "add-ons"
    CONNECT = "Heroku Connect"
    CACHES = "caches"
    LOGS = "log drains"
    DNS = "DNS and certificates"
    ADDRESSES = "static outbound addresses"
    SPACES = "spaces and generations"
    SCALING = "scaling and sleeping"
    PIPELINES = "pipelines and review apps"
    WORTH = "worth moving"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact comes from, and when it was read there: ``2026-11`` or a full date."""

    text: str
    date: str


@dataclass(frozen=True, slots=True)
class Commands:
    """Lines for a shell, each of which can be run as it stands; a line that begins with ``#`` is a remark."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patch:
    """A unified diff against the root of ``app``'s repository, as ``git apply`` takes it."""

    app: str
    diff: str


@dataclass(frozen=True, slots=True)
class Steps:
    """What a person does, one sentence each."""

    lines: tuple[str, ...]


Mend = Commands | Patch | Steps


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend or to know.

    ``key`` is stable and documented in ``docs/reference/findings.md``. ``apps`` are those that it concerns, ``database`` the add-on
    where it is about one. ``objects`` names what exactly (a process type, a table, a config var). ``seen`` is the evidence, one
    sentence each. ``certain`` is false when the evidence allows another reading; ``seen`` then says which.
    """

    key: str
    subject: Subject
    severity: Severity
    title: str
    apps: tuple[str, ...]
    objects: tuple[str, ...]
    seen: tuple[str, ...]
    why: str
    mends: tuple[Mend, ...]
    source: Source
    database: str | None = None
    certain: bool = True


class Answer(StrEnum):
    """May it move?"""

    MOVE = "move"
    MEND = "move after mending"
    STAY = "do not move"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one app, or for one wave: the apps that must switch together.

    ``keys`` are the findings behind it; ``because`` says the same in sentences, worst first; both are empty for ``move``.
    """

    name: str
    apps: tuple[str, ...]
    answer: Answer
    keys: tuple[str, ...] = ()
    because: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """
        >>> Verdict("web", ("web",), Answer.MEND, ("keep-alive-short",), ("a",)).sentence
        'move after mending 1'
        """
        match self.answer:
            case Answer.MOVE:
                return "move"
            case Answer.MEND:
                return f"move after mending {len(self.because)}"
            case Answer.STAY:
                return f"do not move, because: {'; '.join(self.because)}"


@dataclass(frozen=True, slots=True)
class Feasibility:
    """The whole answer. ``unseen`` says what could not be judged for want of something to look at, one sentence each."""

    findings: tuple[Finding, ...]
    apps: tuple[Verdict, ...]
    waves: tuple[Verdict, ...]
    unseen: tuple[str, ...] = ()

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is severity)

    @property
    def counts(self) -> tuple[tuple[Severity, int], ...]:
        """How many findings there are of each severity, worst first."""
        return tuple((severity, len(self.of(severity))) for severity in Severity)

    def to_json(self) -> str:
        """Return the document that ``assessment.json`` holds under ``feasibility``."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "counts": {str(severity): number for severity, number in self.counts},
                "apps": [_verdict(verdict) for verdict in self.apps],
                "waves": [_verdict(verdict) for verdict in self.waves],
                "findings": [_finding(finding) for finding in self.findings],
                "unseen": list(self.unseen),
            },
            indent=1,
            ensure_ascii=False,
        )


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "name": verdict.name,
        "apps": list(verdict.apps),
        "answer": str(verdict.answer),
        "sentence": verdict.sentence,
        "keys": list(verdict.keys),
        "because": list(verdict.because),
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "key": finding.key,
        "subject": str(finding.subject),
        "severity": str(finding.severity),
        "title": finding.title,
        "apps": list(finding.apps),
        "database": finding.database,
        "objects": list(finding.objects),
        "seen": list(finding.seen),
        "why": finding.why,
        "mends": [_mend(mend) for mend in finding.mends],
        "source": {"text": finding.source.text, "date": finding.source.date},
        "certain": finding.certain,
    }


def _mend(mend: Mend) -> dict[str, object]:
    match mend:
        case Commands(lines):
            return {"commands": list(lines)}
        case Patch(app, diff):
            return {"app": app, "diff": diff}
        case Steps(lines):
            return {"steps": list(lines)}


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings by severity, then by subject as they are listed, then by key and apps."""
    severities, subjects = list(Severity), list(Subject)
    return tuple(
        sorted(
            findings,
            key=lambda one: (
                severities.index(one.severity),
                subjects.index(one.subject),
                one.key,
                one.apps,
                one.database or "",
                one.objects,
            ),
        )
    )
