"""How is shown what the team's own requests would have taken elsewhere, and the size that follows for AWS?"""

from __future__ import annotations

from .. import words
from ..latency.model import Expected, Fit, Latency, Replay, Sizing, WhatIf
from . import charts
from .charts import Scale
from .markup import NOTHING, Child, Markup, join, tag
from .parts import Column, Row, heading, pairs, paragraph, table


def replayed(latency: Latency, name: str) -> Markup:
    """Return the what-if table, each row with its p50, p95 and p99 on one axis."""
    found = latency.replay
    if found is None or not found.rows:
        return NOTHING
    scale = charts.scale_of(
        [value for row in found.rows for value in (row.at_1x.p50_ms, row.at_1x.p99_ms)] + [latency.objective_ms]
    )
    axis = charts.axis(f"{name}-axis", scale, words.duration)
    columns = (
        Column("what if"), Column("dynos × workers"), Column("on one axis", chart=True, drawn=axis), Column("p50", True), Column("p95", True),
        Column("p99", True), Column("p99 at 3×", True),
    )  # fmt: skip
    rows = [_row(row, latency.objective_ms, scale, f"{name}-if-{number}") for number, row in enumerate(found.rows)]
    return join(
        [
            heading(4, "What if: your own requests, replayed"),
            table("What if", columns, rows, hidden_caption=True),
            _key(),
            paragraph(_fidelity(found), style="note"),
        ]
    )


def _row(row: WhatIf, objective: float, scale: Scale, name: str) -> Row:
    at = row.at_1x
    drawn = charts.quantiles(
        name, row.scenario, (at.p50_ms, at.p95_ms, at.p99_ms), objective, scale, "good" if at.meets else "accent"
    )
    figures = tuple(map(words.duration, (at.p50_ms, at.p95_ms)))
    return Row((row.scenario, f"{row.dynos} × {row.workers}", drawn, *figures, _meeting(at), _meeting(row.at_3x)))


def _meeting(expected: Expected) -> Child:
    """A p99, with a sign for those within the objective that needs no colour."""
    return (tag("b", words.duration(expected.p99_ms)), " ✓") if expected.meets else words.duration(expected.p99_ms)


def _key() -> Markup:
    said = "The two ticks are p50 and p95, the dot is p99, the dashed line is the objective; ✓ is within it. The axis is logarithmic."
    return paragraph(said, style="note")


def _fidelity(found: Replay) -> str:
    off = abs(found.replayed_p99_ms - found.measured_p99_ms) / found.measured_p99_ms if found.measured_p99_ms else 0.0
    return (
        f"{words.some(found.requests, 'request')} from {words.moment(found.start_us / 1e6)} were replayed. With the dynos as they are, the "
        f"replay gives a p99 of {words.duration(found.replayed_p99_ms)} where {words.duration(found.measured_p99_ms)} was measured "
        f"({words.share(off)} off). With endless workers it would be {words.duration(found.floor_p99_ms)}: no size gets below that. "
        f"{words.sentence(f'Three times the traffic was made by {found.thickened_by}') if found.thickened_by else ''}"
    ).strip()


def sized(latency: Latency) -> Markup:
    """Return the smallest configuration on AWS, which the design takes."""
    found = latency.sizing
    if found is None:
        return NOTHING
    title = (
        "The smallest size on AWS that meets the objective" if found.meets else "No size meets the objective by itself"
    )
    columns = (
        Column("for"), Column("tasks"), Column("busy", True), Column("p50", True), Column("p95", True), Column("p99", True),
    )  # fmt: skip
    rows = [_fit("the traffic there is", found.now, chosen=True), _fit("three times the traffic", found.at_3x)]
    if found.once_mended:
        rows.append(_fit("the traffic there is, once mended", found.once_mended))
    return join(
        [
            heading(4, title),
            paragraph(words.sentence(found.because)),
            table("Sizes", columns, rows, hidden_caption=True),
            pairs(_limits(found)),
        ]
    )


def _fit(label: str, fit: Fit, *, chosen: bool = False) -> Row:
    at = fit.expected
    size = f"{fit.tasks} × {fit.cpu / 1024:g} vCPU, {fit.memory_mb / 1024:g} GB, {words.some(fit.workers_per_task, 'worker')} each"
    figures = tuple(map(words.duration, (at.p50_ms, at.p95_ms)))
    return Row((label, size, words.share(at.utilisation), *figures, _meeting(at)), "chosen" if chosen else "")


def _limits(found: Sizing) -> list[tuple[str, Child]]:
    held = words.listed(found.held_up_by)
    memory = (
        f"{found.memory_floor_mb:,} MB, the most that was measured and a margin"
        if found.memory_floor_mb
        else "not measured"
    )
    return [
        ("Held up by", held and f"{held}: slower than the objective by themselves"),
        ("Memory at least", memory),
        ("Tried", words.some(found.configurations_tried, "configuration")),
    ]
