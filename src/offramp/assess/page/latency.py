"""How is the first answer shown: where the time above the objective goes, why, and what would make it shorter?"""

from __future__ import annotations

from collections.abc import Iterator

from .. import words
from ..latency.model import Attribution, Cause, Evidence, Latency, Part, Quantile, Quantiles, RouteRow, Slice, Split
from . import charts
from .charts import Point, Segment
from .markup import NOTHING, Child, Markup, join, tag
from .parts import Column, Row, anchor_of, badge, bullets, figure, fold, heading, pairs, paragraph, table
from .whatif import replayed, sized

TONES = {
    "queue": "queue",
    "database": "database",
    "external call": "external",
    "application": "application",
    "transfer": "transfer",
    "memory swapping": "memory",
    "restarts": "restart",
    "unknown": "unknown",
}
SHOWN_CAUSES, SHOWN_ROUTES, MOST_ROUTES = 5, 8, 60
CONFIDENCE = {"high": "good", "medium": "", "low": "warn"}


def segments(attribution: Attribution) -> tuple[Segment, ...]:
    """Return the parts of an attribution as a bar's segments, largest first and what is unknown last."""
    ordered = sorted(attribution.parts, key=lambda part: (part.name == "unknown", -part.share))
    return tuple(Segment(part.name, part.share, words.share(part.share), TONES[part.name]) for part in ordered)


def chapter(latency: Latency) -> Markup:
    """Return everything that is shown of one app."""
    name = anchor_of("app", latency.app)
    return join(
        [
            heading(3, f"{latency.app}, {latency.process}", name),
            paragraph(latency.sentence, style="lead") if latency.sentence else None,
            _quantiles(latency),
            _attribution(latency, name),
            _causes(latency.causes),
            replayed(latency, name),
            sized(latency),
            _course(latency, name),
            _routes(latency),
            _dynos(latency),
            _mix(latency),
            _split(latency.split, latency),
            bullets(latency.warnings),
        ]
    )


def _quantiles(latency: Latency) -> Markup:
    rows = [
        Row((label, *(_with_bounds(one) for one in (found.p50, found.p95, found.p99)), words.duration(found.mean_ms)))
        for label, found in (
            ("Whole request", latency.total),
            ("Waiting in the dyno", latency.queue),
            ("Being served", latency.service),
        )
        if found.samples
    ]
    caption = f"{latency.requests:,} requests in {words.span((latency.end_us - latency.start_us) / 1e6)}"
    columns = (Column("time"), Column("p50", True), Column("p95", True), Column("p99", True), Column("mean", True))
    return table(caption, columns, rows)


def _with_bounds(found: Quantile) -> Child:
    """A quantile, with its interval where that says more than the quantile does."""
    if not found.bounded:
        return (words.duration(found.ms), tag("small", " not bounded"))
    if found.high_ms - found.low_ms <= 0.1 * found.ms:
        return words.duration(found.ms)
    return (words.duration(found.ms), tag("small", f" {words.duration(found.low_ms)}–{words.duration(found.high_ms)}"))


def _attribution(latency: Latency, name: str) -> Markup:
    found = latency.attribution
    if not found.above_requests:
        return paragraph(f"No request took longer than the objective of {words.duration(found.objective_ms)}.")
    bars = segments(found)
    return join(
        [
            heading(4, f"Where the time above {words.duration(found.objective_ms)} goes"),
            figure(
                charts.stack(f"{name}-parts", f"Where the time above the objective goes in {latency.app}", bars),
                charts.legend(bars),
                caption=f"{found.above_requests:,} of {found.requests:,} requests ({words.share(found.above_requests / found.requests)}) took "
                f"longer; together {words.duration(found.above_ms)} beyond it. The parts sum to all of that.",
            ),
            fold("Each part with its evidence, and how to prove it wrong", _parts(found), kept=True),
        ]
    )


def _parts(found: Attribution) -> Markup:
    columns = (
        Column("part"), Column("share", True), Column("time", True), Column("confidence"), Column("evidence"), Column("wrong if"),
    )  # fmt: skip
    rows = [
        Row(
            (
                part.name,
                words.share(part.share),
                words.duration(part.ms),
                part.confidence,
                _evidence(part.evidence),
                part.falsify,
            )
        )
        for part in _ordered(found)
    ]
    return table("Parts of the time above the objective", columns, rows)


def _ordered(found: Attribution) -> list[Part]:
    return sorted((part for part in found.parts if part.ms > 0), key=lambda part: (part.name == "unknown", -part.share))


def _evidence(rows: tuple[Evidence, ...]) -> Markup:
    return bullets(evidence(row) for row in rows)


def evidence(row: Evidence) -> str:
    """One row of evidence with its figure."""
    figures = {"ms": words.duration(row.figure), "%": f"{row.figure:.3g}%"}
    return f"{row.text}: {figures.get(row.unit, f'{words.count(row.figure)} {row.unit}'.strip())}"


def _causes(causes: tuple[Cause, ...]) -> Markup:
    if not causes:
        return NOTHING
    shown, rest = causes[:SHOWN_CAUSES], causes[SHOWN_CAUSES:]
    return join(
        [
            heading(4, "Causes, the heaviest first"),
            paragraph(
                "A share is what would go of the time above the objective if this cause went; shares overlap.",
                style="note",
            ),
            tag("ol", [_cause(number, cause) for number, cause in enumerate(shown, start=1)], class_="items"),
            fold(
                f"{words.some(len(rest), 'more cause')} of less weight",
                tag(
                    "ol",
                    [_cause(number, cause) for number, cause in enumerate(rest, start=len(shown) + 1)],
                    class_="items",
                ),
            )
            if rest
            else None,
        ]
    )


def _cause(number: int, cause: Cause) -> Markup:
    title = f"{number}. {cause.name}{f': {cause.subject}' if cause.subject else ''} "
    return tag(
        "li",
        tag(
            "h4",
            title,
            badge(f"{words.share(cause.share)} of the time above"),
            " ",
            badge(f"{cause.confidence} confidence", CONFIDENCE[cause.confidence]),
        ),
        paragraph(words.sentence(cause.hypothesis)),
        pairs(
            [
                ("Evidence", _evidence(cause.evidence)),
                ("Measured by", cause.measured_by),
                ("Wrong if", cause.falsify),
                ("Mend", cause.mend),
            ]
        ),
        class_="item",
    )


def _course(latency: Latency, name: str) -> Markup:
    found = [one for one in latency.slices if one.requests and one.p99_ms > 0]
    if len(found) < 3:
        return NOTHING
    top = max(found, key=lambda one: one.p99_ms)
    title = f"p99 in steps of {words.span(found[0].seconds)}"
    few = min(one.requests for one in found)
    labels = (
        f"objective {words.duration(latency.objective_ms)}",
        f"highest {words.duration(top.p99_ms)}, {words.hour(top.start_us / 1e6)} UTC",
        words.hour(found[0].start_us / 1e6),
        words.hour(found[-1].start_us / 1e6),
    )
    points = [Point(float(one.start_us), one.p99_ms) for one in found]
    drawn = charts.course(
        f"{name}-course", title, f"{labels[1]}; {labels[0]}", points, latency.objective_ms, labels, words.duration
    )
    warning = " Where a step holds fewer than 100 requests its p99 is its slowest request." if few < 100 else ""
    return join(
        [
            heading(4, title),
            figure(drawn, caption=f"Logarithmic. The thinnest step rests on {words.some(few, 'request')}.{warning}"),
            fold("The figures behind the chart", _slices(found)),
        ]
    )


def _slices(found: list[Slice]) -> Markup:
    columns = (
        Column("from"), Column("requests", True), Column("errors", True), Column("p50", True), Column("p95", True), Column("p99", True),
        Column("mean queue", True), Column("mean service", True),
    )  # fmt: skip
    rows = [
        Row(
            (
                words.moment(one.start_us / 1e6),
                words.count(one.requests),
                words.count(one.errors),
                *map(words.duration, (one.p50_ms, one.p95_ms, one.p99_ms, one.queue_mean_ms, one.service_mean_ms)),
            )
        )
        for one in found
    ]
    return table("Course of time", columns, rows)


def _routes(latency: Latency) -> Markup:
    routes = sorted(latency.routes, key=lambda row: (-row.above_share, -row.worker_share))
    if not routes:
        return NOTHING
    shown, rest = routes[:SHOWN_ROUTES], routes[SHOWN_ROUTES:MOST_ROUTES]
    beyond = len(routes) - len(shown) - len(rest)
    said = f"; {beyond:,} more are in assessment.json" if beyond else ""
    return join(
        [
            heading(4, "Routes, by their part of the time above the objective"),
            _route_table("Routes", shown),
            fold(f"{words.some(len(rest), 'more route')}{said}", _route_table("More routes", rest)) if rest else None,
        ]
    )


def _route_table(caption: str, routes: list[RouteRow]) -> Markup:
    columns = (
        Column("route"), Column("requests", True), Column("above", True), Column("busy", True), Column("p50", True), Column("p95", True),
        Column("p99", True), Column("queue p99", True), Column("served p99", True), Column("errors", True),
    )  # fmt: skip
    return table(caption, columns, [Row(tuple(_route(row))) for row in routes], hidden_caption=True)


def _route(row: RouteRow) -> Iterator[Child]:
    yield tag("code", row.route)
    yield words.count(row.requests)
    yield words.share(row.above_share)
    yield words.share(row.worker_share)
    yield from (words.duration(one.ms) for one in (row.total.p50, row.total.p95, row.total.p99))
    yield _p99(row.queue)
    yield _p99(row.service)
    yield words.count(row.errors)


def _p99(found: Quantiles) -> str:
    return words.duration(found.p99.ms) if found.samples else "–"


def _dynos(latency: Latency) -> Markup:
    if len(latency.dynos) < 2:
        return NOTHING
    columns = (
        Column("dyno"), Column("requests", True), Column("slowness", True), Column("p50", True), Column("p99", True), Column("queue p99", True),
    )  # fmt: skip
    rows = [
        Row(
            (
                row.dyno,
                words.count(row.requests),
                f"{row.slowness:.2f}×",
                words.duration(row.total.p50.ms),
                words.duration(row.total.p99.ms),
                _p99(row.queue),
            )
        )
        for row in sorted(latency.dynos, key=lambda row: -row.slowness)
    ]
    return fold(
        "Dynos beside each other",
        table("Slowness is the service time against the other dynos' for the same routes", columns, rows),
    )


def _mix(latency: Latency) -> Markup:
    found = latency.mix_shift
    if found is None:
        return NOTHING
    columns = (
        Column("route"), Column("requests before", True), Column("after", True), Column("mean before", True), Column("after", True),
        Column("by mix", True), Column("by slowness", True),
    )  # fmt: skip
    rows = [
        Row(
            (
                tag("code", row.route),
                words.count(row.requests_before),
                words.count(row.requests_after),
                words.duration(row.mean_before_ms),
                words.duration(row.mean_after_ms),
                _signed(row.between_ms),
                _signed(row.within_ms),
            )
        )
        for row in found.rows[:SHOWN_ROUTES]
    ]
    told = (
        f"The mean went from {words.duration(found.mean_before_ms)} to {words.duration(found.mean_after_ms)} at "
        f"{words.moment(found.split_at_us / 1e6)}: {_signed(found.between_ms)} because other routes were asked for, "
        f"{_signed(found.within_ms)} because the same routes became slower or faster. {words.sentence(found.reading)}"
    )
    return fold(
        "Has the traffic changed, or the application?", paragraph(told), table("Change by route", columns, rows)
    )


def _signed(milliseconds: float) -> str:
    return f"{'−' if milliseconds < 0 else '+'}{words.duration(abs(milliseconds))}"


def _split(split: Split, latency: Latency) -> Markup:
    workers = f"{split.workers} per dyno" if split.workers else "unknown"
    if split.workers and split.workers_low != split.workers_high:
        workers += f" ({split.workers_low} to {split.workers_high} explain the lines about as well)"
    columns = (
        Column("workers"),
        Column("misfit", True),
        Column("drift", True),
        Column("impossible", True),
        Column("rests on", True),
    )
    rows = [
        Row(
            (
                str(one.workers),
                f"{one.misfit:.2f}",
                f"{one.drift:+.3f} ± {one.drift_error:.3f}",
                words.share(one.impossible_share),
                words.some(one.busy_requests, "request"),
            )
        )
        for one in split.candidates
    ]
    return fold(
        "How waiting and serving were told apart",
        paragraph(words.sentence(split.because)),
        pairs(
            [
                ("Method", split.method),
                ("Confidence", split.confidence),
                ("Workers", workers),
                ("Misfit", f"{split.misfit:.2f} (0 is perfect, above 0.3 is not trusted)"),
                ("Dynos", words.count(split.dynos)),
                ("Busy", words.share(latency.load.utilisation)),
                ("Requests", f"{latency.load.per_minute:,.0f} a minute, at most {latency.load.peak_per_minute:,.0f}"),
                ("Left out", bullets(f"{words.some(one.requests, 'request')}: {one.why}" for one in split.left_out)),
            ]
        ),
        table("Numbers of workers that were tried", columns, rows) if rows else None,
    )
