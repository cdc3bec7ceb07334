"""When does traffic move, when does it come back, and when may jobs follow?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from mentoring import blueprint

from offramp.design.model import DomainPlan
from offramp.engine.verdict import Ask, Do, Met, Refuse, Verdict, Wait
from offramp.shift.judge import judge
from offramp.shift.model import (
    Deed,
    GroupSeen,
    Mark,
    MoveTraffic,
    NameSeen,
    OriginSeen,
    RemoveScheduler,
    SchedulerSeen,
    ScheduleSeen,
    Seen,
    SetOrigins,
    StartWorkers,
    StopDynos,
    SwitchOnSchedule,
    WorkerSeen,
    groups,
    read_mark,
    write_mark,
)

WANT = blueprint()
NOW = 10_000.0
APPROVED = {"shift/start": "approve"}
HOSTS = ("mentors.mentoring.example", "sessions.mentoring.example")
NAMES = tuple((domain.hostname, domain.heroku_target) for domain in WANT.domains)


def group(
    share: int | None, *, age: float = 400, requests: int = 1000, errors: int = 0, mark: Mark | None = None
) -> GroupSeen:
    told = mark or Mark(share or 0, NOW - age)
    return GroupSeen(
        "main", tuple(NameSeen(host, share, told if share is not None else None) for host in HOSTS), requests, errors
    )


def seen(found: GroupSeen) -> Seen:
    return Seen(
        now=NOW,
        zone_id="Z1",
        load_balancer_dns="lb",
        origins=(OriginSeen("web", "SESSIONS_API_ORIGIN", moved=True),),
        groups=(found,),
        workers=(WorkerSeen("sessions-api", "worker", "sessions-api-worker", 1, 1, 0, 0),),
        schedulers=(SchedulerSeen("sessions-api", "scheduler-1"),),
        schedules=(ScheduleSeen("sessions-api", "job-1", on=False),),
    )


def verdict(goal: str, picture: Seen, decisions: dict[str, str] | None = None) -> Verdict[Deed]:
    found = judge(WANT, picture, APPROVED if decisions is None else decisions)
    return next(finding.verdict for finding in found if finding.goal == goal)


def domains(found: GroupSeen, decisions: dict[str, str] | None = None) -> Verdict[Deed]:
    return verdict("shift/domains/main", seen(found), decisions)


def moved(found: Verdict[Deed]) -> int:
    """Return the share that the verdict moves all names to."""
    assert isinstance(found, Do)
    (deed,) = found.deeds
    assert isinstance(deed, MoveTraffic)
    assert deed.names == NAMES
    return deed.share


def test_nothing_moves_before_a_person_said_so() -> None:
    found = domains(group(0), {})

    assert isinstance(found, Ask)
    assert found.decision == "shift/start"


def test_a_front_end_with_old_addresses_is_pointed_at_the_domains() -> None:
    picture = replace(seen(group(0)), origins=(OriginSeen("web", "SESSIONS_API_ORIGIN", moved=False),))

    found = verdict("shift/origins", picture)

    assert isinstance(found, Do)
    assert found.deeds == (SetOrigins("web", (("SESSIONS_API_ORIGIN", "https://sessions.mentoring.example"),)),)


@pytest.mark.parametrize(("share", "next_share"), [(0, 10), (10, 50), (50, 100)])
def test_after_a_good_bake_all_names_of_a_wave_take_the_next_step(share: int, next_share: int) -> None:
    assert moved(domains(group(share))) == next_share


def test_a_step_is_baked_before_the_next() -> None:
    found = domains(group(10, age=100))

    assert isinstance(found, Wait)
    assert "200 s to go" in found.because


def test_at_the_last_step_after_the_bake_the_goal_is_met() -> None:
    assert isinstance(domains(group(100)), Met)


def test_too_many_errors_bring_the_traffic_back_with_the_counts() -> None:
    found = domains(group(50, errors=11))

    assert moved(found) == 0
    assert isinstance(found, Do)
    assert found.deeds == (MoveTraffic("Z1", NAMES, "lb", 0, returned=50, requests=1000, errors=11),)


def test_errors_within_the_limit_do_not() -> None:
    assert moved(domains(group(50, errors=10))) == 100


def test_errors_bring_the_traffic_back_before_the_bake_is_over() -> None:
    assert moved(domains(group(10, age=20, requests=50, errors=5))) == 0


def test_a_few_early_requests_prove_nothing() -> None:
    assert isinstance(domains(group(10, age=20, requests=5, errors=5)), Wait)


def test_going_back_needs_no_permission() -> None:
    assert moved(domains(group(10, errors=500), {})) == 0


def test_errors_long_after_the_last_step_are_a_persons_to_judge() -> None:
    assert isinstance(domains(group(100, age=601, errors=500)), Met)


RETURNED = Mark(0, 9000, returned=50, requests=1000, errors=11)


def test_traffic_that_came_back_asks_with_the_reason() -> None:
    found = domains(group(0, mark=RETURNED))

    assert isinstance(found, Ask)
    assert found.decision == "shift/again-9000"
    assert "11 of 1000" in found.because


def test_traffic_that_came_back_begins_anew_when_a_person_says_so() -> None:
    assert moved(domains(group(0, mark=RETURNED), {**APPROVED, "shift/again-9000": "approve"})) == 10


def test_an_old_permission_does_not_stand_for_the_next_return() -> None:
    again = replace(RETURNED, since=9500)

    assert isinstance(domains(group(0, mark=again), {**APPROVED, "shift/again-9000": "approve"}), Ask)


def test_a_step_without_requests_is_not_passed_over() -> None:
    assert isinstance(domains(group(10, requests=0)), Wait)
    assert isinstance(domains(group(10, age=3001, requests=0)), Ask)


def test_a_person_may_go_on_without_requests() -> None:
    mark = Mark(10, 5000)

    assert moved(domains(group(10, requests=0, mark=mark), {**APPROVED, "shift/quiet-5000": "continue"})) == 50


def test_names_that_disagree_are_brought_to_the_smaller_share() -> None:
    mark = Mark(10, 5000)
    torn = GroupSeen("main", (NameSeen(HOSTS[0], 10, mark), NameSeen(HOSTS[1], 50, mark)), 10, 0)

    assert moved(domains(torn)) == 10


def test_names_without_records_of_ours_are_refused() -> None:
    assert isinstance(domains(group(None)), Refuse)


def jobs(picture: Seen, decisions: dict[str, str] | None = None) -> Verdict[Deed]:
    return verdict("shift/jobs/sessions-api", picture, decisions)


def test_jobs_wait_for_all_traffic() -> None:
    assert isinstance(jobs(seen(group(50))), Wait)


def test_jobs_end_on_heroku_first() -> None:
    found = jobs(seen(group(100)))

    assert isinstance(found, Do)
    assert found.deeds == (StopDynos("sessions-api", "worker"), RemoveScheduler("sessions-api", "scheduler-1"))


STOPPED = replace(
    seen(group(100)),
    schedulers=(),
    workers=(WorkerSeen("sessions-api", "worker", "sessions-api-worker", 0, 0, 0, 0),),
)


def test_jobs_do_not_begin_while_a_dyno_is_still_stopping() -> None:
    stopping = (WorkerSeen("sessions-api", "worker", "sessions-api-worker", 0, 1, 0, 0),)

    assert isinstance(jobs(replace(STOPPED, workers=stopping)), Wait)


def test_jobs_begin_on_aws_when_none_is_left_on_heroku() -> None:
    found = jobs(STOPPED)

    assert isinstance(found, Do)
    assert found.deeds == (
        StartWorkers("mentoring", "sessions-api-worker", 2),
        SwitchOnSchedule("sessions-api", "job-1"),
    )


def test_jobs_are_met_when_the_tasks_run() -> None:
    running = replace(
        STOPPED,
        workers=(WorkerSeen("sessions-api", "worker", "sessions-api-worker", 0, 0, 2, 2),),
        schedules=(ScheduleSeen("sessions-api", "job-1", on=True),),
    )

    assert isinstance(jobs(running), Met)


def test_a_scheduler_whose_jobs_nobody_wrote_down_is_not_removed_unasked() -> None:
    want = replace(WANT, jobs=())
    picture = replace(seen(group(100)), schedules=())

    found = next(f.verdict for f in judge(want, picture, APPROVED) if f.goal == "shift/jobs/sessions-api")

    assert isinstance(found, Ask)
    assert found.answers == ("drop",)


@pytest.mark.parametrize("mark", [Mark(10, 5000), RETURNED])
def test_a_mark_survives_being_written(mark: Mark) -> None:
    assert read_mark(write_mark(mark)) == mark


@pytest.mark.parametrize("text", [None, "", "share=x since=1", "share=10"])
def test_a_note_of_somebody_else_is_no_mark(text: str | None) -> None:
    assert read_mark(text) is None


def test_names_of_no_wave_move_last() -> None:
    www = DomainPlan("www.mentoring.example", "web", "www.herokudns.com")

    found = groups(replace(WANT, domains=(www, *WANT.domains)))

    assert found == (("main", WANT.domains), ("rest", (www,)))
