"""How is PgBouncer told to hold, release and reconnect? Its admin console, with a deadline on every command."""

from __future__ import annotations

import select
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import psycopg
from psycopg import pq

from ..errors import OutsideError, UnreachableError
from ..kit.secret import Secret, without_password
from .connection import CONNECT_SECONDS, translated

DEADLINE_SECONDS = 10.0


class Console:
    """A session on the ``pgbouncer`` pseudo-database. Commands speak the simple protocol, the only one it knows."""

    def __init__(self, url: Secret) -> None:
        """Connect. Raises CredentialsRejectedError or UnreachableError."""
        self._url = url
        self.where = without_password(url.reveal())
        with translated(self.where):
            # A plain psycopg connection would send SET and BEGIN, which the console refuses.
            self._connection = psycopg.connect(url.reveal(), autocommit=True, connect_timeout=CONNECT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def pause(self, database: str = "", *, seconds: float = DEADLINE_SECONDS) -> None:
        """Let transactions in flight end, hold new ones, and return when no server connection is in use.

        When that takes longer than ``seconds`` the hold is lifted again and OutsideError is raised.
        """
        try:
            self._command("PAUSE", database, seconds)
        except UnreachableError:
            # An abandoned PAUSE stays in force until somebody says RESUME.
            with Console(self._url) as second:
                second.resume(database)
            raise

    def resume(self, database: str = "", *, seconds: float = DEADLINE_SECONDS) -> None:
        """Let held transactions go. Resuming what is not paused is no error."""
        try:
            self._command("RESUME", database, seconds)
        except OutsideError as error:
            if "not paused" not in error.message:
                raise

    def reload(self, *, seconds: float = DEADLINE_SECONDS) -> None:
        """Read the configuration again: new targets and passwords."""
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

    def _command(self, verb: str, database: str, seconds: float) -> None:
        name = database.replace('"', '""')
        self._run(f'{verb} "{name}"' if database else verb, seconds)

    def _run(self, command: str, seconds: float) -> tuple[Mapping[str, str], ...]:
        link = self._connection.pgconn
        deadline = time.monotonic() + seconds
        with translated(self.where):
            link.send_query(command.encode())
            # All results are taken before one is complained of: what is left over would fail the next command.
            results = []
            while result := self._next_result(deadline, command):
                results.append(result)
        answers = [self._rows(result, command) for result in results]
        return answers[-1] if answers else ()

    def _next_result(self, deadline: float, command: str) -> pq.abc.PGresult | None:
        link = self._connection.pgconn
        while link.is_busy():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([link.socket], [], [], left)[0]:
                self._connection.close()
                raise UnreachableError(f"PgBouncer at {self.where} did not finish {command} in time.")
            link.consume_input()
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
