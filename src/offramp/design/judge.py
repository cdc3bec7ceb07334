"""Is there a blueprint, does it fit the estate, and did a person approve it?"""

from __future__ import annotations

from collections.abc import Sequence

from ..discover.model import Estate
from ..engine.stage import Decisions
from ..engine.verdict import Ask, Do, Fact, Finding, Met, Refuse, Verdict
from ..settings import Settings
from . import fit, measured, propose
from .measured import Measured
from .model import Blueprint
from .seen import Deed, Seen, WriteBlueprint

DECISION = "design/blueprint"


def judge(want: Settings, seen: Seen, decisions: Decisions) -> Sequence[Finding[Deed]]:
    """Return one finding: about what stands in the way, all of it, or about the blueprint."""
    if seen.estate is None:
        hint = "Run `offramp discover` first."
        return (Finding(DECISION, Refuse("There is no estate.json to design from.", hint=hint)),)
    if seen.blueprint is None:
        return _draft(want, seen.estate, measured.measured(seen.estate, seen.assessment))
    if problems := tuple(fit.misfits(seen.blueprint, seen.estate)):
        return (Finding(DECISION, _together(problems), _facts(seen.blueprint)),)
    return (Finding(DECISION, _approval(seen.blueprint, decisions), _facts(seen.blueprint)),)


def _draft(want: Settings, estate: Estate, sizes: tuple[Measured, ...]) -> Sequence[Finding[Deed]]:
    if problems := tuple(fit.obstacles(estate, want)):
        return (Finding(DECISION, _together(problems)),)
    deed = WriteBlueprint(propose.propose(estate, want, sizes), estate, sizes)
    return (Finding(DECISION, Do((deed,), because="there is no blueprint.toml yet")),)


def _together(problems: Sequence[Refuse]) -> Refuse:
    """Join refusals, so that a person meets all of them at once; equal hints are said once."""
    hints = dict.fromkeys(problem.hint for problem in problems)
    return Refuse(" ".join(problem.because for problem in problems), hint=" ".join(hints))


def _facts(blueprint: Blueprint) -> tuple[tuple[str, Fact], ...]:
    return (
        ("services", len(blueprint.services)),
        ("tasks", sum(service.count for service in blueprint.services)),
        ("databases", len(blueprint.databases)),
        ("caches", len(blueprint.caches)),
        ("waves", len(blueprint.waves)),
    )


def _approval(blueprint: Blueprint, decisions: Decisions) -> Verdict[Deed]:
    if decisions.get(DECISION) == "approve":
        return Met(because="blueprint.toml fits the estate and is approved")
    tasks = sum(service.count for service in blueprint.services)
    return Ask(
        DECISION,
        because=f"blueprint.toml plans services: {len(blueprint.services)} (tasks: {tasks}), databases: "
        f"{len(blueprint.databases)}, caches: {len(blueprint.caches)}, in {blueprint.region}; read it, change it, approve it",
    )
