"""How is the second answer shown: which apps may move, and what is to be mended, worst first?"""

from __future__ import annotations

from typing import assert_never

from .. import words
from ..feasibility.model import Answer, Commands, Feasibility, Finding, Mend, Patch, Severity, Steps, Verdict
from . import charts
from .charts import Segment
from .markup import NOTHING, Child, Markup, join, tag
from .parts import Column, Row, badge, bullets, code, figure, fold, heading, pairs, paragraph, table

TONES = {Severity.BLOCKS: "bad", Severity.FIRST: "memory", Severity.AFTER: "queue", Severity.KNOW: "unknown"}
TITLES = {
    Severity.BLOCKS: "Blocks the move",
    Severity.FIRST: "To be mended first",
    Severity.AFTER: "To be mended afterwards",
    Severity.KNOW: "Good to know",
}
_BADGES = {Severity.BLOCKS: "bad", Severity.FIRST: "warn"}
_ANSWERS = {Answer.MOVE: "good", Answer.MEND: "warn", Answer.STAY: "bad"}


def segments(found: Feasibility) -> tuple[Segment, ...]:
    """Return how many findings there are of each severity as a bar's segments."""
    return tuple(
        Segment(TITLES[severity].lower(), number, str(number), TONES[severity]) for severity, number in found.counts
    )


def chapter(found: Feasibility) -> Markup:
    """Return every finding with its mends, and the verdicts."""
    bars = segments(found)
    return join(
        [
            figure(charts.stack("findings", "Findings by severity", bars), charts.legend(bars))
            if found.findings
            else None,
            _verdicts("Apps", found.apps),
            _verdicts("Waves: what must switch together", found.waves),
            [_group(severity, found.of(severity)) for severity in Severity],
            (heading(3, "What could not be judged"), bullets(found.unseen)) if found.unseen else None,
        ]
    )


def anchor(severity: Severity) -> str:
    return f"findings-{severity.name.lower()}"


def _verdicts(caption: str, verdicts: tuple[Verdict, ...]) -> Markup:
    if not verdicts:
        return NOTHING
    rows = [
        Row(
            (
                one.name,
                badge(one.answer, _ANSWERS[one.answer]),
                bullets(words.sentence(line) for line in one.because) or "Nothing stands in the way.",
            )
        )
        for one in verdicts
    ]
    return table(caption, (Column("name"), Column("may it move"), Column("because")), rows)


def _group(severity: Severity, findings: tuple[Finding, ...]) -> Markup:
    if not findings:
        return NOTHING
    items = tag("ol", [_finding(finding) for finding in findings], class_="items")
    title = heading(3, f"{TITLES[severity]} ({len(findings)})", anchor(severity))
    if severity is Severity.KNOW:
        return join([title, fold("Show them", items, kept=True)])
    return join([title, items])


def _finding(finding: Finding) -> Markup:
    concerned = ", ".join(filter(None, (*finding.apps, finding.database or "")))
    return tag(
        "li",
        tag("h4", finding.title, " ", badge(finding.subject, _BADGES.get(finding.severity, ""))),
        paragraph(finding.why),
        pairs(
            [
                ("Concerns", concerned),
                ("Objects", [[tag("code", name), " "] for name in finding.objects]),
                ("Seen", bullets(finding.seen)),
                ("Certain", None if finding.certain else "No: what was seen allows another reading."),
            ]
        ),
        [_mend(mend) for mend in finding.mends],
        paragraph(f"{finding.source.text}, {finding.source.date}", style="source") if finding.source.text else None,
        class_="item",
    )


def _mend(mend: Mend) -> Child:
    match mend:
        case Commands(lines):
            return code("\n".join(lines))
        case Patch(app, diff):
            return (paragraph(f"In the repository of {app}:", style="note"), code(diff))
        case Steps(lines):
            return bullets(lines)
        case _:
            assert_never(mend)
