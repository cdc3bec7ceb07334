"""What is to be done until every service is up and well?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from mentoring import blueprint, footprint

from offramp.deploy.judge import judge
from offramp.deploy.model import (
    ConfigSeen,
    Deed,
    PoolerSeen,
    ReleaseSeen,
    RememberRelease,
    Seen,
    ServiceSeen,
    StartRelease,
    WriteConfig,
    WritePooler,
    app_stack,
    apps,
    config_plan,
    gateway_stack,
    image_of,
    release_mark,
    schedule_name,
)
from offramp.engine.verdict import Ask, Do, Met, Refuse, Verdict, Wait
from offramp.provision.stacks import StackSeen, Template, UpdateStack

WANT = blueprint()
NAMES = (gateway_stack(WANT), *(app_stack(WANT, app) for app in apps(WANT)))
TEMPLATES = tuple(Template(name, f"body of {name}") for name in NAMES)
IMAGE = image_of(WANT, "sessions-api")
SERVICES = ("pooler", "gateway", *(service.name for service in WANT.services))
MET = Seen(
    footprint=footprint(),
    pooler=PoolerSeen(exists=True, token_kept=True, pool_size=20),
    configs=tuple(ConfigSeen(app, "f1", "f1", config_plan(WANT, app, {}), "arn", ("A",)) for app in apps(WANT)),
    stacks=tuple(StackSeen(t.stack, "complete", "CREATE_COMPLETE", t.digest, protected=True) for t in TEMPLATES),
    templates=TEMPLATES,
    services=tuple(ServiceSeen(name, 1, 1, steady=True, failed=0) for name in SERVICES),
    releases=(ReleaseSeen("sessions-api", IMAGE, IMAGE),),
    healthy_targets=2,
)


def verdicts(seen: Seen, **decisions: str) -> dict[str, Verdict[Deed]]:
    return {finding.goal: finding.verdict for finding in judge(WANT, seen, decisions)}


def test_when_everything_is_well_every_goal_is_met() -> None:
    assert all(isinstance(verdict, Met) for verdict in verdicts(MET).values())


def test_the_goals_come_in_order_of_dependence() -> None:
    assert list(verdicts(MET)) == [
        "deploy/pooler",
        "deploy/config/mentors-api",
        "deploy/config/sessions-api",
        "deploy/config/web",
        "deploy/gateway",
        "deploy/release/sessions-api",
        "deploy/app/mentors-api",
        "deploy/app/sessions-api",
        "deploy/app/web",
    ]


def test_nothing_is_deployed_without_foundations() -> None:
    (found,) = verdicts(replace(MET, footprint=None)).values()

    assert isinstance(found, Wait)


def test_a_stack_being_changed_is_waited_for() -> None:
    busy = (MET.stacks[0], replace(MET.stacks[1], phase="working", status="UPDATE_IN_PROGRESS"), *MET.stacks[2:])

    assert [type(v) for v in verdicts(replace(MET, stacks=busy)).values()] == [Wait]
    assert list(verdicts(replace(MET, stacks=busy))) == ["deploy/app/mentors-api"]


@pytest.mark.parametrize(
    "pooler",
    [
        PoolerSeen(exists=False),
        PoolerSeen(exists=True, missing=("mentors-api",), token_kept=True, pool_size=20),
        PoolerSeen(exists=True, token_kept=False, pool_size=20),
        PoolerSeen(exists=True, token_kept=True, pool_size=5),
    ],
)
def test_the_poolers_configuration_is_written_when_something_lacks(pooler: PoolerSeen) -> None:
    found = verdicts(replace(MET, pooler=pooler))["deploy/pooler"]

    assert isinstance(found, Do)
    assert isinstance(found.deeds[0], WritePooler)


@pytest.mark.parametrize("kept", [None, "f0"])
def test_a_configuration_that_differs_is_written(kept: str | None) -> None:
    configs = (replace(MET.configs[0], kept=kept), *MET.configs[1:])

    found = verdicts(replace(MET, configs=configs))["deploy/config/mentors-api"]

    assert isinstance(found, Do)
    (deed,) = found.deeds
    assert isinstance(deed, WriteConfig)
    assert deed.fingerprint == "f1"
    assert deed.caches == ()


def test_a_cache_that_has_moved_is_named_with_its_place() -> None:
    plan = config_plan(WANT, "mentors-api", {"mentors-api": "aws"})
    configs = (replace(MET.configs[0], kept=None, plan=plan), *MET.configs[1:])

    found = verdicts(replace(MET, configs=configs))["deploy/config/mentors-api"]

    assert isinstance(found, Do)
    assert isinstance(found.deeds[0], WriteConfig)
    assert found.deeds[0].caches == (("mentors-api", "mentors-api.cache", 6379, "mentoring/cache/mentors-api"),)


def test_a_gateway_counts_only_when_the_load_balancer_sends_to_it() -> None:
    assert isinstance(verdicts(replace(MET, healthy_targets=1))["deploy/gateway"], Wait)


def test_a_service_counts_only_when_it_is_steady() -> None:
    services = tuple(
        replace(s, steady=False, failed=2, event="it crashed") if s.name == "web-web" else s for s in MET.services
    )

    found = verdicts(replace(MET, services=services))["deploy/app/web"]

    assert isinstance(found, Wait)
    assert "it crashed" in found.because


def test_a_service_that_somebody_removed_is_refused() -> None:
    services = tuple(s for s in MET.services if s.name != "web-web")

    assert isinstance(verdicts(replace(MET, services=services))["deploy/app/web"], Refuse)


def test_another_template_is_brought_to_the_stack() -> None:
    templates = (*TEMPLATES[:-1], Template(NAMES[-1], "another body"))

    found = verdicts(replace(MET, templates=templates))["deploy/app/web"]

    assert isinstance(found, Do)
    assert isinstance(found.deeds[0], UpdateStack)


def release(**task: object) -> Verdict[Deed]:
    seen = ReleaseSeen("sessions-api", IMAGE, "an older image", **task)  # type: ignore[arg-type]
    return verdicts(replace(MET, releases=(seen,)))["deploy/release/sessions-api"]


def test_a_new_image_runs_its_release_phase_first() -> None:
    found = release()

    assert isinstance(found, Do)
    (deed,) = found.deeds
    assert isinstance(deed, StartRelease)
    assert (deed.command, deed.image, deed.mark) == (
        "python manage.py migrate",
        IMAGE,
        release_mark("sessions-api", IMAGE),
    )


def test_a_running_release_phase_is_waited_for() -> None:
    assert isinstance(release(task="t1"), Wait)


def test_a_release_phase_that_ended_well_is_remembered() -> None:
    found = release(task="t1", stopped=True, exit_status=0)

    assert isinstance(found, Do)
    assert found.deeds == (RememberRelease("/mentoring/sessions-api/released", "sessions-api", IMAGE),)


@pytest.mark.parametrize("status", [1, 137, None])
def test_a_release_phase_that_failed_asks_and_says_where_its_log_is(status: int | None) -> None:
    found = release(task="t1", stopped=True, exit_status=status)

    assert isinstance(found, Ask)
    assert "sessions-api-release/main/t1" in found.because


def test_a_failed_release_phase_runs_again_when_a_person_says_so() -> None:
    failed = ReleaseSeen("sessions-api", IMAGE, None, "t1", stopped=True, exit_status=1)

    found = verdicts(replace(MET, releases=(failed,)), **{"release/t1": "again"})["deploy/release/sessions-api"]

    assert isinstance(found, Do)


def test_names_that_aws_limits_stay_within_its_limits() -> None:
    long = replace(WANT.jobs[0], app="a" * 30)

    assert len(schedule_name(replace(WANT, name="n" * 20), long)) <= 64
    assert len(release_mark("a" * 30, "i" * 200)) <= 36
