"""Does a change get lost when its transaction began in the same microsecond as another that was sent before?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
from psycopg.pq import ExecStatus

from .. import markers
from ..clusters import Side

SESSIONS = 30
BURSTS = 2000


@dataclass(frozen=True, slots=True)
class Pairs:
    found: int
    lost: int
    bursts: int


def pairs(source: Side, target: Side, wanted: int, wait: float) -> Pairs:
    """Open bursts of transactions until ``wanted`` pairs share their ``now()``; commit one, see it arrive, commit the other."""
    found = lost = bursts = 0
    with ExitStack() as stack:
        sessions = [stack.enter_context(source.connect()) for _ in range(SESSIONS)]
        key = 10_000_000
        while found < wanted and bursts < BURSTS:
            bursts += 1
            key += SESSIONS
            pair = _burst(sessions, key)
            if pair is None:
                continue
            found += 1
            lost += not _second_arrives(source, target, pair, wait)
    return Pairs(found, lost, bursts)


Held = tuple[psycopg.Connection, int]


def _burst(sessions: Sequence[psycopg.Connection], key: int) -> tuple[Held, Held] | None:
    """Begin a transaction on every session at once; return two with equal ``now()``, all others rolled back."""
    for place, session in enumerate(sessions):
        session.pgconn.send_query(f"begin; insert into bulk values ({key + place}, 0, 'x'); select now()".encode())
    seen: dict[bytes, list[Held]] = {}
    for place, session in enumerate(sessions):
        while (result := session.pgconn.get_result()) is not None:
            if result.status == ExecStatus.TUPLES_OK:
                seen.setdefault(result.get_value(0, 0) or b"", []).append((session, key + place))
    pair = next(((held[0], held[1]) for held in seen.values() if len(held) > 1), None)
    chosen = {id(session) for session, _ in pair} if pair else set()
    for session in sessions:
        if id(session) not in chosen:
            session.pgconn.exec_(b"rollback")
    return pair


def _second_arrives(source: Side, target: Side, pair: tuple[Held, Held], wait: float) -> bool:
    (first, first_key), (second, second_key) = pair
    first.pgconn.exec_(b"commit")
    _arrives(target, first_key, wait)
    second.pgconn.exec_(b"commit")
    # A later change of another table, so that no engine is left asleep.
    with source.connect() as origin:
        markers.beat(origin)
    return _arrives(target, second_key, wait)


def _arrives(target: Side, key: int, wait: float) -> bool:
    deadline = time.monotonic() + wait
    with target.connect() as receiver:
        while time.monotonic() < deadline:
            if receiver.execute("select from bulk where id = %s", (key,)).fetchone() is not None:
                return True
            time.sleep(0.05)
    return False
