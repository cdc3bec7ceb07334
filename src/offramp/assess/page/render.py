"""How does an Assessment become one HTML file that asks nothing of anybody: no host, no font, no script?"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib import resources
from string import Template

from ..model import Assessment, Gap, PartName
from . import cost, coverage, databases, feasibility, latency
from .markup import Markup, join, tag, text
from .opening import opening
from .parts import Section, anchor_of, code, heading, paragraph

PACKAGE = __package__ or "offramp.assess.page"


def render(assessment: Assessment) -> str:
    """Return the page. The same assessment gives the same bytes."""
    style = _read("style.css")
    sections = tuple(_sections(assessment))
    return Template(_read("page.html")).substitute(
        title=text(f"{assessment.name}: assessment"),
        style=style,
        # The one style sheet that may be applied is the one that is here.
        style_hash=f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}",
        opening=opening(assessment),
        contents=_contents(sections),
        sections=join([_section(section) for section in sections]),
        footer=_footer(assessment),
    )


def _read(name: str) -> str:
    return resources.files(PACKAGE).joinpath(name).read_text("utf-8")


def _sections(found: Assessment) -> Iterator[Section]:
    yield Section(
        "slow",
        found.slow.question,
        join([latency.chapter(one) for one in found.latencies]) or _missing(found, "latency", found.slow.sentence),
        tuple((anchor_of("app", one.app), one.app) for one in found.latencies) if len(found.latencies) > 1 else (),
    )
    yield Section(
        "databases",
        "What can the databases do better?",
        join([databases.chapter(one) for one in found.databases])
        or _missing(found, "database", "No database could be looked into."),
        tuple((anchor_of("database", one.database), one.database) for one in found.databases),
    )
    yield Section(
        "move",
        found.move.question,
        feasibility.chapter(found.feasibility)
        if found.feasibility
        else _missing(found, "feasibility", found.move.sentence),
        tuple(
            (feasibility.anchor(severity), f"{feasibility.TITLES[severity]} ({number})")
            for severity, number in (found.feasibility.counts if found.feasibility else ())
            if number
        ),
    )
    yield Section(
        "worth",
        found.worth.question,
        cost.chapter(found.cost) if found.cost else _missing(found, "cost", found.worth.sentence),
        (("bills", "The bills"), ("cost-basis", "What they rest on")) if found.cost else (),
    )
    yield Section("basis", "What do these answers rest on?", coverage.chapter(found))


def _missing(found: Assessment, part: PartName, otherwise: str) -> Markup:
    gaps: list[Gap] = [gap for gap in found.gaps if gap.part == part]
    remedies = dict.fromkeys(gap.remedy for gap in gaps if gap.remedy)
    return join([paragraph(otherwise, style="lead"), [code(remedy) for remedy in remedies]])


def _section(section: Section) -> Markup:
    return tag("section", heading(2, section.title), section.content, id=section.anchor)


def _contents(sections: tuple[Section, ...]) -> Markup:
    def link(anchor: str, title: str) -> Markup:
        return tag("a", title, href=f"#{anchor}")

    items = [
        tag(
            "li",
            link(section.anchor, section.title),
            tag("ol", [tag("li", link(*inner)) for inner in section.inner]) if section.inner else None,
        )
        for section in sections
    ]
    return tag("nav", tag("ol", items), class_="contents", aria_label="Contents")


def _footer(found: Assessment) -> Markup:
    said = (
        "This page holds everything that it shows: it asks no other host and runs no script. The same figures are in assessment.json. "
        "Routes are templated, literals are left out of statements, and no row of a database was read for it."
    )
    return tag("footer", paragraph(said, style="note"))
