"""How is PgBouncer told to hold, release and take another target? Its admin console, with a deadline on every command.

PgBouncer cuts off the login at a server that is under way when it is told to PAUSE or RELOAD, takes that login for failed, and
until another succeeds turns away whoever comes anew or asks next ("server login has been failing", ``check_fast_fail`` in its
objects.c; tries come no closer than ``server_login_retry``). So no login may be under way then: ``_quiet`` sees to it.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import psycopg
from psycopg import pq

from ..errors import OfframpError, OutsideError, UnreachableError
from ..kit.secret import Secret, without_password
from .connection import CONNECT_SECONDS, translated

DEADLINE_SECONDS = 10.0
# How often whoever waits for a PAUSE may look who keeps it waiting.
LOOK_SECONDS = 0.2
# How long a login at a server may take before the pooler is paused or reloaded in spite of it; usual are 5 to 30 ms.
LOGIN_SECONDS, LOGIN_POLL_SECONDS = 2.0, 0.002
NOT_PAUSED = "not paused"


class Console:
    """A session on the ``pgbouncer`` pseudo-database. Commands speak the simple protocol, the only one it knows."""

    def __init__(self, url: Secret) -> None:
        """Connect. Raises CredentialsRejectedError or UnreachableError."""
        self._url = url
        self.where = without_password(url.reveal())
        self._connection = self._connect()

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        with translated(self.where):
            # A plain psycopg connection would send SET and BEGIN, which the console refuses. PgBouncer serves its clients without
            # TLS, and ``_together`` counts on that.
            return psycopg.connect(
                self._url.reveal(), autocommit=True, connect_timeout=CONNECT_SECONDS, sslmode="disable"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def pause(
        self, database: str = "", *, seconds: float = DEADLINE_SECONDS, waiting: Callable[[float], None] | None = None
    ) -> None:
        """Let transactions in flight end, hold new ones, and return when no server connection is in use.

        ``waiting`` is called now and then with the seconds waited so far, and may raise. When it does, or when ``seconds`` are over,
        the hold is lifted again before the error (OutsideError) goes on.
        """
        try:
            with self._quiet(database):
                self._command("PAUSE", database, seconds, waiting)
        except (OfframpError, psycopg.Error):
            # An abandoned PAUSE stays in force until somebody says RESUME, and this session is still waiting for it.
            self._connection.close()
            self.resume(database)
            raise

    def resume(self, database: str = "", *, seconds: float = DEADLINE_SECONDS) -> None:
        """Let held transactions go where they came from. Resuming what is not paused is no error."""
        if self._pool_size() == 0:  # Whoever set it so was killed before he could set it back; the configuration knows.
            return self.release([database] if database else [], seconds=seconds)
        try:
            self._command("RESUME", database, seconds)
        except OutsideError as error:
            if NOT_PAUSED not in error.message:
                raise

    def release(self, databases: Sequence[str], *, seconds: float = DEADLINE_SECONDS) -> None:
        """Read the configuration again and let what is held, or all, go where it says now; nobody comes in between.

        A client that came between a RELOAD with another target and the RESUME would have a login begun that the pause cuts off.
        """
        with self._quiet():
            resume = [f"RESUME {_quoted(name)}" for name in databases] or ["RESUME"]
            said = self._together(["RELOAD", *resume], seconds)
        if wrong := [text for text in said if NOT_PAUSED not in text]:
            raise OutsideError(f"PgBouncer at {self.where} did not release {', '.join(databases)}: {wrong[0]}")

    def reload(self, *, seconds: float = DEADLINE_SECONDS) -> None:
        """Read the configuration again, new targets and passwords, before the next command; a signal is heeded sometime."""
        with self._quiet():
            self._command("RELOAD", "", seconds)

    @contextmanager
    def _quiet(self, database: str = "") -> Iterator[None]:
        """Inside, PgBouncer logs in at no server of ``database``, or of any: it holds those it has for as many as it may have."""
        before = self._pool_size()
        self._run("SET default_pool_size = 0", DEADLINE_SECONDS)
        deadline = time.monotonic() + LOGIN_SECONDS
        while any(int(row["sv_login"]) for row in self.pools() if database in ("", row["database"])):
            if time.monotonic() > deadline:
                break
            time.sleep(LOGIN_POLL_SECONDS)
        yield
        # After a RELOAD it is what the configuration says. When this is not reached, the session may still be waiting for an answer;
        # ``resume`` sets it back.
        if before and self._pool_size() == 0:
            self._run(f"SET default_pool_size = {before}", DEADLINE_SECONDS)

    def _pool_size(self) -> int:
        rows = self._run("SHOW CONFIG", DEADLINE_SECONDS)
        return next(int(row["value"]) for row in rows if row["key"] == "default_pool_size")

    def pools(self, *, seconds: float = DEADLINE_SECONDS) -> tuple[Mapping[str, str], ...]:
        """Return the rows of SHOW POOLS, as PgBouncer names them."""
        return self._run("SHOW POOLS", seconds)

    def databases(self, *, seconds: float = DEADLINE_SECONDS) -> tuple[Mapping[str, str], ...]:
        """Return the rows of SHOW DATABASES: name, host, port, paused and so on."""
        return self._run("SHOW DATABASES", seconds)

    def _command(
        self, verb: str, database: str, seconds: float, waiting: Callable[[float], None] | None = None
    ) -> None:
        self._run(f"{verb} {_quoted(database)}" if database else verb, seconds, waiting)

    def _run(
        self, command: str, seconds: float, waiting: Callable[[float], None] | None = None
    ) -> tuple[Mapping[str, str], ...]:
        if self._connection.closed:
            self._connection = self._connect()
        link = self._connection.pgconn
        began = time.monotonic()
        with translated(self.where):
            link.send_query(command.encode())
            # All results are taken before one is complained of: what is left over would fail the next command.
            results = []
            while result := self._next_result(began, seconds, command, waiting):
                results.append(result)
        answers = [self._rows(result, command) for result in results]
        return answers[-1] if answers else ()

    def _together(self, commands: Sequence[str], seconds: float) -> tuple[str, ...]:
        """Send all commands in one packet, which PgBouncer works off before it looks at anybody else; return its complaints.

        libpq sends one at a time, so this speaks the protocol itself: Query messages out, ErrorResponse and ReadyForQuery in
        (https://www.postgresql.org/docs/current/protocol-message-formats.html).
        """
        if self._connection.closed:
            self._connection = self._connect()
        assert not self._connection.pgconn.ssl_in_use
        complaints: list[str] = []
        with translated(self.where), socket.socket(fileno=os.dup(self._connection.pgconn.socket)) as line:
            line.settimeout(seconds)
            try:
                line.sendall(b"".join(_message(b"Q", command.encode() + b"\0") for command in commands))
                for _ in commands:
                    complaints += _answer(line)
            except OSError as error:
                self._connection.close()
                raise UnreachableError(f"PgBouncer at {self.where} did not finish {commands[0]}: {error}.") from error
        return tuple(complaints)

    def _next_result(
        self, began: float, seconds: float, command: str, waiting: Callable[[float], None] | None
    ) -> pq.abc.PGresult | None:
        link = self._connection.pgconn
        while link.is_busy():
            left = began + seconds - time.monotonic()
            if left <= 0:
                self._connection.close()
                raise UnreachableError(f"PgBouncer at {self.where} did not finish {command} within {seconds:g} s.")
            if select.select([link.socket], [], [], min(left, LOOK_SECONDS) if waiting else left)[0]:
                link.consume_input()
            elif waiting:
                waiting(time.monotonic() - began)
        return link.get_result()

    def _rows(self, result: pq.abc.PGresult, command: str) -> tuple[Mapping[str, str], ...]:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            said = (result.error_message or b"").decode(errors="replace").strip()
            raise OutsideError(f"PgBouncer at {self.where} refused {command}: {said}")
        names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
        return tuple(
            {name: (result.get_value(row, column) or b"").decode() for column, name in enumerate(names)}
            for row in range(result.ntuples)
        )


def _quoted(name: str) -> str:
    """Quote a database's name as the console wants it.

    >>> _quoted("orders")
    '"orders"'
    """
    return '"' + name.replace('"', '""') + '"'


def _message(kind: bytes, body: bytes) -> bytes:
    """Frame one message of PostgreSQL's protocol.

    >>> _message(b"Q", b"RELOAD\\0")
    b'Q\\x00\\x00\\x00\\x0bRELOAD\\x00'
    """
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def _answer(line: socket.socket) -> list[str]:
    """Read one command's answer to its end; return its complaints."""
    complaints: list[str] = []
    while True:
        kind, length = _exactly(line, 1), int.from_bytes(_exactly(line, 4), "big")
        body = _exactly(line, length - 4)
        if kind == b"E":
            fields = [field for field in body.split(b"\0") if field]
            complaints += [field[1:].decode(errors="replace") for field in fields if field[:1] == b"M"]
        elif kind == b"Z":
            return complaints


def _exactly(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = line.recv(size - len(found))
        if not part:
            raise ConnectionResetError("it closed the connection")
        found += part
    return found
