"""Does every database have the link that its primary calls for, and may one rely on it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..design.model import Blueprint
from ..engine.stage import Decisions
from ..engine.verdict import Do, Fact, Finding, Met, Refuse, Verdict, Wait
from .model import Deed, LinkProgress, LinkWanted, ReplicaSeen, Seen, StartLink, StopLink, direction_from

# A link that has not reported for this long is being restarted by its scheduler, or is stuck.
BEAT_LIMIT_SECONDS = 10.0


def judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Sequence[Finding[Deed]]:
    retired = decisions.get("retire") == "approve"
    return tuple(_judge(want, seen, retired))


def _judge(want: Blueprint, seen: Seen, retired: bool) -> Iterator[Finding[Deed]]:
    for replica in seen.replicas:
        if retired:
            yield Finding(f"replicate/{replica.database}", _nothing(want, replica))
        else:
            yield Finding(f"replicate/{replica.database}", _replica(want, replica), _facts(replica))


def _facts(replica: ReplicaSeen) -> tuple[tuple[str, Fact], ...]:
    facts: tuple[tuple[str, Fact], ...] = (
        ("database", replica.database),
        ("primary", replica.primary),
        ("epoch", replica.epoch),
    )
    if (progress := replica.progress) is None:
        return facts
    return (
        *facts,
        ("phase", progress.phase),
        ("tables", progress.tables),
        ("rows", progress.rows_estimate),
        ("lag_seconds", progress.lag_seconds),
        ("lag_p99_ms", progress.lag_p99_ms),
        ("verified_share", progress.verified_share),
        ("differences", progress.differences),
        ("repaired", progress.repaired),
    )


def _nothing(want: Blueprint, replica: ReplicaSeen) -> Verdict[Deed]:
    if not replica.links:
        return Met(f"{replica.database} lives on AWS alone")
    return Do(tuple(StopLink(link, want.name) for link in replica.links), because="Heroku is being retired")


def wanted_link(replica: ReplicaSeen) -> LinkWanted:
    """Return the link that should run, given who is primary."""
    return LinkWanted(replica.database, direction_from(replica.primary), replica.epoch)


def _replica(want: Blueprint, replica: ReplicaSeen) -> Verdict[Deed]:
    wanted = wanted_link(replica)
    if stale := [link for link in replica.links if link != wanted]:
        return Do(
            tuple(StopLink(link, want.name) for link in stale),
            because=f"{replica.primary} is primary since epoch {replica.epoch}",
        )
    if wanted not in replica.links:
        if replica.concerns:
            listed = "; ".join(replica.concerns)
            return Refuse(
                f"{replica.database} cannot be carried yet: {listed}",
                hint="Mend what is named, then run `offramp run`.",
            )
        plan = want.database(replica.database)
        return Do(
            (StartLink(wanted, (plan.app, plan.config_var), want),),
            because=f"no link runs and {replica.primary} is primary",
        )
    if replica.progress is None:
        return Wait(f"the link is starting; the log of the ECS service {wanted.service} says what it does", 0.5)
    return _progress(replica.progress, wanted, want.cutover.max_lag_seconds)


def _progress(progress: LinkProgress, wanted: LinkWanted, max_lag_seconds: float) -> Verdict[Deed]:
    if progress.phase == "dead":
        return Refuse(
            f"the link of {wanted.database} has given up: {'; '.join(progress.held) or 'its capture removed itself'}",
            hint="Read `offramp log`, then remove the copy with `offramp rollback` or start over.",
        )
    if progress.held:
        return Refuse(
            f"{wanted.database} is held: {'; '.join(progress.held)}",
            hint="Mend the table as it says; the link goes on by itself.",
        )
    if progress.beat_age_seconds > BEAT_LIMIT_SECONDS:
        return Wait(f"the link has not reported for {progress.beat_age_seconds:.0f} s", 1)
    if progress.phase != "live":
        share = progress.rows_copied / progress.rows_estimate if progress.rows_estimate else 0.0
        done = f"{progress.rows_copied:,} of about {progress.rows_estimate:,} rows"
        return Wait(f"{progress.phase}: {done} ({min(share, 1):.0%})", 0.5)
    if progress.lag_seconds > max_lag_seconds:
        return Wait(f"{progress.lag_seconds:.1f} s behind, at most {max_lag_seconds:g} s wanted", 0.5)
    if progress.verified_share < 1:
        return Wait(f"verified {progress.verified_share:.0%} of the rows", 0.5)
    return Met(
        f"{wanted.direction} link live, {progress.lag_seconds:.2f} s behind, {progress.verified_share:.0%} verified, "
        f"{progress.differences} differences"
    )
