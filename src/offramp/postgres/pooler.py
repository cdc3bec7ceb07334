"""How is PgBouncer told to hold, release and reconnect? Its admin console, with a deadline on every command."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Mapping
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


class Console:
    """A session on the ``pgbouncer`` pseudo-database. Commands speak the simple protocol, the only one it knows."""

    def __init__(self, url: Secret) -> None:
        """Connect. Raises CredentialsRejectedError or UnreachableError."""
        self._url = url
        self.where = without_password(url.reveal())
        self._connection = self._connect()

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        with translated(self.where):
            # A plain psycopg connection would send SET and BEGIN, which the console refuses.
            return psycopg.connect(self._url.reveal(), autocommit=True, connect_timeout=CONNECT_SECONDS)

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
            self._command("PAUSE", database, seconds, waiting)
        except (OfframpError, psycopg.Error):
            # An abandoned PAUSE stays in force until somebody says RESUME, and this session is still waiting for it.
            self._connection.close()
            self.resume(database)
            raise

    def resume(self, database: str = "", *, seconds: float = DEADLINE_SECONDS) -> None:
        """Let held transactions go. Resuming what is not paused is no error."""
        try:
            self._command("RESUME", database, seconds)
        except OutsideError as error:
            if "not paused" not in error.message:
                raise

    def reload(self, *, seconds: float = DEADLINE_SECONDS) -> None:
        """Read the configuration again, new targets and passwords, before the next command; a signal is heeded sometime."""
        self._command("RELOAD", "", seconds)

    def reconnect(self, database: str = "", *, seconds: float = DEADLINE_SECONDS) -> None:
        """Close each server connection as soon as it is released, so that new ones go to the present target."""
        self._command("RECONNECT", database, seconds)

    def pools(self, *, seconds: float = DEADLINE_SECONDS) -> tuple[Mapping[str, str], ...]:
        """Return the rows of SHOW POOLS, as PgBouncer names them."""
        return self._run("SHOW POOLS", seconds)

    def databases(self, *, seconds: float = DEADLINE_SECONDS) -> tuple[Mapping[str, str], ...]:
        """Return the rows of SHOW DATABASES: name, host, port, paused and so on."""
        return self._run("SHOW DATABASES", seconds)

    def _command(
        self, verb: str, database: str, seconds: float, waiting: Callable[[float], None] | None = None
    ) -> None:
        name = database.replace('"', '""')
        self._run(f'{verb} "{name}"' if database else verb, seconds, waiting)

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
