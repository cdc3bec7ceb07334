"""Every line that a mend of feasibility asks somebody to run, in all the cases that make rules speak."""

from __future__ import annotations

import re

from feasible_cases import CASES, World

from offramp.assess.feasibility import rules
from offramp.assess.feasibility.model import Commands, Finding, Steps
from offramp.assess.feasibility.verdicts import judge

BACKTICKED = re.compile(r"`((?:heroku|offramp|aws) [^`]+)`")


def findings(world: World) -> tuple[Finding, ...]:
    return judge(world.estate, world.preflights, world.readings, world.cost).findings


EVERY = tuple(finding for case in CASES for finding in (*findings(case.fires), *findings(case.near_miss)))


def lines(program: str) -> tuple[str, ...]:
    """Every line of every mend that runs this program, and what is quoted in sentences."""
    said: list[str] = []
    for finding in EVERY:
        for mend in finding.mends:
            if isinstance(mend, Commands):
                said += mend.lines
            elif isinstance(mend, Steps):
                said += (found for line in mend.lines for found in BACKTICKED.findall(line))
    for kind in rules.KINDS:
        said += BACKTICKED.findall(kind.why)
    return tuple(dict.fromkeys(line for line in said if line.startswith(f"{program} ")))
