"""How is shown what the databases could do better: statements, indexes worth building, locks, health?"""

from __future__ import annotations

from collections.abc import Iterator

from .. import words
from ..database.model import DatabaseAdvice, Health, Helped, IndexAdvice, Statement, Waiter
from .markup import NOTHING, Child, Markup, join, tag
from .parts import Column, Row, anchor_of, badge, bullets, code, fold, heading, pairs, paragraph, table

SHOWN_STATEMENTS = 6
CONFIDENCE = {"high": "good", "medium": "", "low": "warn"}
SHORT = 160


def chapter(advice: DatabaseAdvice) -> Markup:
    """Return everything that is shown of one database."""
    return join(
        [
            heading(3, advice.database, anchor_of("database", advice.database)),
            paragraph(summary(advice), style="lead"),
            _indexes(advice.indexes),
            _statements(advice),
            _locks(advice.locks.waiters),
            _health(advice.health),
            _shortfalls(advice),
        ]
    )


def summary(advice: DatabaseAdvice) -> str:
    """Say in one or two sentences what there is to do about a database."""
    parts = []
    if advice.indexes:
        gain = sum(index.gain for index in advice.indexes)
        parts.append(
            f"{words.some(len(advice.indexes), 'index', 'indexes')} would save about {words.share(min(gain, 1))} of its statements' time"
        )
    if advice.repeated:
        share = sum(statement.share for statement in advice.repeated)
        noun = words.some(len(advice.repeated), "statement is", "statements are")
        parts.append(f"{noun} repeated for each row of another (N+1), {words.share(share)} of the time")
    if advice.locks.blocked:
        parts.append(f"{words.some(advice.locks.blocked, 'session')} waited for a lock when it was looked at")
    if not advice.statements:
        return "Its statements could not be read, so nothing can be said of their time."
    return (
        words.sentence("; ".join(parts))
        if parts
        else "Nothing stands out: no index is missing, and no statement is repeated for each row of another."
    )


def _indexes(indexes: tuple[IndexAdvice, ...]) -> Markup:
    if not indexes:
        return NOTHING
    return join(
        [
            heading(4, "Indexes worth building"),
            tag("ol", [_index(number, one) for number, one in enumerate(indexes, start=1)], class_="items"),
        ]
    )


def _index(number: int, advice: IndexAdvice) -> Markup:
    title = f"{number}. {advice.table} ({', '.join(advice.columns)}) "
    badges = [badge(f"saves {words.share(advice.gain)} of all statements' time")] if advice.gain else []
    return tag(
        "li",
        tag("h4", title, badges, " ", badge(f"{advice.confidence} confidence", CONFIDENCE[advice.confidence])),
        paragraph(advice.why),
        code("\n".join((advice.ddl, *advice.drop_ddl))),
        pairs(
            [
                (
                    "Plan's cost",
                    f"{advice.cost_before:,.0f} without it, {advice.cost_after:,.0f} with it"
                    if advice.cost_before
                    else None,
                ),
                ("Write cost", _write_cost(advice)),
                ("Makes superfluous", words.listed(advice.redundant)),
                ("Wrong if", advice.falsify),
            ]
        ),
        fold("The statements that it helps", _helped(advice.statements)) if advice.statements else None,
        class_="item",
    )


def _write_cost(advice: IndexAdvice) -> str:
    write = advice.write
    if not write.known:
        return f"{words.size(write.bytes)} on disk; how often it is written is not known"
    rates = f"{write.inserts_per_hour + write.updates_per_hour:,.0f} index entries an hour"
    lost = (
        f", {write.hot_updates_lost_per_hour:,.0f} updates an hour no longer HOT"
        if write.hot_updates_lost_per_hour
        else ""
    )
    return f"{words.size(write.bytes)} on disk, {rates}{lost}"


def _helped(statements: tuple[Helped, ...]) -> Markup:
    columns = (
        Column("statement"), Column("calls", True), Column("time", True), Column("cost before", True), Column("cost after", True),
    )  # fmt: skip
    rows = [
        Row(
            (
                tag("code", one.text),
                words.count(one.calls),
                words.duration(one.total_ms),
                f"{one.cost_before:,.0f}",
                f"{one.cost_after:,.0f}",
            )
        )
        for one in statements
    ]
    return table("Statements", columns, rows, hidden_caption=True)


def _statements(advice: DatabaseAdvice) -> Markup:
    if not advice.statements:
        return NOTHING
    shown, rest = advice.statements[:SHOWN_STATEMENTS], advice.statements[SHOWN_STATEMENTS:]
    period = f", over {words.span(advice.seconds)}" if advice.seconds else ""
    return join(
        [
            heading(4, f"Statements with the most time{period}"),
            _statement_table(shown),
            fold(words.some(len(rest), "more statement"), _statement_table(rest)) if rest else None,
        ]
    )


def _statement_table(statements: tuple[Statement, ...]) -> Markup:
    columns = (
        Column("statement"), Column("of all time", True), Column("calls", True), Column("mean", True), Column("rows a call", True),
        Column("a request", True),
    )  # fmt: skip
    rows = [
        Row(
            (
                _said(one),
                words.share(one.share),
                words.count(one.calls),
                words.duration(one.mean_ms),
                words.count(one.rows_per_call),
                "–" if one.calls_per_request is None else f"{words.count(one.calls_per_request)}×",
            )
        )
        for one in statements
    ]
    return table("Statements", columns, rows, hidden_caption=True)


def _said(statement: Statement) -> Child:
    text = " ".join(statement.text.split())
    shortened = tag("code", text if len(text) <= SHORT else f"{text[: SHORT - 1]}…")
    if statement.repetition is None:
        return shortened
    return (shortened, " ", badge("N+1", "bad"), tag("small", f" {statement.repetition.because}"))


def _locks(waiters: tuple[Waiter, ...]) -> Markup:
    if not waiters:
        return NOTHING
    columns = (
        Column("session"), Column("state"), Column("waits for"), Column("since", True), Column("doing"),
    )  # fmt: skip
    rows = [
        Row(
            (
                f"{'└ ' * bool(one.depth)}{one.pid} {one.application}",
                one.state,
                f"{one.lock} {one.relation}".strip() if one.depth else "nobody: it holds up the others",
                words.duration(1000 * one.seconds),
                tag("code", one.activity[:SHORT]),
            )
        )
        for one in waiters
    ]
    return join([heading(4, "Who waited for whom"), table("Locks at that moment", columns, rows, hidden_caption=True)])


def _health(health: Health) -> Markup:
    return join([heading(4, "Health"), pairs(_state(health)), _existing(health)])


def _state(health: Health) -> Iterator[tuple[str, Child]]:
    connections, hits = health.connections, (("table", health.cache.tables), ("index", health.cache.indexes))
    hit = " and ".join(f"{words.share(value)} of {kind}" for kind, value in hits if value is not None)
    yield "Cache", hit and f"{hit} blocks came from memory"
    used = f"{connections.used} of {connections.limit} used"
    yield (
        "Connections",
        f"{used} ({connections.active} active, {connections.idle_in_transaction} idle in a transaction)",
    )
    idle = [f"{one.application or one.pid}: {words.duration(1000 * one.seconds)}" for one in health.idle_transactions]
    yield "Idle transactions", bullets(idle)
    spent = [one for one in health.sequences if one.used > 0.5]
    yield "Sequences", bullets(f"{one.sequence} has used {words.share(one.used)} of {one.column}" for one in spent)
    if health.transaction_age > 0.1:
        yield "Transaction age", f"{words.share(health.transaction_age)} of what stops writes"
    yield (
        "Bloat",
        bullets(
            f"{one.table}: {words.size(one.wasted_bytes)} of {words.size(one.bytes)} hold nothing, {words.share(one.dead_share)} dead rows"
            for one in health.bloat
        ),
    )


def _existing(health: Health) -> Markup:
    if not health.indexes:
        return NOTHING
    columns = (Column("index"), Column("what"), Column("size", True), Column("why"), Column("mend"))
    rows = [
        Row((one.index or one.table, one.kind, words.size(one.bytes), one.why, tag("code", one.mend)))
        for one in health.indexes
    ]
    return fold(
        f"{words.some(len(health.indexes), 'finding')} about indexes that are there",
        table("Indexes", columns, rows, hidden_caption=True),
        kept=True,
    )


def _shortfalls(advice: DatabaseAdvice) -> Markup:
    found = [(one.what, one.mend) for one in advice.shortfalls]
    return (
        join(
            [
                heading(4, "What could not be seen"),
                bullets(f"{words.sentence(what)} {mend}".strip() for what, mend in found),
            ]
        )
        if found
        else NOTHING
    )
