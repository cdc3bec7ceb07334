"""How do the pump's results read? Plain text made from the same values that ``--json`` prints."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ..pump.model import Concern, Event, FoundDifference, LinkStatus, TableStatus
from ..pump.progress import Speed
from ..pump.proving import Proof
from ..pump.standalone import Checked, Fenced, Overview, Removed, ServerSeen, Unfenced
from ..pump.turning import Turned

MINUTE, HOUR, DAY = 60, 3600, 86400
# As PostgreSQL counts: 1 kB is 1024 bytes.
UNITS, STEP = ("B", "kB", "MB", "GB", "TB"), 1024
# A held table's reason is worth more than the fortieth table that is well.
SHOWN_TABLES = 20
# What happens many times a second, or is shown as a figure anyway.
QUIET = ("range copied", "table copied", "differences repaired", "link superseded")
SAID = {
    "link runs": "the {primary} is primary (switch {epoch}), the link is {direction}",
    "move made": "{move}: {seconds:.3f} s",
    "writers let in again": "the {primary} takes writes again",
    "target closed to writers": "the target is closed to writers until `offramp pump finish`",
}


def plain(value: object) -> object:
    """Return a dataclass as what JSON can hold.

    >>> plain(Speed(1.5, 2.0, None))
    {'rows_per_second': 1.5, 'bytes_per_second': 2.0, 'eta_seconds': None}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value


def fields(value: object) -> dict[str, object]:
    """Return a dataclass as the members of an answer."""
    found = plain(value)
    assert isinstance(found, dict)
    return found


def overview_fields(seen: Overview) -> dict[str, object]:
    """Return schema ``offramp/link/1``: the pair, and the link's figures beside it (null before it has begun)."""
    body = fields(seen)
    link = body.pop("link")
    return {**body, **(link if isinstance(link, dict) else {"link": None, "phase": None, "tables": []})}


def size(number: float) -> str:
    """Bytes as people say them.

    >>> size(0), size(1499), size(41_300_000)
    ('0 B', '1.5 kB', '39.4 MB')
    """
    place = 0
    while number >= STEP and place < len(UNITS) - 1:
        number, place = number / STEP, place + 1
    return f"{number:.0f} B" if place == 0 else f"{number:.1f} {UNITS[place]}"


def span(seconds: float) -> str:
    """Seconds as people say them.

    >>> span(0.04), span(75), span(7300), span(90000)
    ('0.04 s', '1 min 15 s', '2 h 1 min', '1 d 1 h')
    """
    if seconds < MINUTE:
        return f"{seconds:.0f} s" if seconds >= 10 or seconds == 0 else f"{seconds:.2g} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min {seconds % MINUTE:.0f} s"
    if seconds < DAY:
        return f"{seconds // HOUR:.0f} h {seconds % HOUR // MINUTE:.0f} min"
    return f"{seconds // DAY:.0f} d {seconds % DAY // HOUR:.0f} h"


def share(done: int, of: int) -> float:
    """Return how much is done, 0 to 1; the planner's estimate may be too low."""
    return 1.0 if of <= 0 else min(done / of, 1.0)


def percent(part: float) -> str:
    """A share in percent that says 100% only when it is all.

    >>> percent(1.0), percent(0.9999), percent(0.5)
    ('100%', '99%', '50%')
    """
    return f"{int(part * 100)}%"


def concerns(found: Iterable[Concern]) -> list[str]:
    """One paragraph a concern: what, why, and what to do."""
    return [f"  {concern.object}: {concern.why}\n    {concern.fix}" for concern in found]


def checked(found: Checked) -> str:
    """What a move would meet: both servers, what stands in the way, what to know."""
    lines = [f"Source: {_server(found.source)}; {count(found.tables, 'table')}, about {found.rows:,} rows."]
    lines.append(f"Target: {_server(found.target)}.")
    rest = [concern for concern in found.concerns if not concern.blocking]
    if found.blocking:
        lines += ["", f"{_things(len(found.blocking))} in the way:", *concerns(found.blocking)]
    if rest:
        lines += ["", f"{_things(len(rest))} to know:", *concerns(rest)]
    if not found.concerns:
        lines += ["", "Everything carries."]
    return "\n".join(lines)


def _things(count: int) -> str:
    return "1 thing" if count == 1 else f"{count} things"


def count(number: int, one: str, many: str = "") -> str:
    """A number of things.

    >>> count(1, "row"), count(2000, "row"), count(2, "batch", "batches")
    ('1 row', '2,000 rows', '2 batches')
    """
    return f"{number:,} {one}" if number == 1 else f"{number:,} {many or one + 's'}"


def _server(seen: ServerSeen) -> str:
    # What follows the number says who built it.
    return f"{seen.url}, PostgreSQL {seen.version.partition(' ')[0]}, {size(seen.bytes)}"


def beginning(found: Checked) -> str:
    """What ``start`` is about to do."""
    return "\n".join(
        (
            checked(found),
            "",
            f"This begins to move {found.source.database} to {found.target.database}, while it is in use:",
            f"  on the source, schema offramp with a log of changed keys, and triggers on {count(found.tables, 'table')};",
            "    no row changes, and no lock is waited for longer than half a second at a time;",
            "  on the target, the tables are made, filled and kept equal, and closed to writers until `offramp pump finish`.",
            "All of it goes again with `offramp pump remove`.",
        )
    )


def overview(seen: Overview) -> str:
    """One screen: who is primary, how the link does, what is held and why."""
    lines = [
        f"{seen.name}: the {seen.primary} is primary"
        + (f", after {count(seen.epoch, 'switch', 'switches')}." if seen.epoch else "."),
        f"Source: {_server(seen.source)}{_shut(seen.source)}.",
        f"Target: {_server(seen.target)}{_shut(seen.target)}.",
    ]
    if seen.switch_opened_at:
        lines.append(f"A switch began at {_moment(seen.switch_opened_at)} and has not ended.")
    if seen.link is None:
        return "\n".join((*lines, "Nothing moves between them yet."))
    link = seen.link
    runs = "a pump runs" if seen.running else f"no pump runs, the last word came {span(link.beat_age_seconds)} ago"
    lines.append(f"Link: {link.link.direction}, {link.phase}; {runs}.")
    return "\n".join((*lines, *_figures(link), "", *tables(link), *_differences(link)))


def _shut(side: ServerSeen) -> str:
    return f"; closed to writers since {_moment(side.fenced_at)}" if side.fenced_at else ""


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S %Z").strip()


def _figures(link: LinkStatus) -> Iterable[str]:
    copying = any(table.state == "copy" for table in link.tables)
    if link.rows_copied or copying:
        done = f"{percent(share(link.rows_copied, link.rows_estimate))}: " if copying else ""
        volume = f", {size(link.bytes_copied)}" if link.bytes_copied else ""
        yield f"  copied    {done}{count(link.rows_copied, 'row')}{volume}"
    p99 = f"; 99 in 100 commits arrive within {link.lag_p99_ms:.0f} ms" if link.lag_p99_ms else ""
    yield f"  behind    {span(link.lag_seconds)}, {count(link.lag_keys, 'key')}{p99}"
    yield f"  applied   {count(link.rows_applied, 'row')} in {count(link.batches, 'batch', 'batches')}"
    yield f"  verified  {percent(link.verified_share)} of the rows, the oldest {span(link.verified_age_seconds)} ago"
    yield f"  found     {count(link.differences, 'difference')}, {link.repaired:,} repaired"
    yield f"  log       {size(link.log_bytes)} at the {'source' if link.link.direction == 'forward' else 'target'}"
    if link.held_because:
        yield f"  held      {link.held_because}"


def tables(link: LinkStatus) -> Iterable[str]:
    """One line a table, those that are not live first."""
    ordered = sorted(link.tables, key=lambda table: (table.state == "live", table.name))
    width = max((len(table.name) for table in ordered[:SHOWN_TABLES]), default=0)
    for table in ordered[:SHOWN_TABLES]:
        yield f"  {table.name:{width}}  {table.state:7} {_copied(table)}"
        if table.held_because:
            yield f"    {table.held_because}"
            yield f"    {table.remedy}"
    if len(ordered) > SHOWN_TABLES:
        yield f"  and {count(len(ordered) - SHOWN_TABLES, 'more table')}"


def _copied(table: TableStatus) -> str:
    if table.state != "copy":
        return f"{max(table.rows_copied, table.rows_estimate):>12,} rows"
    left = "" if table.eta_seconds is None else f", {span(table.eta_seconds)} to go"
    done = percent(share(table.rows_copied, table.rows_estimate))
    return f"{table.rows_copied:>12,} rows, {done}, {table.rows_per_second:,.0f} rows/s{left}"


def _differences(link: LinkStatus) -> Iterable[str]:
    if link.last_differences:
        yield ""
        yield "Last differences:"
    for found in link.last_differences:
        yield _difference(found)


def _difference(found: FoundDifference) -> str:
    return f"  {found.table}: key {found.key} was {found.kind}"


def line(link: LinkStatus, speed: Speed) -> str:
    """A running link in one line."""
    if link.phase == "index":
        return f"index: {link.rows_copied:,} rows are copied; keys, indexes and constraints are built"
    if link.phase in ("schema", "copy"):
        left = "" if not speed.eta_seconds else f", {span(speed.eta_seconds)} to go"
        rate = f", {speed.rows_per_second:,.0f} rows/s" if speed.rows_per_second else ""
        rate += f", {size(speed.bytes_per_second)}/s" if speed.bytes_per_second else ""
        done = percent(share(link.rows_copied, link.rows_estimate))
        return f"{link.phase}: {link.rows_copied:,} of {link.rows_estimate:,} rows ({done}){rate}{left}"
    return (
        f"{link.phase}: {span(link.lag_seconds)} behind, {count(link.rows_applied, 'row')} applied, {percent(link.verified_share)} verified, "
        f"{count(link.differences, 'difference')}"
        + (f"; {count(sum(t.state == 'paused' for t in link.tables), 'table')} held" if link.phase == "paused" else "")
    )


def event(happened: Event) -> str | None:
    """What one event says to a person, or None when figures say it better.

    >>> event(Event("table held", {"table": "public.t", "because": "the table was dropped at the origin"}))
    'public.t: table held: the table was dropped at the origin'
    >>> event(Event("capture installed", {"tables": 14, "new": 3}))
    'capture installed: tables 14, new 3'
    """
    if happened.what in QUIET:
        return None
    keys = dict(happened.keys)
    if happened.what in SAID:
        return SAID[happened.what].format(**keys)
    where, because = keys.pop("table", None), keys.pop("because", None)
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in keys.items())
    words = [str(part) for part in (where, happened.what, told, because) if part not in (None, "")]
    return ": ".join(words)


def switch_plan(seen: Overview, to: str, seconds: float) -> str:
    """What ``finish`` and ``back`` are about to do."""
    link = seen.link
    lines = [
        f"The {to} is about to become the primary of {seen.name}. Writers of the {seen.primary} are refused (SQLSTATE 25006) from now on;",
        f"what they wrote is carried over, both sides are compared, sequences follow, and the {to} takes writes. The {seen.primary}",
        "then follows it as the way back. Point the applications there as soon as this says so.",
        f"If that takes more than {span(seconds)}, all of it is taken back and the {seen.primary} takes writes as before.",
    ]
    if link is not None:
        lines.append(f"Now: {line(link, Speed(0, 0, None))}.")
        if link.verified_share < 1:
            lines.append(
                "Rows that were not verified yet are compared while writers wait; `offramp pump verify --wait` shortens that."
            )
    return "\n".join(lines)


def turned(done: Turned, url: str) -> str:
    """What a switch came to, and where the applications belong now."""
    if done.already:
        return f"The {done.primary} is primary of {done.name} already (switch {done.epoch}); nothing was left to do."
    held = "" if done.held_seconds is None else f" Writers were held {span(done.held_seconds)}."
    return (
        f"The {done.primary} is primary of {done.name} (switch {done.epoch}) and takes writes.{held}\n"
        f"Point the applications there now: {place(url)}."
    )


def place(url: str) -> str:
    """Return host and database of a URL: applications connect as roles of their own.

    >>> place("postgres://master@db.example:5432/shop")
    'db.example:5432/shop'
    """
    return url.partition("://")[2].rpartition("@")[2]


def proof(found: Proof) -> str:
    """What a verification came to."""
    if found.complete and found.seconds:
        text = f"Every row is equal on both sides: {count(found.tables, 'table')}, {found.rows:,} rows, checked in {span(found.seconds)}."
        if found.differences:
            text += f" {count(found.differences, 'row')} differed on the way and were repaired:"
    else:
        text = f"{percent(found.share)} of {found.rows:,} rows in {count(found.tables, 'table')} were found equal."
        text += f" {count(found.differences, 'difference')} so far{':' if found.differences else '.'}"
    lines = [text, *(_difference(one) for one in found.last_differences)]
    if found.schema_differences:
        lines += [
            f"The schema differs in {_things(len(found.schema_differences))}:",
            *(f"  {said}" for said in found.schema_differences),
        ]
    return "\n".join(lines)


def shut(done: Fenced) -> str:
    """What a fence came to."""
    standby = "target" if done.primary == "source" else "source"
    arrived = (
        f"The {standby} has every write there was." if done.drained else f"The {standby} does not have every write yet."
    )
    return f"The {done.primary} refuses writers (SQLSTATE 25006) since {_moment(done.mark.at)}. {arrived}"


def let_in(done: Unfenced) -> str:
    """What lifting a fence came to."""
    back = " The switch that had begun was taken back." if done.switch_taken_back else ""
    return f"The {done.primary} takes writes.{back}"


def removal_plan(seen: Overview) -> str:
    """What ``remove`` is about to do, and what that means where the two stand."""
    if seen.epoch == 0:
        means = (
            "The source stays the primary. The target keeps the rows it has, follows no longer, and is no longer closed to writers."
            if seen.link
            else "Nothing moves between them."
        )
    else:
        means = (
            f"The {seen.primary} is the primary, and there is no way back after this: the other side keeps the rows it has\n"
            "and is no longer closed to writers, so nothing may be pointed at it any more."
        )
    return f"Everything of ours goes from both sides of {seen.name}: triggers, functions, schema offramp.\n{means}"


def removed(done: Removed) -> str:
    """What was taken away, by kind; ``--json`` names each."""
    lines = [
        f"{side.capitalize()}: {_kinds(names)} removed."
        for side, names in (("source", done.source), ("target", done.target))
    ]
    if done.left:
        lines += [f"{count(len(done.left), 'object')} left:", *(f"  {name}" for name in done.left)]
    else:
        lines.append("Nothing is left on either side.")
    return "\n".join(lines)


def _kinds(names: Sequence[str]) -> str:
    kinds = Counter(name.partition(" ")[0] for name in names)
    return ", ".join(count(number, kind) for kind, number in sorted(kinds.items())) or "nothing"
