"""What does a reader see first? Three questions, three answers with a figure each, and what to doubt."""

from __future__ import annotations

from .. import words
from ..model import Answer, Assessment, worst
from . import charts, cost, coverage, feasibility, latency
from .markup import NOTHING, Markup, join, tag


def opening(assessment: Assessment) -> Markup:
    """Return the masthead, the three answers, and the banner about the data's quality."""
    drawn = (_slow(assessment), _move(assessment), _worth(assessment))
    columns = [
        _answer(number, answer, chart)
        for number, (answer, chart) in enumerate(zip(assessment.answers, drawn, strict=True), start=1)
    ]
    return join(
        [
            tag(
                "header",
                tag("p", "offramp · assessment", class_="brand"),
                tag("h1", assessment.name),
                tag("p", _facts(assessment), class_="facts"),
                class_="masthead",
            ),
            tag("div", columns, class_="answers"),
            coverage.banner(assessment),
        ]
    )


def _facts(assessment: Assessment) -> str:
    scope = assessment.scope
    parts = [
        words.some(len(scope.apps), "app"),
        words.some(len(scope.databases), "database"),
        words.some(len(scope.caches), "cache") if scope.caches else "",
        f"to {assessment.conditions.region}",
        words.moment(assessment.made_at),
    ]
    return " · ".join(filter(None, parts))


_CHAPTERS = ("slow", "move", "worth")


def _answer(number: int, answer: Answer, chart: Markup) -> Markup:
    chapter = _CHAPTERS[number - 1]
    return tag(
        "section",
        tag("h2", answer.question, id=f"answer-{chapter}"),
        tag("p", answer.figure, class_="figure"),
        tag("p", answer.unit, class_="unit"),
        tag("p", answer.sentence, class_="said"),
        tag("div", chart),
        tag(
            "p",
            tag("a", "The evidence", tag("span", f" for: {answer.question}", class_="unseen"), href=f"#{chapter}"),
            class_="more",
        ),
        class_="answer",
        aria_labelledby=f"answer-{chapter}",
    )


def _slow(assessment: Assessment) -> Markup:
    found = worst(assessment.latencies)
    if found is None or not found.attribution.above_requests:
        return NOTHING
    bars = latency.segments(found.attribution)
    title = f"Where the time above {words.duration(found.objective_ms)} goes in {found.app}"
    return join([charts.stack("answer-slow-chart", title, bars), charts.legend(bars[:4])])


def _move(assessment: Assessment) -> Markup:
    if assessment.feasibility is None or not assessment.feasibility.findings:
        return NOTHING
    bars = feasibility.segments(assessment.feasibility)
    return join([charts.stack("answer-move-chart", "Findings by severity", bars), charts.legend(bars)])


def _worth(assessment: Assessment) -> Markup:
    if assessment.cost is None:
        return NOTHING
    return charts.ranges("answer-worth-chart", "A month on Heroku and on AWS", cost.spans(assessment.cost), row=32)
