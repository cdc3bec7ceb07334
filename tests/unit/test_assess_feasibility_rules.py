"""Does each rule of feasibility speak when it should, and stay silent when it is only nearly so?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from feasible_cases import CASES, Case, World

from offramp.assess.feasibility import rules
from offramp.assess.feasibility.model import Feasibility, Severity, Subject
from offramp.assess.feasibility.verdicts import judge
from offramp.design import fit
from offramp.discover import judge as discover
from offramp.discover.model import Estate
from offramp.discover.seen import Seen
from offramp.engine.verdict import Refuse
from offramp.settings import Settings

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


SETTINGS = Settings.parse('name = "m"\n[aws]\nregion = "us-east-1"\naccount = "000000000000"\n', Path("work"))
PRESSING = {Severity.BLOCKS, Severity.FIRST}


def refused_by_discover(world: Estate) -> list[str]:
    names = {app.name for app in world.apps}
    seen = Seen(
        found=world,
        kept=None,
        followers=tuple(one.addon for one in world.others if one.service == "heroku-postgresql" and one.app in names),
        foreign=tuple(one.addon for one in world.others if one.app not in names),
    )
    handled = tuple(one.addon for one in world.others if "heroku.handled_addons" in one.advice)
    found = discover.judge(replace(SETTINGS, heroku=replace(SETTINGS.heroku, handled_addons=handled)), seen, {})
    return [one.goal for one in found if isinstance(one.verdict, Refuse)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_what_discover_or_design_would_refuse_is_never_called_fit_to_move(case: Case) -> None:
    for world in (case.fires, case.near_miss):
        refused = refused_by_discover(world.estate) or [one.because for one in fit.obstacles(world.estate, SETTINGS)]
        if refused and world.estate.apps:
            assert PRESSING & {finding.severity for finding in judged(world).findings}, refused


def test_a_refusal_of_discover_is_met_with_among_the_cases() -> None:
    assert len({goal for case in CASES for goal in refused_by_discover(case.fires.estate)}) >= 8
