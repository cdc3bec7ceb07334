"""How is a link doing? Read from the receiving database, whether the link runs or not."""

from __future__ import annotations

from ..kit import sqlbook
from ..postgres import Connection, translated
from .model import FenceMark, Link, LinkStatus, TableStatus
from .state import Ledger

_BOOK = sqlbook.load("offramp.pump", "sql/state.sql")


def status(receiver_conn: Connection, link: Link) -> LinkStatus | None:
    """Return how the link of that name and direction is doing, or None when it has never begun. Its epoch is the receiver's."""
    with translated("the receiving side"):
        ledger = Ledger(receiver_conn, link)
        if not ledger.exists():
            return None
        row = receiver_conn.execute(_BOOK["status"], {"link": link.name, "direction": link.direction}).fetchone()
        if row is None:
            return None
        moved = ledger.tables()
    epoch, phase, lag, p99, batches, rows, differences, repaired, position, beat_age, server, because, share, age = row
    held = [table for table in moved if table.state == "paused"]
    return LinkStatus(
        link=Link(link.name, link.direction, epoch),
        phase="paused" if phase == "live" and held else phase,
        tables=tuple(
            TableStatus(table.full_name, table.state, table.rows_copied, table.rows_estimate, table.held_because)
            for table in moved
        ),
        lag_seconds=float(lag),
        lag_p99_ms=float(p99),
        batches=batches,
        rows_applied=rows,
        verified_share=float(share),
        verified_age_seconds=float(age),
        differences=differences,
        repaired=repaired,
        position=position,
        beat_age_seconds=float(beat_age),
        server=server,
        held_because=because or (f"{held[0].full_name}: {held[0].held_because}" if held else None),
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
