"""May more traffic go to AWS now, must some come back, and may the jobs follow?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..design.model import Blueprint
from ..engine.stage import Decisions
from ..engine.verdict import Ask, Do, Fact, Finding, Met, Refuse, Verdict, Wait
from .model import (
    START,
    Deed,
    GroupSeen,
    Mark,
    MoveTraffic,
    RemoveScheduler,
    Seen,
    SetOrigins,
    StartWorkers,
    StopDynos,
    SwitchOnSchedule,
    groups,
)

LOOK_AGAIN_SECONDS = 2.0
# Fewer requests than this say nothing before the bake time is over.
REQUESTS_TO_JUDGE_EARLY = 50
# A step that no request has tested is not passed over in silence.
BAKES_WITHOUT_REQUESTS = 10


def judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Sequence[Finding[Deed]]:
    """Judge the goals in order of dependence; nothing begins before a person approved ``shift/start``."""
    return tuple(_permitted(finding, decisions) for finding in _judge(want, seen, decisions))


def _permitted(finding: Finding[Deed], decisions: Decisions) -> Finding[Deed]:
    """Turn what would be done into a question until the move of traffic is approved. Going back needs no permission."""
    verdict = finding.verdict
    if not isinstance(verdict, Do) or decisions.get(START) == "approve" or _goes_back(verdict):
        return finding
    return Finding(finding.goal, Ask(START, f"{verdict.because}; production traffic begins to move"), finding.facts)


def _goes_back(verdict: Do[Deed]) -> bool:
    return all(isinstance(deed, MoveTraffic) and deed.returned is not None for deed in verdict.deeds)


def _judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Iterator[Finding[Deed]]:
    yield Finding("shift/origins", _origins(want, seen))
    for group in seen.groups:
        yield Finding(f"shift/domains/{group.name}", _group(want, seen, group, decisions), _facts(group))
    yield from _jobs(want, seen, decisions)


def _facts(group: GroupSeen) -> tuple[tuple[str, Fact], ...]:
    return (("share_percent", _share(group)), ("requests", group.requests), ("errors", group.errors))


def _origins(want: Blueprint, seen: Seen) -> Verdict[Deed]:
    stale = {(origin.app, origin.config_var) for origin in seen.origins if not origin.moved}
    if not stale:
        return Met("front ends call names whose DNS can move")
    deeds = tuple(
        SetOrigins(
            app, tuple((o.config_var, o.value) for o in want.origins if (o.app, o.config_var) in stale and o.app == app)
        )
        for app in sorted({app for app, _ in stale})
    )
    return Do(deeds, because=f"{len(stale)} addresses in front ends still name Heroku's own hosts")


def _share(group: GroupSeen) -> int | None:
    """Return the group's share on AWS, the smallest when its names disagree; None while one has no records of ours."""
    shares = [name.share for name in group.names]
    return None if None in shares else min(share for share in shares if share is not None)


def _mark(group: GroupSeen) -> Mark | None:
    """Return the latest mark of the group's names."""
    return max((name.mark for name in group.names if name.mark), key=lambda mark: mark.since, default=None)


def _group(want: Blueprint, seen: Seen, group: GroupSeen, decisions: Decisions) -> Verdict[Deed]:
    share, mark = _share(group), _mark(group)
    if share is None or mark is None or seen.zone_id is None or seen.load_balancer_dns is None:
        return Refuse(
            f"the names of {group.name} have no weighted records of ours",
            hint="Run `offramp run --until provision`; it writes them with all traffic on Heroku.",
        )
    if any(name.share != share for name in group.names):
        return _move(want, seen, group, share, because="its names do not have the same share")
    if share == 0:
        return _begin(want, seen, group, mark, decisions)
    return _under_way(want, seen, group, share, mark, decisions)


def _begin(want: Blueprint, seen: Seen, group: GroupSeen, mark: Mark, decisions: Decisions) -> Verdict[Deed]:
    first = want.shift.steps[0]
    if mark.returned is None:
        return _move(want, seen, group, first, because=f"all traffic of {group.name} is on Heroku")
    decision = f"shift/again-{mark.since:.0f}"
    if decisions.get(decision) == "approve":
        return _move(want, seen, group, first, because="a person asked for another try")
    share = mark.errors / mark.requests if mark.requests else 1.0
    because = (
        f"the traffic of {group.name} came back by itself from {mark.returned} %: "
        f"{mark.errors} of {mark.requests} requests ({share:.1%}) ended in an error"
    )
    return Ask(decision, because)


def _under_way(
    want: Blueprint, seen: Seen, group: GroupSeen, share: int, mark: Mark, decisions: Decisions
) -> Verdict[Deed]:
    waited = seen.now - mark.since
    baked = waited >= want.shift.bake_seconds
    last = share >= want.shift.steps[-1]
    if not (last and _settled(want, waited)) and _failing(want, group, baked):
        return _come_back(want, seen, group, share)
    if not baked:
        left = want.shift.bake_seconds - waited
        told = f"{share} % of {group.name} is on AWS, {group.errors} of {group.requests} requests failed, {left:.0f} s to go"
        return Wait(told, min(LOOK_AGAIN_SECONDS, max(left, 0.1)))
    if group.requests == 0 and (untested := _untested(want, group, share, mark, waited, decisions)) is not None:
        return untested
    if last:
        return Met(f"all traffic of {group.name} is on AWS")
    step = next(step for step in want.shift.steps if step > share)
    because = f"{share} % went well: {group.errors} of {group.requests} requests failed"
    return _move(want, seen, group, step, because=because)


def _settled(want: Blueprint, waited: float) -> bool:
    """Whether the last step is so long ago that a return is a person's decision, not ours."""
    return waited >= 2 * want.shift.bake_seconds


def _failing(want: Blueprint, group: GroupSeen, baked: bool) -> bool:
    enough = baked or group.requests >= REQUESTS_TO_JUDGE_EARLY
    return enough and group.error_share > want.shift.max_error_share


def _untested(
    want: Blueprint, group: GroupSeen, share: int, mark: Mark, waited: float, decisions: Decisions
) -> Verdict[Deed] | None:
    """Return what to do about a step that no request has tested; None when a person said to go on."""
    decision = f"shift/quiet-{mark.since:.0f}"
    if decisions.get(decision) == "continue":
        return None
    because = f"no request has reached AWS in {waited:.0f} s, though {share} % of {group.name} should"
    if waited < BAKES_WITHOUT_REQUESTS * want.shift.bake_seconds:
        return Wait(because, LOOK_AGAIN_SECONDS)
    return Ask(decision, because, ("continue",))


def _move(want: Blueprint, seen: Seen, group: GroupSeen, share: int, *, because: str) -> Do[Deed]:
    return Do((_traffic(want, seen, group, share),), because=because)


def _come_back(want: Blueprint, seen: Seen, group: GroupSeen, share: int) -> Do[Deed]:
    deed = _traffic(want, seen, group, 0, returned=share, requests=group.requests, errors=group.errors)
    told = f"{group.errors} of {group.requests} requests ({group.error_share:.1%}) failed at {share} %"
    return Do((deed,), because=f"{told}, more than {want.shift.max_error_share:.1%}")


def _traffic(
    want: Blueprint,
    seen: Seen,
    group: GroupSeen,
    share: int,
    *,
    returned: int | None = None,
    requests: int = 0,
    errors: int = 0,
) -> MoveTraffic:
    domains = dict(groups(want))[group.name]
    names = tuple((domain.hostname, domain.heroku_target) for domain in domains)
    return MoveTraffic(seen.zone_id or "", names, seen.load_balancer_dns or "", share, returned, requests, errors)


def _jobs(want: Blueprint, seen: Seen, decisions: Decisions) -> Iterator[Finding[Deed]]:
    """Yield one goal per app with workers or jobs: Heroku's must have ended before AWS's begin."""
    apps = sorted(
        {worker.app for worker in seen.workers}
        | {scheduler.app for scheduler in seen.schedulers}
        | {schedule.app for schedule in seen.schedules}
    )
    moved = all(_share(group) == want.shift.steps[-1] for group in seen.groups)
    for app in apps:
        waiting = Wait("jobs follow when all traffic is on AWS", LOOK_AGAIN_SECONDS)
        yield Finding(f"shift/jobs/{app}", _app_jobs(want, seen, app, decisions) if moved else waiting)


def _app_jobs(want: Blueprint, seen: Seen, app: str, decisions: Decisions) -> Verdict[Deed]:
    if (stopping := _stop_on_heroku(want, seen, app, decisions)) is not None:
        return stopping
    starting: list[Deed] = []
    for worker in seen.workers:
        count = next(service.count for service in want.services if service.name == worker.service)
        if worker.app == app and worker.aws_desired != count:
            starting.append(StartWorkers(want.name, worker.service, count))
    missing = [one.name for one in seen.schedules if one.app == app and one.on is None]
    if missing:
        return Refuse(f"{app} has no schedule {missing[0]} on AWS", hint="Run `offramp run --until deploy`.")
    starting += [SwitchOnSchedule(app, one.name) for one in seen.schedules if one.app == app and not one.on]
    if starting:
        return Do(tuple(starting), because=f"the jobs of {app} run nowhere now")
    late = [worker for worker in seen.workers if worker.app == app and worker.aws_running < worker.aws_desired]
    if late:
        told = f"{late[0].aws_running} of {late[0].aws_desired} tasks of {late[0].service} run"
        return Wait(told, LOOK_AGAIN_SECONDS)
    return Met(f"the jobs of {app} run on AWS alone")


def _stop_on_heroku(want: Blueprint, seen: Seen, app: str, decisions: Decisions) -> Verdict[Deed] | None:
    """Return what must end on Heroku first; None when nothing of the app's jobs runs there."""
    schedulers = [one for one in seen.schedulers if one.app == app]
    decision = f"shift/scheduler-{app}"
    unknown = schedulers and not any(job.app == app for job in want.jobs)
    if unknown and decisions.get(decision) != "drop":
        because = f"{app} has a Scheduler add-on, and the blueprint knows none of its jobs; removing it loses them"
        return Ask(decision, because, ("drop",))
    stops = [StopDynos(app, worker.process) for worker in seen.workers if worker.app == app and worker.heroku_wanted]
    removals = [RemoveScheduler(app, one.addon) for one in schedulers]
    if stops or removals:
        return Do((*stops, *removals), because=f"jobs of {app} must end on Heroku before they begin on AWS")
    alive = [worker for worker in seen.workers if worker.app == app and worker.heroku_alive]
    if alive:
        return Wait(
            f"{alive[0].heroku_alive} dynos of {alive[0].process} are still stopping on Heroku", LOOK_AGAIN_SECONDS
        )
    return None
