"""How is a PostgreSQL connection made, so that every value has one text form, and what do its failures mean?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from ..errors import CredentialsRejectedError, OutsideError, UnreachableError
from ..kit import sqlbook
from ..kit.secret import Secret, without_password

Connection = psycopg.Connection[TupleRow]

# Both sides of a comparison must print a value alike, and neither role nor database settings may change that.
PINS: Mapping[str, str] = {
    "search_path": "pg_catalog",
    # Compiling a catalogue query took 0.8 s where running it takes a millisecond.
    "jit": "off",
    "extra_float_digits": "3",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    "row_security": "off",
    "synchronize_seqscans": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "default_tablespace": "",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    # A server must notice that its client is gone, or a lost session's locks and snapshot would outlive it for two hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20s",
    "client_connection_check_interval": "5s",
}
REJECTED = ("28P01", "28000")
CONNECT_SECONDS = 10
# A line that is silently cut is noticed within 10 + 3 * 5 s while we wait, and within this while we send.
UNACKNOWLEDGED_MILLISECONDS = 20_000
_BOOK = sqlbook.load("offramp.postgres", "sql/connection.sql")


def connect(url: Secret, *, application_name: str, pins: Mapping[str, str] | None = None) -> Connection:
    """Open an autocommit connection with pinned settings; ``pins`` adds to them or overrides them.

    Raises CredentialsRejectedError or UnreachableError; neither shows the password.
    """
    where = without_password(url.reveal())
    with translated(where):
        connection = psycopg.connect(
            url.reveal(),
            autocommit=True,
            application_name=application_name,
            connect_timeout=CONNECT_SECONDS,
            client_encoding="UTF8",
            keepalives=1,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=UNACKNOWLEDGED_MILLISECONDS,
        )
        try:
            wanted = {**PINS, **(pins or {})}
            connection.execute(_BOOK["pin"], {"names": list(wanted), "values": list(wanted.values())})
        except psycopg.Error:
            connection.close()
            raise
    return connection


def another(like: Connection, *, application_name: str, pins: Mapping[str, str] | None = None) -> Connection:
    """Open one more connection to the same server as the same role. Raises UnreachableError when it is not granted."""
    words = {**conninfo_to_dict(like.info.dsn), "password": like.info.password}
    # As a URL whose secrets are all in its query, which no error shows.
    query = urlencode({word: str(value) for word, value in words.items() if value}, quote_via=quote)
    return connect(Secret(f"postgresql:///?{query}"), application_name=application_name, pins=pins)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn psycopg's errors into ours, naming the server as ``where`` (a URL without its password, or a side's name)."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise _outside(error, where) from error
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error).strip()
        raise OutsideError(f"PostgreSQL at {where} answered: {said} (SQLSTATE {error.sqlstate}).") from error


def _outside(error: psycopg.OperationalError, where: str) -> OutsideError:
    said = (error.diag.message_primary or str(error)).strip().splitlines()[-1:] or [""]
    text = str(error)
    if error.sqlstate in REJECTED or "password authentication failed" in text or "no pg_hba.conf entry" in text:
        return CredentialsRejectedError(
            f"PostgreSQL at {where} does not accept our credentials.",
            hint="Heroku rotates database credentials; resolve the URL again.",
        )
    return UnreachableError(
        f"PostgreSQL at {where} failed us: {said[0]}", hint="Check that the server runs and can be reached from here."
    )
