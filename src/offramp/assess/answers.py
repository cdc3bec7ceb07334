"""What are the three answers, each in a sentence with its figures?"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from . import words
from .cost.model import Comparison
from .feasibility.model import Answer as Word
from .feasibility.model import Feasibility, Finding, Severity, Verdict
from .latency.model import Latency
from .model import Answer, Gap, PartName, worst

SLOW, MOVE, WORTH = "Why is it slow?", "Can it move?", "What will it cost, and is it worth it?"
UNKNOWN = "Not known yet"


def slow(latencies: tuple[Latency, ...], gaps: Sequence[Gap]) -> Answer:
    """Answer by the app with the most time above the objective."""
    found = worst(latencies)
    if found is None:
        return _unknown(SLOW, "latency", gaps, "No log line was taken in, so nobody can say where the time goes.")
    others = f", the slowest of {len(latencies)} apps" if len(latencies) > 1 else ""
    return Answer(
        SLOW,
        words.duration(found.total.p99.ms),
        f"p99 of {found.app}{others}",
        found.sentence or _where(found),
    )


def _where(found: Latency) -> str:
    """Say where the time above the objective goes."""
    objective = words.duration(found.objective_ms)
    parts = sorted((part for part in found.attribution.parts if part.share > 0.05), key=lambda part: -part.share)
    if not parts:
        return f"No request took longer than the objective of {objective}."
    named = [f"{words.share(part.share)} {part.name}" for part in parts]
    return f"The time above {objective} is {words.listed(named)}."


def move(found: Feasibility | None, gaps: Sequence[Gap]) -> Answer:
    """Answer by the verdicts about the apps."""
    if found is None:
        return _unknown(MOVE, "feasibility", gaps, "Whether everything can move was not judged.")
    stays = [one for one in found.apps if one.answer is Word.STAY]
    first = found.of(Severity.BLOCKS) + found.of(Severity.FIRST)
    every = len(found.apps)
    if stays:
        return Answer(MOVE, f"{every - len(stays)} of {words.some(every, 'app')}", "can move", _staying(stays, found))
    if first:
        figure = f"After {words.some(len(first), 'mend')}"
        return Answer(MOVE, figure, f"{_all(every)} can move", _mending(first, found))
    return Answer(MOVE, "Yes", f"{_all(every)} can move", _freely(every, found))


def _all(every: int) -> str:
    """
    >>> _all(1), _all(2), _all(3)
    ('the app', 'both apps', 'all 3 apps')
    """
    return {1: "the app", 2: "both apps"}.get(every, f"all {every} apps")


def _staying(stays: list[Verdict], found: Feasibility) -> str:
    named = words.listed([one.name for one in stays])
    because = next((one.because[0].rstrip(".") for one in stays if one.because), "")
    rest = len(found.of(Severity.FIRST))
    others = f" The rest can move after {words.some(rest, 'mend')}." if rest else ""
    return f"{named} should not move{f': {because}' if because else ''}.{others}"


def _mending(first: Sequence[Finding], found: Feasibility) -> str:
    named = words.listed(list(dict.fromkeys(finding.title.rstrip(".") for finding in first)), 2)
    later = len(found.of(Severity.AFTER))
    afterwards = f" {words.some(later, 'more')} can wait until afterwards.".replace("mores", "more") if later else ""
    return (
        f"Everything can move once {words.some(len(first), 'finding is', 'findings are')} mended: {named}.{afterwards}"
    )


def _freely(every: int, found: Feasibility) -> str:
    later = len(found.of(Severity.AFTER))
    wait = f", and {words.some(later, 'finding')} can be mended afterwards" if later else ""
    return f"Nothing stands in the way of {_all(every)}{wait}."


def worth(found: Comparison | None, gaps: Sequence[Gap], traffic: Decimal | int = 1) -> Answer:
    """Answer by the verdict about costs at the traffic asked for; that nothing would be saved is said as plainly as savings are."""
    if found is None:
        return _unknown(WORTH, "cost", gaps, "What it would cost was not reckoned.")
    saving = found.saving(found.chosen, traffic)
    now, then = words.dollars(float(saving.heroku_cents) / 100), words.dollars(float(saving.aws_cents.likely) / 100)
    times = "" if traffic == 1 else f", at {traffic} times the traffic"
    unit = f"a month, by the {found.chosen} design{times}"
    if found.verdict.word == "stay":
        return Answer(WORTH, "Stay", f"{now} now, {then} {unit}", found.verdict.sentence)
    return Answer(WORTH, f"{now} → {then}", unit, found.verdict.sentence)


def _unknown(question: str, part: PartName, gaps: Sequence[Gap], otherwise: str) -> Answer:
    gap = next((gap for gap in gaps if gap.part == part), None)
    sentence = words.sentence(gap.because) if gap else otherwise
    remedy = f" To find out: {gap.remedy}" if gap and gap.remedy else ""
    return Answer(question, UNKNOWN, "", f"{sentence}{remedy}", known=False)
