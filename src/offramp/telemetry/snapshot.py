"""What is in the store at this moment, for a database to ask? The sealed files that may matter, and the lines that wait to be sealed.

Files never change, so any number of processes read while another writes. One that was deleted between being named and being read
means that the picture was old: it is taken again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from ..errors import OutsideError
from ..kit import sqlbook
from . import segments
from .gathering import Gathering
from .manifest import Manifest
from .sealing import load

SQL = sqlbook.load("offramp.telemetry", "sql/asking.sql")
ATTEMPTS = 5
_PARAMETER = re.compile(r"\$([a-z_]+)")
Arrays = dict[str, NDArray[Any]]
# Beyond every time that a line may have.
BEGINNING_US, END_US = 0, 1 << 62


class Snapshot:
    """A database of its own in memory over the store in ``folder``."""

    def __init__(self, folder: Path, manifest: Manifest, *, redacting: bool) -> None:
        self._folder = folder
        self._manifest = manifest
        self._redacting = redacting
        self._db = duckdb.connect()
        self._db.execute(SQL["settings"])
        self._db.execute(SQL["quiet"])
        self._waiting: tuple[tuple[str, int, int], ...] | None = None
        self.waiting_bytes = 0
        self.tallies: Mapping[tuple[str, str], int] = {}

    def close(self) -> None:
        self._db.close()

    def ask(
        self,
        statements: Sequence[str],
        values: Mapping[str, object],
        *,
        shape: str = "lines",
        apps: Sequence[str] | None = None,
        kind: str = "",
        between: tuple[int, int] = (BEGINNING_US, END_US),
    ) -> list[Arrays]:
        """Run statements of the book over the lines of these apps, kind and times; return each one's columns as arrays.

        A statement gets those of ``values`` that it names. Raises OutsideError when files vanish faster than they can be read.
        """
        for _ in range(ATTEMPTS):
            try:
                with self._manifest.reading():
                    self._read_waiting()
                    files = self._manifest.files(shape, *between, apps, kind)
                return self._asked(statements, values, shape, files)
            except (duckdb.IOException, FileNotFoundError):
                if all(Path(file).exists() for file in files):
                    raise
        raise OutsideError(
            f"Files of {self._folder} vanish while they are read.",
            hint="Is something other than offramp deleting them? Run the same command again.",
        )

    def _asked(
        self, statements: Sequence[str], values: Mapping[str, object], shape: str, files: list[str]
    ) -> list[Arrays]:
        self._db.execute(SQL["files"], {"files": files})
        self._db.execute(SQL[f"{shape}_{'with' if files else 'without'}_files"])
        found = []
        for name in statements:
            statement = SQL[name]
            wanted = {key: values[key] for key in set(_PARAMETER.findall(statement))}
            done = self._db.execute(statement, wanted) if wanted else self._db.execute(statement)
            found.append({key: np.ma.getdata(column) for key, column in done.fetchnumpy().items()})
        return found

    def _read_waiting(self) -> None:
        """Read what was taken in and not sealed yet, unless nothing came since it was last read."""
        waiting = []
        for path in segments.listed(self._folder):
            reached, _ = self._manifest.reached(path.name)
            if (size := path.stat().st_size) > reached:
                waiting.append((path.name, reached, size))
        if (now := tuple(waiting)) == self._waiting:
            return
        rows, received_us = Gathering(self._redacting), 0
        for name, reached, _ in now:
            for record in segments.records(self._folder / "wal" / name, reached):
                received_us = received_us or record.received_us
                rows.body(record.token, record.body)
        rows.finish()
        load(self._db, rows, received_us)
        self._waiting, self.waiting_bytes = now, sum(size - reached for _, reached, size in now)
        self.tallies = dict(rows.tallies)
