"""What keeps our capture from harming a source that nobody looks after any more?

A break-glass in the trigger functions themselves, which works with no pump alive: a log above its cap, a reader that has been silent
too long, or a database that is a copy of the one it was installed in make each trigger function turn itself into one that
does nothing. A pump that runs looks too, and one that finds capture dead says so instead of going on with holes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from ..errors import RefusedError
from ..kit import sqlbook
from ..postgres import Connection
from .model import Link

_BOOK = sqlbook.load("offramp.pump", "sql/guarding.sql")
MEGABYTE, GIGABYTE = 1 << 20, 1 << 30
# Without a wish the log may take half of what the database takes, within these.
LEAST_CAP_BYTES, MOST_CAP_BYTES = 256 * MEGABYTE, 16 * GIGABYTE
SILENCE_SECONDS = 24 * 3600.0
# A promoted server with a silent reader is a fork far more often than a fail-over; a fail-over's reader is back in a minute.
PROMOTED_SECONDS = 3600.0
# Another consumer that has said nothing for this long has lost its claim.
LEASE_SECONDS = 60.0
BEAT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the log may hold (None: what the database's size allows), and how long nobody may read it."""

    log_cap_bytes: int | None = None
    silence_seconds: float = SILENCE_SECONDS


@dataclass(frozen=True, slots=True)
class Death:
    """Why capture ended. ``moved``: the server is not the one it was made for; otherwise changes have been lost for good."""

    kind: Literal["moved", "full", "silent"]
    because: str


def install(origin: Connection, limits: Limits = Limits()) -> None:
    """Make the heartbeat's row and the guard that trigger functions call. Before the first of them, in the schema that is there.

    Safe to repeat; a consumer that is alive keeps its claim.
    """
    row = origin.execute(_BOOK["ready"]).fetchone()
    with origin.transaction():
        if row is None or not row[0]:
            origin.execute(_BOOK["create"])
            origin.execute(_BOOK["guard"])
            origin.execute(_BOOK["close_guard"])
        origin.execute(
            _BOOK["adopt"],
            {**_values(limits), "least": LEAST_CAP_BYTES, "most": MOST_CAP_BYTES},
        )


def uninstall(origin: Connection) -> None:
    """Drop what ``install`` made; after the last trigger function that calls it."""
    origin.execute(_BOOK["drop"])


def alone(origin: Connection) -> None:
    """Keep guards out until the transaction ends: for whoever replaces or drops trigger functions. Set lock_timeout before."""
    origin.execute(_BOOK["alone"])


def call(name: str, log: str) -> sql.Composed:
    """Return the statement that goes behind a trigger function's insert and its ``get diagnostics logged = row_count``.

    ``logged`` is a bigint of that function; ``name`` is the function's own, ``log`` the table it writes to (``offramp.log_1``). One
    row in 1024 asks the guard (19 us, and more where its code is not in the caches), many rows at once more often. A hash of the clock
    is chance enough: random() would take numbers out of the application's own sequence of them. Everything is named with its schema,
    since the search_path is the application's.
    """
    return sql.SQL(_BOOK["call"]).format(name=sql.Literal(name), log=sql.Literal(log))


def consumer(link: Link, receiver_system: str, receiver_database: str) -> str:
    """Name whoever reads the changes: the link and the database that it fills."""
    return f"{link.name}/{link.direction} into {receiver_database} of server {receiver_system}"


def demand_sole(origin: Connection, consumer: str) -> None:
    """Raise RefusedError while another consumer reads the changes of this database."""
    if not _exists(origin):
        return
    row = origin.execute(_BOOK["other"], {"consumer": consumer, "lease": LEASE_SECONDS}).fetchone()
    if row is not None:
        raise RefusedError(
            f"The changes of this database are being read by another link, {row[0]}, which said so {row[1]:.0f} s ago.",
            hint=f"A log has one reader. Stop that link first; {LEASE_SECONDS:.0f} s later this one may begin.",
        )


def claim(origin: Connection, consumer: str, limits: Limits) -> None:
    """Become the one consumer of this database's changes. Raises RefusedError when another one is alive."""
    demand_sole(origin, consumer)
    install(origin, limits)
    taken = origin.execute(_BOOK["claim"], {**_values(limits), "consumer": consumer, "lease": LEASE_SECONDS}).rowcount
    if not taken:
        demand_sole(origin, consumer)


def beat(origin: Connection, consumer: str, position: str | None) -> int | None:
    """Say that the consumer is alive and what is surely committed; returns the log's cap, None when the claim is lost."""
    row = origin.execute(_BOOK["beat"], {"consumer": consumer, "position": position}).fetchone()
    return None if row is None else int(row[0])


def silence(origin: Connection, consumer: str) -> float | None:
    """Return how many seconds ago the consumer last said that it lives; None when it never did here."""
    row = origin.execute(_BOOK["silence"], {"consumer": consumer}).fetchone() if _exists(origin) else None
    return None if row is None or row[0] is None else float(row[0])


def overflow(origin: Connection, cap_bytes: int) -> Death | None:
    """Return why capture must end now, or None."""
    row = origin.execute(_BOOK["size"]).fetchone()
    size = int(row[0]) if row else 0
    if size <= cap_bytes:
        return None
    return Death("full", f"the log of changes holds {shown(size)}, and no more than {shown(cap_bytes)} were to be kept")


def autopsy(origin: Connection) -> Death | None:
    """Return why trigger functions have turned themselves off, or None when none has."""
    rows = origin.execute(_BOOK["dead"]).fetchall()
    if not rows:
        return None
    said = rows[0][1].removeprefix("-- dead ")
    since, _, reason = said.partition(": ")
    kind, _, because = reason.partition(": ")
    deaths: dict[str, Literal["moved", "full", "silent"]] = {"moved": "moved", "full": "full"}
    return Death(deaths.get(kind, "silent"), f"capture ended itself {since} UTC: {because}")


def went_back(origin: Connection, consumer: str, position: str) -> bool:
    """Whether the receiver's position is older than one it had surely committed: it was restored from a backup."""
    if not _exists(origin):
        return False
    row = origin.execute(_BOOK["went_back"], {"consumer": consumer, "position": position}).fetchone()
    return bool(row and row[0])


def forget_position(origin: Connection, consumer: str) -> None:
    """Take back what was said of the receiver's position, which begins anew."""
    if _exists(origin):
        origin.execute(_BOOK["forget_position"], {"consumer": consumer})


def shown(size: int) -> str:
    """Return bytes as people read them.

    >>> shown(3 * MEGABYTE), shown(5 * GIGABYTE // 2)
    ('3.0 MB', '2.5 GB')
    """
    return f"{size / GIGABYTE:.1f} GB" if size >= GIGABYTE else f"{size / MEGABYTE:.1f} MB"


def _exists(origin: Connection) -> bool:
    row = origin.execute(_BOOK["exists"]).fetchone()
    return bool(row and row[0])


def _values(limits: Limits) -> dict[str, float | int | None]:
    return {"cap": limits.log_cap_bytes, "silence": limits.silence_seconds, "promoted": PROMOTED_SECONDS}
