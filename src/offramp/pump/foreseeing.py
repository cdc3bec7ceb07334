"""How is little left to compare while writers are held? The running link compares it before, at full pace, while they still write.

A hold compares every chunk that was not found equal since it last changed. Right after a copy these are all of them.
"""

from __future__ import annotations

from ..kit import sqlbook
from ..kit.clock import Clock
from ..postgres import Connection, translated
from .model import Link
from .verify import FEW, request_verification

_BOOK = sqlbook.load("offramp.pump", "sql/checks.sql")
# About 20 ms of a hold.
LITTLE_ROWS = 50_000
LOOK_SECONDS = 0.1
# Without fewer rows to compare for so long, they change as fast as they are compared.
IN_VAIN_SECONDS = 5.0


def rows_to_compare(receiver: Connection, link: Link) -> int:
    """Return about how many rows a hold would compare now."""
    values = {"link": link.name, "direction": link.direction, "few": FEW}
    with translated("the receiving side"):
        row = receiver.execute(_BOOK["rows_to_compare"], values).fetchone()
    return int(row[0]) if row else 0


def compare_ahead(receiver: Connection, link: Link, *, seconds: float, clock: Clock) -> int:
    """Have the running link compare what a hold would have to; returns about how many rows are left for the hold.

    Ends when few are left, when they grow no fewer (then they change as fast as they are compared), or after ``seconds``. Without a
    running link nothing comes of it but the waiting.
    """
    left = least = rows_to_compare(receiver, link)
    if left <= LITTLE_ROWS:
        return left
    request_verification(receiver, link)
    now = fewer_at = clock.monotonic()
    until = now + seconds
    while left > LITTLE_ROWS and now < min(until, fewer_at + IN_VAIN_SECONDS):
        clock.sleep(LOOK_SECONDS)
        left, now = rows_to_compare(receiver, link), clock.monotonic()
        if left < least:
            least, fewer_at = left, now
    return left
