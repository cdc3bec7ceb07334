"""Has a table, one of our triggers on it, or anything else in the schema changed since it was last looked at?

Fingerprints are compared for equality and mean nothing else. They are read as ordinary rows, so inside a window they are of the
window's own snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..kit import sqlbook
from ..postgres import Connection

_BOOK = sqlbook.load("offramp.pump", "sql/fingerprint.sql")


def read(origin: Connection, oids: Sequence[int]) -> Mapping[int, str]:
    """Return the fingerprints of these tables, ``shape/triggers``; tables that are no more are left out.

    Columns, types and enum labels, defaults, constraints, indexes, inheritance, and our triggers with their functions' oids.
    """
    if not oids:
        return {}
    return dict(origin.execute(_BOOK["fingerprints"], {"oids": list(oids)}).fetchall())


def scenery(origin: Connection) -> str:
    """Return one fingerprint of all that is not a table's own: names, types, functions, views, triggers, sequences, comments."""
    row = origin.execute(_BOOK["scenery"]).fetchone()
    return str(row[0]) if row else ""


def stirred(origin: Connection) -> int:
    """Return how often the catalogues were written to: while it stays the same, a closer look is hardly worth while."""
    row = origin.execute(_BOOK["stirred"]).fetchone()
    return int(row[0]) if row else 0


def shape_of(fingerprint: str) -> str:
    """Return the part that tells of the table itself.

    >>> shape_of("c0ffee.12/4.ab")
    'c0ffee.12'
    """
    return fingerprint.partition("/")[0]


def triggers_of(fingerprint: str) -> str:
    """Return the part that tells of our triggers.

    >>> triggers_of("c0ffee.12/4.ab")
    '4.ab'
    """
    return fingerprint.partition("/")[2]
