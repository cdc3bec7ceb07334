"""How many steps does a person take, from nothing to replicating and back to nothing?"""

from __future__ import annotations

from ..peers import Steps
from ..peers.offramp import ALONE
from ..plan import SMOKE, Plan
from ..report import Section
from ..stage import Stage
from .following import following, turns


def run(stage: Stage, plan: Plan) -> Section:
    """Let every engine go its whole way once, and count what it wrote down while it did."""
    engines = turns(stage, plan, repeats=1)
    done: dict[str, Steps] = {}
    rows: list[list[str]] = []
    notes: list[str] = []
    for _, kind in engines:
        walked = ALONE if kind.name == "offramp" else kind
        with engines.trying(kind), following(stage, walked, SMOKE.live_scale) as live:
            done[kind.label] = live.engine.steps
    for label, steps in done.items():
        rows.append([label, str(len(steps.begin)), str(len(steps.removal))])
        notes.append(f"{label}: {_listed(steps.begin)}. To remove: {_listed(steps.removal)}.")
    return Section(
        "steps",
        "Manual steps",
        ("engine", "from nothing to replicating", "to remove"),
        rows + engines.absent(3),
        (
            "Counted while they were done, installing software and making roles and the empty target database not counted for anybody.",
            *notes,
        ),
        failures=engines.told(),
    )


def _listed(steps: list[str]) -> str:
    return "; ".join(f"`{step}`" for step in steps)
