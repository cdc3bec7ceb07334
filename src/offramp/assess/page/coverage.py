"""How is shown what the answers rest on: which lines were there, what was asked for, what could not be seen, and how to see it?"""

from __future__ import annotations

from collections.abc import Iterator

from .. import words
from ..model import Assessment, Coverage, Gap
from .markup import NOTHING, Child, Markup, join, tag
from .parts import Column, Row, bullets, code, heading, pairs, paragraph, table

DOUBTFUL_SHARE = 0.99
"""Below this share of lines that are believed to be there, figures are said to be doubtful."""


def banner(assessment: Assessment) -> Markup:
    """Return what a reader must know before believing the figures; nothing when there is nothing."""
    told = [tag("p", line) for line in doubts(assessment)]
    return tag("aside", told, class_="banner", role="note", aria_label="Quality of the data") if told else NOTHING


def doubts(assessment: Assessment) -> Iterator[str]:
    """Yield what lessens the answers, one sentence each."""
    for one in assessment.coverage:
        lost = [
            f"{words.some(one.lost, 'line')} lost by Heroku (L10)" if one.lost else "",
            f"{words.some(one.defective, 'line')} unreadable or cut short" if one.defective else "",
        ]
        said = ", ".join(filter(None, lost))
        if one.believed < DOUBTFUL_SHARE:
            there = f"about {words.share(one.believed)} are there{f' ({said})' if said else ''}"
            yield f"Of {one.app}'s log lines {there}: its figures are a lower bound."
        elif said:
            yield f"{one.app}: {said}, of {words.some(one.lines, 'line')}."
    for latency in assessment.latencies:
        if latency.split.confidence == "low":
            yield f"In {latency.app} waiting and serving could not be told apart with confidence: {words.sentence(latency.split.because)}"
    seen = {one.part for one in assessment.gaps}
    if seen:
        yield f"Not everything could be seen ({words.listed(sorted(seen), 4)}); the last chapter says what, and the command that mends it."


def chapter(assessment: Assessment) -> Markup:
    """Return the conditions, the coverage and the gaps."""
    asked = assessment.conditions
    return join(
        [
            pairs(
                [
                    ("Made", f"{words.moment(assessment.made_at)}, by offramp {assessment.made_by}"),
                    ("Objective", f"{words.duration(asked.objective_ms)} at p99"),
                    ("Region", asked.region),
                    ("Logs", asked.logs),
                    ("What if", ", ".join(asked.what_if)),
                    ("Estate", assessment.estate),
                    (
                        "Brief",
                        "yes: made by offramp run, without the scratch planner; offramp assess makes it whole"
                        if asked.brief
                        else None,
                    ),
                ]
            ),
            _coverage(assessment.coverage),
            _gaps(assessment.gaps),
        ]
    )


def _coverage(found: tuple[Coverage, ...]) -> Markup:
    if not found:
        return NOTHING
    columns = (
        Column("app"), Column("lines", True), Column("router lines", True), Column("from"), Column("to"), Column("there", True),
        Column("lost", True), Column("defects"),
    )  # fmt: skip
    return join(
        [
            heading(3, "Log lines", "coverage"),
            table("Log lines", columns, [Row(_row(one)) for one in found], hidden_caption=True),
        ]
    )


def _row(one: Coverage) -> tuple[Child, ...]:
    return (
        one.app,
        words.count(one.lines),
        words.count(one.router_lines),
        words.moment(one.first_us / 1e6) if one.lines else "–",
        words.moment(one.last_us / 1e6) if one.lines else "–",
        words.share(one.believed),
        words.count(one.lost),
        bullets(f"{defect.what}: {defect.lines:,}" for defect in one.defects) or "none",
    )


def _gaps(gaps: tuple[Gap, ...]) -> Markup:
    if not gaps:
        return NOTHING
    items = [
        tag(
            "li",
            tag("h4", f"{gap.part}: {gap.about}" if gap.about else gap.part),
            paragraph(words.sentence(gap.because)),
            code(gap.remedy) if gap.remedy else None,
            class_="item",
        )
        for gap in gaps
    ]
    return join([heading(3, "What could not be seen", "gaps"), tag("ol", items, class_="items")])
