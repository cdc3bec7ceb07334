"""How does an assessment read on a terminal? The three answers and what they rest on, in at most 40 lines of at most 100 letters.

Three of the 40 are the command's: an empty one, where the page is, and the next command.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from . import words
from .cost.model import Comparison
from .feasibility.model import Feasibility, Severity
from .latency.model import Latency, WhatIf
from .model import Answer, Assessment, worst

MOST_LINES, WIDTH = 37, 100
_CAUSES, _ROWS, _FINDINGS, _GAPS = 3, 3, 2, 2


def text(found: Assessment) -> str:
    """Return the summary. The parts in which everything varies are cut, so that no estate makes it longer."""
    lines = [*_head(found), *_slow(found), "", *_move(found), "", *_worth(found), *_doubts(found)]
    return "\n".join(line.rstrip() for line in lines[:MOST_LINES])


def _head(found: Assessment) -> Iterator[str]:
    scope = found.scope
    about = f"{words.some(len(scope.apps), 'app')}, {words.some(len(scope.databases), 'database')}"
    yield _cut(f"{found.name}: {about}, to {found.conditions.region}, assessed {words.moment(found.made_at)}")
    yield ""


def _said(answer: Answer) -> Iterator[str]:
    """The question, the figure, and the sentence in at most three lines."""
    unit = f", {answer.unit}" if answer.unit else ""
    yield _cut(f"{answer.question}  {answer.figure}{unit}")
    yield from textwrap.wrap(
        answer.sentence, WIDTH, initial_indent="  ", subsequent_indent="  ", max_lines=3, placeholder=" …"
    )


def _slow(found: Assessment) -> Iterator[str]:
    yield from _said(found.slow)
    latency = worst(found.latencies)
    if latency is None:
        return
    parts = sorted((part for part in latency.attribution.parts if part.share >= 0.005), key=lambda part: -part.share)
    if parts:
        yield _cut(f"  {'  '.join(f'{part.name} {words.share(part.share)}' for part in parts)}")
    for number, cause in enumerate(latency.causes[:_CAUSES], start=1):
        about = f"{cause.name}{f': {cause.subject}' if cause.subject else ''}"
        yield _cut(f"  {number}. {words.share(cause.share):>4}  {about}; {cause.mend or cause.hypothesis}")
    yield from _what_if(latency)


def _what_if(latency: Latency) -> Iterator[str]:
    if latency.replay is None:
        return
    rows = _telling(latency.replay.rows)
    yield f"  {'what if':56}{'p50':>10}{'p95':>10}{'p99':>10}{'p99 at 3x':>11}"
    for row in rows:
        at = row.at_1x
        figures = "".join(f"{words.duration(value):>10}" for value in (at.p50_ms, at.p95_ms, at.p99_ms))
        yield f"  {_cut(row.scenario, 54):56}{figures}{words.duration(row.at_3x.p99_ms):>11}"


def _telling(rows: tuple[WhatIf, ...]) -> tuple[WhatIf, ...]:
    """What is there, and the scenarios that help most, in the table's order."""
    best = sorted(range(1, len(rows)), key=lambda number: rows[number].at_1x.p99_ms)[: _ROWS - 1]
    return tuple(rows[number] for number in sorted([*range(min(1, len(rows))), *best]))


def _move(found: Assessment) -> Iterator[str]:
    yield from _said(found.move)
    if found.feasibility is not None:
        yield from _findings(found.feasibility)


def _findings(found: Feasibility) -> Iterator[str]:
    counts = "  ".join(f"{severity.value}: {number}" for severity, number in found.counts if number)
    if counts:
        yield f"  {counts}"
    for finding in (*found.of(Severity.BLOCKS), *found.of(Severity.FIRST))[:_FINDINGS]:
        yield _cut(f"  - {finding.title}")


def _worth(found: Assessment) -> Iterator[str]:
    yield from _said(found.worth)
    if found.cost is not None:
        yield from _designs(found.cost)


def _designs(cost: Comparison) -> Iterator[str]:
    yield f"  {'a month':26}{'on demand':>16}{'committed':>13}{'floor':>10}{'saves':>18}"
    today = float(cost.saving(cost.chosen).heroku_cents) / 100
    yield f"  {'Heroku today':26}{words.dollars(today):>16}"
    for design in cost.designs:
        saving, bill = cost.saving(design.name), cost.bill(design.name)
        low, high = (words.dollars(float(cents) / 100) for cents in (saving.aws_cents.low, saving.aws_cents.high))
        spent = low if low == high else f"{low}–{high}"
        committed = words.dollars(float(saving.committed_cents.likely) / 100)
        floor = words.dollars(float(bill.floor.likely) / 100)
        saved = f"{words.dollars(float(saving.cents.likely) / 100)} ({words.share(abs(saving.share))})"
        mark = "*" if design.name == cost.chosen else " "
        yield f"{mark} {f'AWS, {design.name}':26}{spent:>16}{committed:>13}{floor:>10}{saved:>18}"


def _doubts(found: Assessment) -> Iterator[str]:
    lines: Iterable[str] = (
        f"  {gap.about or gap.part}: {gap.because}{f': {gap.remedy}' if gap.remedy else ''}"
        for gap in found.gaps[:_GAPS]
    )
    thin = [one.app for one in found.coverage if one.believed < 0.99]
    if found.gaps or thin:
        more = f" ({len(found.gaps)})" if len(found.gaps) > _GAPS else ""
        yield ""
        yield f"Not seen{more}:"
        yield from (_cut(line) for line in lines)
    if thin:
        yield _cut(f"  log lines are missing for {words.listed(thin)}; the page says how many")


def _cut(line: str, width: int = WIDTH) -> str:
    """Shorten a line, of which hostile names may be a part, and keep it one line."""
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in line)
    return plain if len(plain) <= width else f"{plain[: width - 1]}…"
