"""What does the pump's own preflight refuse or warn of? Its words, grouped, without what was said of a stand-in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...discover.catalogue import RDS_EXTENSIONS
from .kinds import Case, Kind, Rule, users
from .model import Finding, Severity, Source, Steps, Subject
from .readings import Concern, Preflight

_PUMP = Source("offramp's own preflight: offramp pump check", "2026-11")

REFUSES = Kind(
    "preflight-refuses", Subject.PREFLIGHT, Severity.BLOCKS, "The pump refuses to begin with it",
    "A link that begins with it would lose rows or stop; the pump does not begin.", _PUMP,
)  # fmt: skip
WARNS = Kind(
    "preflight-warns", Subject.PREFLIGHT, Severity.KNOW, "The pump warns of it",
    "It moves, but not by itself or not as it was.", _PUMP,
)  # fmt: skip
KINDS = (REFUSES, WARNS)

OF_A_TARGET = (
    "The target", "It is version", "Text sorts as", "upper() and lower() follow", "The encodings differ", "Sessions begin with",
    "It already has", "It fires on every change of schema", "max_locks_per_transaction allows", "Its transactions are read-only",
    "It may not set session_replication_role", "The role that is to own",
)  # fmt: skip
"""How concerns begin that are about the target, or about the two together."""
TOLD_ELSEWHERE = ("is too old to be followed",)
"""What another rule says with the command to run."""
# A warning that leaves something to do: before the switch when applications would miss it, afterwards when they would not.
TO_DO: tuple[tuple[str, Severity], ...] = (
    ("a CREATE INDEX CONCURRENTLY that failed", Severity.AFTER),
    ("of its numbers are used up", Severity.AFTER),
    ("not carried", Severity.FIRST),
    ("It is prepared and holds locks", Severity.FIRST),
    ("connections are taken by others", Severity.FIRST),
    ("old_snapshot_threshold is", Severity.FIRST),
)


def concerns(case: Case) -> Iterator[Finding]:
    """One finding for each thing that the pump says of one database, however many objects it says it of."""
    for database in case.estate.databases:
        if (preflight := case.preflight(database.addon)) is None:
            continue
        for group in _groups(_told(preflight)):
            first = group[0]
            kind, severity = (REFUSES, Severity.BLOCKS) if first.blocking else (WARNS, _severity(first))
            yield kind.found(
                users(database),
                [one.object for one in group],
                [f"{one.object}: {one.why}" for one in group],
                Steps((first.fix,)),
                database=database.addon,
                severity=severity,
                title=first.why,
            )


def _told(preflight: Preflight) -> Iterator[Concern]:
    for one in preflight.concerns:
        if any(words in one.why for words in TOLD_ELSEWHERE):
            continue
        if not (preflight.stand_in and _of_the_target(one)):
            yield one


def _of_the_target(one: Concern) -> bool:
    # A language is judged by what RDS offers, which a stand-in need not.
    if one.object.startswith("language "):
        return one.object.removeprefix("language ") in RDS_EXTENSIONS
    return one.object.startswith("target ") or one.why.startswith(OF_A_TARGET) or "the target's role may not" in one.why


def _groups(told: Iterable[Concern]) -> Iterator[list[Concern]]:
    groups: dict[tuple[str, str, bool], list[Concern]] = {}
    for one in told:
        groups.setdefault((one.why, one.fix, one.blocking), []).append(one)
    yield from groups.values()


def _severity(concern: Concern) -> Severity:
    return next((severity for words, severity in TO_DO if words in concern.why), WARNS.severity)


RULES: tuple[Rule, ...] = (concerns,)
