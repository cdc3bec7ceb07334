"""How is the third answer shown: Heroku's bill beside three designs on AWS, line by line, and whether it is worth it?"""

from __future__ import annotations

from decimal import Decimal

from .. import words
from ..cost.model import GROUPS, Basis, Bill, Comparison, Design, Estimate, HerokuBill, Line, Usage
from ..cost.ranges import Range
from . import charts
from .charts import Span
from .markup import NOTHING, Child, Markup, join, tag
from .parts import Column, Row, badge, bullets, figure, fold, heading, paragraph, table

_BASES: dict[Basis, str] = {"measured": "good", "given": "good", "assumed": "warn"}


def money(cents: Range) -> str:
    """A sum, or from where to where it may lie."""
    low, high = dollars(cents.low), dollars(cents.high)
    return low if low == high else f"{low}–{high}"


def likely(cents: Range) -> Child:
    """The likely sum, with its range in small."""
    said = dollars(cents.likely)
    return said if dollars(cents.low) == dollars(cents.high) else (said, tag("small", f" {money(cents)}"))


def dollars(cents: Decimal) -> str:
    return words.dollars(float(cents) / 100)


def spans(found: Comparison, traffic: int = 1) -> tuple[Span, ...]:
    """Return today's bill and the three designs as rows of a chart; the chosen design stands out by its colour."""
    today = float(_heroku(found, traffic).total(staging=False)) / 100
    rows = [
        Span(
            "Heroku today" if traffic == 1 else f"Heroku at {traffic}×",
            today,
            today,
            today,
            words.dollars(today),
            "today",
        )
    ]
    for design in found.designs:
        one = found.saving(design.name, traffic)
        low, middle, high = (
            float(cents) / 100 for cents in (one.aws_cents.low, one.aws_cents.likely, one.aws_cents.high)
        )
        chosen = design.name == found.chosen
        rows.append(
            Span(
                f"AWS, {design.name}", low, middle, high, f"{words.dollars(middle)}", "accent" if chosen else "transfer"
            )
        )
    return tuple(rows)


def _heroku(found: Comparison, traffic: int) -> HerokuBill:
    return next((bill for bill in found.heroku if bill.traffic == traffic), found.heroku[0])


def chapter(found: Comparison) -> Markup:
    """Return the comparison, every bill, and what it rests on."""
    chosen = f"The verdict speaks of the {found.chosen} design."
    return join(
        [
            paragraph(found.verdict.sentence, style="lead"),
            bullets(found.verdict.reasons),
            figure(
                charts.ranges("cost-designs", "A month on Heroku and on AWS", spans(found)),
                caption=f"A month on demand, production only; the whisker is the range where usage is estimated. {chosen}",
            ),
            _designs(found),
            paragraph(found.payback.sentence),
            _what_differs(found.designs),
            heading(3, "The bills, line by line", "bills"),
            [_bill(found.bill(design.name), design.name == found.chosen) for design in found.designs],
            _heroku_bill(found.heroku[0]),
            heading(3, "What the figures rest on", "cost-basis"),
            _usage(found.usage),
            _notes("Warnings", found.warnings),
            _notes("Assumed", found.assumptions),
            _notes("Not in any line", found.left_out),
            _sources(found),
        ]
    )


def _designs(found: Comparison) -> Markup:
    columns = (
        Column("a month"), Column("on demand", True), Column("with commitments", True), Column("floor", True), Column("saves", True),
        Column("with staging", True), Column("at 3× traffic", True),
    )  # fmt: skip
    one, three = _heroku(found, 1), _heroku(found, 3)
    today = Row(
        (
            "Heroku today",
            dollars(one.total(staging=False)),
            "–",
            "–",
            "–",
            dollars(one.total(staging=True)),
            dollars(three.total(staging=False)),
        )
    )
    return table(
        "A month on Heroku and on AWS",
        columns,
        [today, *(_design(found, design) for design in found.designs)],
        hidden_caption=True,
    )


def _design(found: Comparison, design: Design) -> Row:
    saving, bill = found.saving(design.name), found.bill(design.name)
    cells: tuple[Child, ...] = (
        f"AWS, {design.name}",
        likely(saving.aws_cents),
        likely(saving.committed_cents),
        dollars(bill.floor.likely),
        (
            dollars(saving.cents.likely),
            tag("small", f" {words.share(abs(saving.share))} {'less' if saving.share >= 0 else 'more'}"),
        ),
        _with_staging(found, design),
        dollars(found.saving(design.name, 3).aws_cents.likely),
    )
    return Row(cells, "chosen" if design.name == found.chosen else "")


def _with_staging(found: Comparison, design: Design) -> str:
    one = next(
        (one for one in found.savings if one.staging and (one.design, one.traffic) == (design.name, Decimal(1))), None
    )
    return dollars(one.aws_cents.likely) if one else "–"


def _what_differs(designs: tuple[Design, ...]) -> Markup:
    columns = (Column(""), *(Column(design.name) for design in designs))
    facts: tuple[tuple[str, tuple[Child, ...]], ...] = (
        ("Zones", tuple(str(one.zones) for one in designs)),
        ("NAT gateways", tuple(str(one.nats) for one in designs)),
        (
            "Databases",
            tuple("in two zones, taken over by themselves" if one.multi_az else "in one zone" for one in designs),
        ),
        ("Cache nodes", tuple(str(one.cache_nodes) for one in designs)),
        ("Web tasks at least", tuple(str(one.web_tasks_at_least) for one in designs)),
        ("Gateway and pooler tasks", tuple(f"{one.gateway_tasks} and {one.pooler_tasks}" for one in designs)),
        ("Processor", tuple("ARM (Graviton)" if one.arm else "x86" for one in designs)),
        ("Backups", tuple(words.some(one.backup_days, "day") for one in designs)),
        (
            "Proposed by offramp design",
            tuple("yes" if one.built else words.sentence(f"no: {one.differs}") for one in designs),
        ),
    )
    return fold(
        "What the three designs are",
        table("Three designs", columns, [Row((fact, *cells)) for fact, cells in facts], hidden_caption=True),
        kept=True,
    )


def _bill(bill: Bill, chosen: bool) -> Markup:
    if bill.refusals:
        return join(
            [heading(4, f"AWS, {bill.design}"), paragraph("This bill is not complete."), bullets(bill.refusals)]
        )
    columns = (Column("line"), Column("how it is made up"), Column("a month", True), Column("with commitments", True))
    rows: list[Row] = []
    for group in GROUPS:
        rows += [_line(line) for line in bill.lines if line.group == group]
        if any(line.group == group for line in bill.lines):
            rows.append(Row((tag("i", f"{group} together"), "", tag("i", money(bill.of(group))), ""), "sum"))
    rows.append(Row(("Together", "", money(bill.total), money(bill.committed)), "total"))
    lines = words.some(len(bill.lines), "line")
    floor = f"{dollars(bill.floor.likely)} of it without a single request"
    summary = f"AWS, {bill.design}: {money(bill.total)} a month in {lines}, {floor}"
    return fold(summary, table(f"AWS, {bill.design}", columns, rows, hidden_caption=True), kept=chosen)


def _line(line: Line) -> Row:
    marks = [badge("estimated", "warn")] if line.estimated else []
    # The resource's own part of the bill names its app; what all share does not.
    name = f"{line.what} ({line.app})" if line.app and line.app not in line.what else line.what
    return Row(((name, " ", marks), line.formula, money(line.cents), money(line.committed_cents)))


def _heroku_bill(bill: HerokuBill) -> Markup:
    columns = (Column("line"), Column("how it is made up"), Column("source"), Column("a month", True))
    rows = [
        Row(
            (
                f"{line.what} ({line.app})",
                line.formula,
                f"{line.source}{'' if line.moves else '; kept after the move'}",
                dollars(line.cents),
            )
        )
        for line in bill.lines
    ]
    rows.append(Row(("Together", "", "", dollars(bill.total(staging=True))), "total"))
    unknown = bullets(f"{name}: no price is known" for name in bill.unknown)
    return fold(
        f"Heroku today: {dollars(bill.total(staging=True))} a month",
        table("Heroku today", columns, rows, hidden_caption=True),
        unknown,
        kept=True,
    )


def _usage(usage: Usage) -> Markup:
    columns = (Column("a month of the present traffic"), Column("amount", True), Column("known how"), Column("because"))
    rows = [
        _estimate("Requests", usage.requests, ""),
        _estimate("Answers to the internet", usage.bytes_out_gb, " GB"),
        _estimate("Through the NAT gateways", usage.fetched_gb, " GB"),
        _estimate("Between zones", usage.cross_zone_gb, " GB"),
        _estimate("Log lines", usage.log_gb, " GB"),
        _estimate("New connections", usage.connections_per_second, " a second"),
    ]
    for one in usage.databases:
        rows.append(_estimate(f"{one.name}, on disk", one.gb, " GB"))
        rows.append(_estimate(f"{one.name}, growth", one.growth_gb, " GB a month"))
    return table("Usage", columns, rows, hidden_caption=True)


def _estimate(label: str, estimate: Estimate, unit: str) -> Row:
    amount = estimate.amount
    said = words.count(float(amount.likely))
    if not amount.known:
        said = f"{words.count(float(amount.low))}–{words.count(float(amount.high))}"
    return Row((label, f"{said}{unit}", badge(estimate.basis, _BASES[estimate.basis]), estimate.because))


def _notes(title: str, lines: tuple[str, ...]) -> Markup:
    return join([heading(4, title), bullets(lines)]) if lines else NOTHING


def _sources(found: Comparison) -> Markup:
    lines = [line for bill in found.bills for line in bill.lines]
    sources = sorted({(line.source, line.date.isoformat()) for line in lines})
    # Addresses are shown as text: the page asks no other host, not even when it is clicked.
    return fold(
        f"Prices for {found.region}: {words.some(len(sources), 'source')}, the book of {found.book_date.isoformat()}",
        bullets(f"{source} ({day})" for source, day in sources),
        kept=True,
    )
