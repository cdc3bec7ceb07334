"""Has the point of no return been passed? Written into the very database that it makes the primary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from psycopg.rows import args_row

from ..kit import sqlbook
from ..postgres import Connection, translated
from . import room
from .model import SwitchRecord

_BOOK = sqlbook.load("offramp.pump", "sql/switch.sql")


def record_switch(conn: Connection, record: SwitchRecord) -> None:
    """Write the record, in place of an earlier one, durably before this returns."""
    with translated("the database of the switch"), conn.transaction():
        conn.execute("set local synchronous_commit = on")
        conn.execute(room.MAKE + _BOOK["create"])
        values = {name: value for name, value in asdict(record).items() if name not in ("held_ms", "moves", "notes")}
        conn.execute(_BOOK["record"], values)


def forget_open_switch(conn: Connection, epoch: int) -> None:
    """Take back the record of a switch that was undone; no effect on a committed one. Safe to repeat."""
    with translated("the database of the switch"):
        row = conn.execute(_BOOK["exists"]).fetchone()
        if row is not None and row[0]:
            with conn.transaction():
                conn.execute(_BOOK["forget_first"], {"epoch": epoch})
                conn.execute(_BOOK["restore"], {"epoch": epoch})


def report_hold(
    conn: Connection, epoch: int, held_ms: float, moves: Mapping[str, float], notes: Sequence[str] = ()
) -> bool:
    """Keep how long writers were held, in milliseconds, and what else is worth telling; False when this epoch is not committed here."""
    with translated("the database of the switch"):
        kept = json.dumps({name: round(spent, 1) for name, spent in moves.items()})
        values = {"epoch": epoch, "held_ms": held_ms, "moves": kept, "notes": json.dumps(list(notes))}
        return conn.execute(_BOOK["report_hold"], values).rowcount == 1


def read_switch(conn: Connection) -> SwitchRecord | None:
    """Return the last record written here, or None."""
    with translated("the database of the switch"):
        row = conn.execute(_BOOK["exists"]).fetchone()
        if row is None or not row[0]:
            return None
        with conn.cursor(row_factory=args_row(SwitchRecord)) as cursor:
            return cursor.execute(_BOOK["read"]).fetchone()
