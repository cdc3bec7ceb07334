"""Does each rule of feasibility speak when it should, and stay silent when it is only nearly so?"""

from __future__ import annotations

import pytest
from feasible_cases import CASES, Case, World

from offramp.assess.feasibility import rules
from offramp.assess.feasibility.model import Feasibility, Severity, Subject
from offramp.assess.feasibility.verdicts import judge

# The issue's own words for what must be looked at, and the subjects that answer to them.
NAMED: tuple[tuple[str, Subject], ...] = (
    ("everything the pump's preflight refuses or warns of", Subject.PREFLIGHT),
    ("extensions and versions against RDS", Subject.EXTENSIONS),
    ("connection budget", Subject.CONNECTIONS),
    ("keep-alive and timeout differences", Subject.TIMEOUTS),
    ("ephemeral disk use", Subject.DISK),
    ("buildpacks without a Cloud Native equivalent", Subject.BUILDS),
    ("DYNO/PORT assumptions", Subject.DYNO),
    ("attachment-owned variables", Subject.ATTACHMENTS),
    ("secrets copied between apps", Subject.SECRETS),
    ("queue libraries and in-flight jobs", Subject.QUEUES),
    ("regions", Subject.REGIONS),
    ("add-ons with their AWS equivalent or keep", Subject.ADDONS),
    ("DNS and certificates", Subject.DNS),
    ("cron and workers", Subject.CRON),
    ("static outbound IPs", Subject.ADDRESSES),
    ("Heroku Connect", Subject.CONNECT),
    ("review apps", Subject.PIPELINES),
)


def judged(world: World) -> Feasibility:
    return judge(world.estate, world.preflights, world.readings, world.cost)


def keys(world: World) -> set[str]:
    return {finding.key for finding in judged(world).findings}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_a_rule_speaks_in_its_case(case: Case) -> None:
    assert case.key in keys(case.fires)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_a_rule_is_silent_in_the_near_miss(case: Case) -> None:
    assert case.key not in keys(case.near_miss)


def test_every_kind_of_finding_has_a_case() -> None:
    assert {kind.key for kind in rules.KINDS} == {case.key for case in CASES}


def test_no_two_kinds_share_a_key() -> None:
    assert len(rules.KINDS) == len({kind.key for kind in rules.KINDS})


@pytest.mark.parametrize(("words", "subject"), NAMED, ids=lambda value: str(value))
def test_what_the_team_asked_for_is_looked_at(words: str, subject: Subject) -> None:
    assert words
    assert [kind.key for kind in rules.KINDS if kind.subject is subject]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_a_finding_says_what_was_seen_where_and_what_to_do(case: Case) -> None:
    for finding in judged(case.fires).findings:
        assert finding.seen and finding.objects and finding.mends and finding.source.date
        assert finding.title[0].isupper() or not finding.title[0].isalpha()
        assert finding.why.endswith(".")


def test_findings_come_worst_first() -> None:
    severities = list(Severity)
    for case in CASES:
        order = [severities.index(finding.severity) for finding in judged(case.fires).findings]
        assert order == sorted(order)
