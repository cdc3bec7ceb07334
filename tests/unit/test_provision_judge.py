"""What is to be done when the foundations are not what the blueprint asks for?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from mentoring import blueprint, footprint

from offramp.engine.verdict import Do, Met, Refuse, Verdict, Wait
from offramp.provision.judge import judge
from offramp.provision.model import (
    CreateRepository,
    CreateRole,
    CreateZone,
    Deed,
    NameSeen,
    RoleSeen,
    SeedNames,
    Seen,
    stack_names,
)
from offramp.provision.stacks import ProtectStack, StackSeen, Template, UpdateStack, judge_stack

WANT = blueprint()
TEMPLATES = tuple(Template(name, f"body of {name}") for name in stack_names(WANT))
DONE = tuple(
    StackSeen(name, "complete", "CREATE_COMPLETE", template.digest, protected=True)
    for name, template in zip(stack_names(WANT), TEMPLATES, strict=True)
)
MET = Seen(
    account="111122223333",
    zone_id="Z1",
    zone_servers=("ns-1.example",),
    repositories_missing=(),
    stacks=DONE,
    templates=TEMPLATES,
    footprint=footprint(),
    roles=tuple(RoleSeen(plan.name, usable=True) for plan in WANT.databases),
    names=tuple(NameSeen(domain.hostname, 0) for domain in WANT.domains),
)


def verdicts(seen: Seen, **decisions: str) -> dict[str, Verdict[Deed]]:
    return {finding.goal: finding.verdict for finding in judge(WANT, seen, decisions)}


def stacks(number: int, **changes: object) -> tuple[StackSeen, ...]:
    return tuple(replace(one, **changes) if at == number else one for at, one in enumerate(DONE))  # type: ignore[arg-type]


def test_when_everything_is_there_every_goal_is_met() -> None:
    assert all(isinstance(verdict, Met) for verdict in verdicts(MET).values())


def test_an_empty_account_gets_the_zone_first() -> None:
    empty = Seen(
        "1", None, (), (), tuple(StackSeen(name, "absent") for name in stack_names(WANT)), TEMPLATES[:2], None, (), ()
    )

    found = verdicts(empty)

    assert found["provision/zone"] == Do((CreateZone("mentoring.example"),), found["provision/zone"].because)
    assert isinstance(found["provision/platform"], Wait)


def test_missing_repositories_are_made_one_by_one() -> None:
    found = verdicts(replace(MET, repositories_missing=("a", "b")))["provision/images"]

    assert isinstance(found, Do)
    assert found.deeds == (CreateRepository("a"), CreateRepository("b"))


def test_data_waits_for_the_network() -> None:
    seen = replace(MET, stacks=stacks(0, phase="working", status="CREATE_IN_PROGRESS"))

    assert isinstance(verdicts(seen)["provision/data"], Wait)


def test_a_platform_under_way_says_which_name_servers_it_may_be_waiting_for() -> None:
    seen = replace(MET, stacks=stacks(2, phase="working", status="CREATE_IN_PROGRESS"))

    assert "ns-1.example" in verdicts(seen)["provision/platform"].because


def test_a_role_that_cannot_log_in_is_made() -> None:
    seen = replace(MET, roles=(RoleSeen("mentors-api", usable=False), RoleSeen("sessions-api", usable=True)))

    found = verdicts(seen)["provision/role/mentors-api"]

    assert isinstance(found, Do)
    assert found.deeds == (
        CreateRole(
            footprint().database("mentors-api"),
            "mentoring/database/mentors-api/app",
            "mentoring/database/mentors-api/app-url",
        ),
    )


def test_only_names_without_records_are_seeded() -> None:
    seen = replace(MET, names=(NameSeen("mentors.mentoring.example", 50), NameSeen("sessions.mentoring.example", None)))

    found = verdicts(seen)["provision/names"]

    assert isinstance(found, Do)
    assert found.deeds == (
        SeedNames("Z1", (("sessions.mentoring.example", "sessions.herokudns.com"),), footprint().load_balancer_dns),
    )


TEMPLATE = Template("s", "body", parameters=(("ConfigVersion", "1"),), kept=(("WorkerCount", "2"),))


def stack(seen: StackSeen, template: Template = TEMPLATE) -> Verdict[UpdateStack | ProtectStack]:
    return judge_stack("mentoring", template, seen, {})


def test_an_absent_stack_is_brought_to_its_template_with_all_parameters() -> None:
    found = stack(StackSeen("s", "absent"))

    assert isinstance(found, Do)
    wanted = (("Digest", TEMPLATE.digest), ("ConfigVersion", "1"), ("WorkerCount", "2"))
    assert found.deeds == (UpdateStack("s", TEMPLATE.digest, "mentoring", "body", wanted),)


def test_a_template_that_the_linter_rejects_is_refused_with_its_rules() -> None:
    found = stack(StackSeen("s", "absent"), replace(TEMPLATE, faults=("E3012 at Resources/X: wrong type",)))

    assert isinstance(found, Refuse)
    assert "E3012" in found.because


def test_what_others_decide_is_no_reason_to_update() -> None:
    done = StackSeen("s", "complete", "UPDATE_COMPLETE", TEMPLATE.digest, protected=True)

    assert isinstance(stack(done, replace(TEMPLATE, kept=(("WorkerCount", "7"),))), Met)


def test_another_configuration_is_a_reason_to_update() -> None:
    done = StackSeen("s", "complete", "UPDATE_COMPLETE", TEMPLATE.digest, protected=True)

    assert isinstance(stack(done, replace(TEMPLATE, parameters=(("ConfigVersion", "2"),))), Do)


def test_a_complete_stack_is_protected() -> None:
    found = stack(StackSeen("s", "complete", "CREATE_COMPLETE", TEMPLATE.digest))

    assert isinstance(found, Do)
    assert found.deeds == (ProtectStack("s"),)


FAILED = StackSeen(
    "s", "failed", "ROLLBACK_COMPLETE", reason="X: no quota", failed_digest=TEMPLATE.digest, failure="e1"
)


def test_a_stack_that_failed_with_this_template_is_refused_with_the_reason() -> None:
    found = stack(FAILED)

    assert isinstance(found, Refuse)
    assert "no quota" in found.because
    assert "retry/e1" in found.hint


@pytest.mark.parametrize(
    ("seen", "decisions"),
    [(replace(FAILED, failed_digest="other"), {}), (FAILED, {"retry/e1": "yes"})],
    ids=["another template failed", "a person says try again"],
)
def test_a_failed_stack_is_tried_again_when_something_changed(seen: StackSeen, decisions: dict[str, str]) -> None:
    assert isinstance(judge_stack("mentoring", TEMPLATE, seen, decisions), Do)
