"""How is a link doing? Read from the receiving database, whether the link runs or not."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg.rows import args_row

from ..kit import sqlbook
from ..postgres import Connection, translated
from .model import FenceMark, FoundDifference, Link, LinkStatus, TableStatus
from .picture import Album
from .state import Ledger, Moved

_BOOK = sqlbook.load("offramp.pump", "sql/state.sql")
_FIGURES = sqlbook.load("offramp.pump", "sql/status.sql")
LAST_DIFFERENCES = 10


def status(receiver_conn: Connection, link: Link) -> LinkStatus | None:
    """Return how the link of that name and direction is doing, or None when it has never begun. Its epoch is the receiver's."""
    named = {"link": link.name, "direction": link.direction}
    with translated("the receiving side"):
        ledger = Ledger(receiver_conn, link)
        if not ledger.exists():
            return None
        row = receiver_conn.execute(_BOOK["status"], named).fetchone()
        if row is None:
            return None
        moved = ledger.tables()
        figures = {relid: (size, spent) for relid, size, spent in receiver_conn.execute(_FIGURES["figures"], named)}
        backlog = receiver_conn.execute(_FIGURES["backlog"], named).fetchone() or (0, 0)
        differences = _last_differences(receiver_conn, named)
    epoch, phase, lag, p99, batches, rows, found, repaired, position, beat_age, server, because, share, age = row
    held = [table for table in moved if table.state == "paused"]
    return LinkStatus(
        link=Link(link.name, link.direction, epoch),
        phase="paused" if phase == "live" and held else phase,
        tables=tuple(_table(table, *figures.get(table.relid, (0, 0.0))) for table in moved),
        lag_seconds=float(lag),
        lag_p99_ms=float(p99),
        batches=batches,
        rows_applied=rows,
        verified_share=float(share),
        verified_age_seconds=float(age),
        differences=found,
        repaired=repaired,
        position=position,
        beat_age_seconds=float(beat_age),
        server=server,
        held_because=because or (f"{held[0].full_name}: {held[0].held_because}" if held else None),
        lag_keys=backlog[0],
        log_bytes=backlog[1],
        last_differences=differences,
        tables_unfinished=Album(receiver_conn, link).unfinished(),
    )


def _last_differences(receiver: Connection, named: Mapping[str, str]) -> tuple[FoundDifference, ...]:
    with receiver.cursor(row_factory=args_row(FoundDifference)) as cursor:
        return tuple(cursor.execute(_FIGURES["last_differences"], {**named, "most": LAST_DIFFERENCES}))


def _table(moved: Moved, size: int, seconds: float) -> TableStatus:
    rate = moved.rows_copied / seconds if seconds > 0 else 0.0
    left = max(moved.rows_estimate - moved.rows_copied, 0)
    return TableStatus(
        name=moved.full_name,
        state=moved.state,
        rows_copied=moved.rows_copied,
        rows_estimate=moved.rows_estimate,
        held_because=moved.held_because,
        bytes_copied=size,
        rows_per_second=rate,
        bytes_per_second=size / seconds if seconds > 0 else 0.0,
        eta_seconds=left / rate if moved.state == "copy" and rate > 0 else None,
        remedy=remedy(moved.full_name, moved.held_because) if moved.state == "paused" else None,
    )


def remedy(table: str, because: str | None) -> str:
    """Return what a person can do about a table that is held.

    >>> remedy("public.t", "Rejected: duplicate key")
    'Mend the row at its source, or the rule it breaks on the receiving side; then resync public.t.'
    """
    if (because or "").startswith("Rejected: "):
        return f"Mend the row at its source, or the rule it breaks on the receiving side; then resync {table}."
    return (
        f"Make both sides alike; the link looks again every few seconds. To read the whole table again, resync {table}."
    )


def drained(receiver_conn: Connection, link: Link, mark: FenceMark) -> bool:
    """Whether the receiver has every write that the fenced origin will ever have, with no table held back."""
    with translated("the receiving side"):
        ledger = Ledger(receiver_conn, link)
        if not ledger.exists() or not ledger.seen(mark.xid):
            return False
        return all(moved.state == "live" for moved in ledger.tables())


def resume(receiver_conn: Connection, link: Link, table: str) -> bool:
    """Let a held table be read again as a whole by the running link; False when there is no such table (``schema.name``)."""
    with translated("the receiving side"):
        ledger = Ledger(receiver_conn, link)
        for moved in ledger.tables():
            if moved.full_name == table:
                ledger.set_table(moved.relid, "reload")
                return True
    return False
