"""How is a statement tried that the receiving server may refuse, where one refusal must not stop the rest?"""

from __future__ import annotations

import psycopg
from psycopg import sql

from ..postgres import Connection

# What a server says of its own accord; a lost connection or a full disk is something else.
_REFUSALS = (
    psycopg.ProgrammingError,
    psycopg.DataError,
    psycopg.NotSupportedError,
    psycopg.IntegrityError,
    psycopg.errors.ObjectNotInPrerequisiteState,
)


def refused(receiver: Connection, statement: sql.SQL | sql.Composed, role: str | None = None) -> str | None:
    """Run ``statement``, as ``role`` where one is given; returns what the server said when it refused, else None.

    Works in a transaction and outside of one: either way only this statement is undone.
    """
    try:
        with receiver.transaction():
            if role is not None:
                receiver.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            receiver.execute(statement)
            if role is not None:
                receiver.execute("set local role none")
    except _REFUSALS as error:
        return (error.diag.message_primary or str(error)).strip()
    return None
