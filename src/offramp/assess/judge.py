"""Is the estate assessed? An assessment informs the people who decide; it never stands in their way."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.stage import Decisions
from ..engine.verdict import Do, Fact, Finding, Met, Refuse, Verdict
from .model import Assessment
from .request import Request
from .seen import Assess, Deed, Kept, Seen, Unreadable

GOAL = "assess/report"


def judge(want: Request, seen: Seen, decisions: Decisions) -> Sequence[Finding[Deed]]:
    """Return one finding: met by any assessment of the estate on file that is fresh enough.

    Once the blueprint is approved nothing is assessed any more unless somebody asks: the move changes what would be measured.
    """
    facts = _facts(seen.kept) if isinstance(seen.kept, Assessment) else ()
    return (Finding(GOAL, _verdict(want, seen, decisions), facts),)


def _verdict(want: Request, seen: Seen, decisions: Decisions) -> Verdict[Deed]:
    if seen.estate is None:
        return Refuse("There is no estate.json to assess.", hint="Run `offramp discover` first.")
    why = _due(want, seen.estate, seen.kept)
    if why is None:
        return Met("assessment.json is of this estate")
    if not want.since and decisions.get("design/blueprint") == "approve":
        return Met(f"the blueprint is approved, so no assessment is made by itself ({why})")
    return Do((Assess(want),), because=why)


def _due(want: Request, estate: str, kept: Kept) -> str | None:
    """Say why an assessment is due, None when it is not."""
    match kept:
        case None:
            return "there is no assessment.json yet"
        case Unreadable(because):
            return f"assessment.json cannot be used: {because}"
        case Assessment() if kept.made_at < want.since:
            return "it was asked for anew"
        case Assessment() if kept.estate != estate:
            return "the estate has changed since it was assessed"
        case _:
            return None


def _facts(kept: Assessment) -> tuple[tuple[str, Fact], ...]:
    worst = max((one.total.p99.ms for one in kept.latencies), default=None)
    return (
        ("slow", kept.slow.figure),
        ("move", kept.move.figure),
        ("worth", kept.worth.figure),
        ("p99_ms", worst),
        ("findings", len(kept.feasibility.findings) if kept.feasibility else None),
        ("gaps", len(kept.gaps)),
        ("made_at", kept.made_at),
    )
