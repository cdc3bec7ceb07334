"""What does the receiving side know of its link? Position, tables, chunks: all in its schema ``offramp``."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.rows import args_row

from ..kit import sqlbook
from ..postgres import Connection, Table
from . import room, shape
from .model import Link, Phase, TableState

_BOOK = sqlbook.load("offramp.pump", "sql/state.sql")
Value = str | int | float | bool | None | list[str] | list[int]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """``position`` is the last snapshot whose rows are committed here; ``origin`` the server and timeline they came from."""

    epoch: int
    phase: Phase
    position: str
    origin: str
    indexed: bool
    held_because: str | None
    admitted: bool
    """Whether it has begun to work at this epoch: then the switch before it was made to its end."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One table of the link; ``since`` overrides the link's position until the table has caught up."""

    schema: str
    name: str
    relid: int
    state: TableState
    since: str | None
    outline: str
    fingerprint: str
    rows_copied: int
    rows_estimate: int
    held_because: str | None

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A range of one table's key: above ``low``, up to ``high``. None is without bound."""

    number: int
    low: tuple[str, ...] | None
    high: tuple[str, ...] | None
    rows: int
    dirty: bool
    verified_at: float | None


class Ledger:
    """The link's tables at the receiver. Every method is one statement in the caller's transaction."""

    def __init__(self, receiver: Connection, link: Link) -> None:
        self._receiver = receiver
        self._link = link

    @property
    def receiver(self) -> Connection:
        return self._receiver

    @property
    def whose(self) -> Link:
        """The link that this is the ledger of."""
        return self._link

    def _do(self, block: str, **values: Value) -> int:
        named = {"link": self._link.name, "direction": self._link.direction, "epoch": self._link.epoch, **values}
        return self._receiver.execute(_BOOK[block], named).rowcount

    def _named(self) -> dict[str, Value]:
        return {"link": self._link.name, "direction": self._link.direction}

    def exists(self) -> bool:
        row = self._receiver.execute(_BOOK["exists"]).fetchone()
        return bool(row and row[0])

    def create(self) -> None:
        self._receiver.execute(room.MAKE + _BOOK["create"])

    def lock(self) -> bool:
        """Become the only runner of this link, for as long as the session lives."""
        row = self._receiver.execute(_BOOK["lock"], self._named()).fetchone()
        return bool(row and row[0])

    def end_silent(self, program: str, seconds: float) -> int:
        """End our role's sessions whose name begins with ``program`` and from which the server has heard nothing; returns how many."""
        return self._receiver.execute(_BOOK["end_silent"], {"program": program, "seconds": seconds}).rowcount

    def link(self) -> LinkRow | None:
        if not self.exists():
            return None
        with self._receiver.cursor(row_factory=args_row(LinkRow)) as cursor:
            return cursor.execute(_BOOK["read_link"], self._named()).fetchone()

    def start(self, phase: Phase, position: str, origin: str, *, indexed: bool) -> None:
        self._do("start_link", phase=phase, position=position, origin=origin, indexed=indexed)

    def hold(self) -> bool:
        """Keep ``close`` waiting until the transaction ends; False when the link is another epoch's already."""
        return self._do("hold_link") == 1

    def close(self) -> None:
        """Let no batch of this epoch commit any more."""
        if self.exists():
            self._do("close_link")

    def reopen(self) -> None:
        if self.exists():
            self._do("reopen_link")

    def forget(self) -> None:
        """Forget tables and ranges; what checks know of them stays until ``forget_strange_chunks``."""
        self._do("forget_tables")
        self._do("forget_ranges", relid=None)

    def forget_strange_chunks(self) -> None:
        """Forget what checks know of tables that are not the link's any more."""
        self._do("forget_strange_chunks")

    def ranges(self, relid: int) -> tuple[tuple[int, int | None, int], ...]:
        """Return the page ranges that were copied: first page, page after the last (None: open end), the origin's file node."""
        return tuple(self._receiver.execute(_BOOK["ranges"], {**self._named(), "relid": relid}).fetchall())

    def add_range(self, relid: int, low: int, high: int | None, file: int, rows: int) -> None:
        self._do("add_range", relid=relid, low=low, high=high, file=file, rows=rows)

    def forget_ranges(self, relid: int | None = None) -> None:
        self._do("forget_ranges", relid=relid)

    def add(self, table: Table, state: TableState, fingerprint: str = "", because: str | None = None) -> None:
        self._do(
            "add_table", schema=table.schema, name=table.name, relid=table.oid, state=state, outline=shape.outline(table),
            fingerprint=fingerprint, rows=table.rows, because=because,
        )  # fmt: skip

    def tables(self) -> tuple[Moved, ...]:
        with self._receiver.cursor(row_factory=args_row(Moved)) as cursor:
            return tuple(cursor.execute(_BOOK["tables"], self._named()))

    def set_phase(self, phase: Phase, because: str | None = None) -> None:
        self._do("set_phase", phase=phase, because=because)

    def hold_because(self, because: str) -> None:
        """Say why nothing moves, for whoever asks; the next beat of a link that lives takes it back."""
        if self.exists():
            self._do("hold_because", because=because)

    def admit(self) -> None:
        self._do("admit")

    def set_indexed(self) -> None:
        self._do("set_indexed")

    def new_origin(self, origin: str, position: str) -> None:
        self._do("new_origin", origin=origin, position=position)

    def set_table(self, relid: int, state: TableState, *, since: str | None = None, because: str | None = None) -> None:
        self._do("set_table", relid=relid, state=state, since=since, because=because)

    def set_shape(self, table: Table, fingerprint: str) -> None:
        self._do("set_shape", relid=table.oid, outline=shape.outline(table), fingerprint=fingerprint)

    def all_live(self, *came_from: TableState) -> None:
        self._do("all_live", **{"from": [str(state) for state in came_from]})

    def reload_all(self) -> None:
        self._do("reload_all")

    def chunks(self, relid: int) -> tuple[Chunk, ...]:
        rows = self._receiver.execute(_BOOK["chunks"], {**self._named(), "relid": relid}).fetchall()
        return tuple(
            Chunk(number, None if low is None else tuple(low), None if high is None else tuple(high), rows_, dirty, at)
            for number, low, high, rows_, dirty, at in rows
        )

    def copied(self, relid: int, rows: int, *, size: int = 0, seconds: float = 0.0) -> None:
        """Count rows and bytes of one range of the copy, which took ``seconds``."""
        self._do("copied_rows", relid=relid, rows=rows, bytes=size, seconds=seconds)
        self._do("touch")

    def reset_copied(self, relid: int) -> None:
        self._do("reset_copied", relid=relid)

    def advance(self, position: str, *, lag_ms: float, batches: int, rows: int, lsn: str | None = None) -> bool:
        """Store the position; False when a later epoch has taken over, and then nothing may be committed.

        ``lsn`` is where the origin's WAL stood when the position was taken: after a fail-over it tells whether that was lost.
        """
        return self._do("advance", position=position, lag_ms=lag_ms, batches=batches, rows=rows, lsn=lsn) == 1

    def beat(
        self, *, lag_ms: float, lag_p99_ms: float, lag_keys: int | None = None, log_bytes: int | None = None
    ) -> None:
        """Say that the link lives and how far it is behind; what is None stays as it was told last."""
        self._do("beat", lag_ms=lag_ms, lag_p99_ms=lag_p99_ms, lag_keys=lag_keys, log_bytes=log_bytes)

    def dirty_table(self, relid: int) -> None:
        self._do("dirty_table", relid=relid)

    def seen(self, xid: int) -> bool:
        """Whether the stored position has seen this transaction of the origin."""
        row = self._receiver.execute(
            _BOOK["seen"], {**self._named(), "epoch": self._link.epoch, "xid": str(xid)}
        ).fetchone()
        return bool(row and row[0])
