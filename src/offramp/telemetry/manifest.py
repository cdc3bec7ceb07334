"""Which files count, what is in them, and how far was each source read? One SQLite database; its commits are the store's."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from ..kit import sqlbook
from .sealing import Sealed

SQL = sqlbook.load("offramp.telemetry", "sql/manifest.sql")
BUSY_SECONDS = 30.0


class Manifest:
    """The manifest of the store in ``folder``. Readers see the last commit while another process writes the next."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._db = sqlite3.connect(folder / "manifest.db", timeout=BUSY_SECONDS, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        # A commit says that a source's bytes are safe elsewhere, after which they are deleted: it must outlive a power cut.
        self._db.execute("pragma synchronous = full")
        self._db.execute("pragma foreign_keys = on")
        self._db.executescript(SQL["schema"])

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is done inside visible at once, or not at all."""
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Have everything read inside come from one commit."""
        self._db.execute("begin")
        try:
            yield
        finally:
            self._db.execute("commit")

    def add(self, found: Iterable[Sealed], names: Sequence[str], source: str) -> None:
        """Enter files under the names that they have in the folder."""
        for sealed, name in zip(found, names, strict=True):
            row = {
                "name": name, "shape": sealed.shape, "rows": sealed.rows, "bytes": sealed.bytes, "sha256": sealed.sha256, "source": source,
                "min_us": min(part.min_us for part in sealed.parts), "max_us": max(part.max_us for part in sealed.parts),
            }  # fmt: skip
            (file,) = self._db.execute(SQL["add_file"], row).fetchone()
            self._db.executemany(
                SQL["add_part"],
                [
                    {"file": file, "app": part.app, "kind": part.kind, "rows": part.rows, "min_us": part.min_us, "max_us": part.max_us}
                    for part in sealed.parts
                ],
            )  # fmt: skip
            self._db.executemany(
                SQL["add_tally"],
                [
                    {"file": file, "app": tally.app, "name": tally.name, "count": tally.count}
                    for tally in sealed.tallies
                ],
            )

    def reach(self, source: str, reached: int, *, finished: bool = False) -> None:
        """Note how far a source was read."""
        self._db.execute(SQL["reach"], {"name": source, "reached": reached, "finished": int(finished)})

    def reached(self, source: str) -> tuple[int, bool]:
        """Return how far a source was read, and whether to its end."""
        row = self._db.execute(SQL["reached"], {"name": source}).fetchone()
        return (row[0], bool(row[1])) if row else (0, False)

    def files(
        self, shape: str, since_us: int, until_us: int, apps: Sequence[str] | None = None, kind: str = ""
    ) -> list[str]:
        """Return the paths of files that may hold such lines, oldest first."""
        asked = {
            "shape": shape, "since_us": since_us, "until_us": until_us, "kind": kind,
            "anyone": apps is None, "apps": json.dumps(list(apps or ())),
        }  # fmt: skip
        return [str(self._folder / name) for (name,) in self._db.execute(SQL["files"], asked)]

    def apps(self) -> list[tuple[str, str | None]]:
        """Return each name that lines are kept under, with the app's name where that is a drain's token."""
        return self._db.execute(SQL["apps"]).fetchall()

    def parts(self) -> list[tuple[str, str, int, int, int]]:
        return self._db.execute(SQL["parts"]).fetchall()

    def tallies(self) -> list[tuple[str, str, int]]:
        return self._db.execute(SQL["tallies"]).fetchall()

    def weights(self) -> list[tuple[str, float]]:
        return self._db.execute(SQL["weights"]).fetchall()

    def stored(self) -> tuple[int, int]:
        """Return how many files there are and their bytes."""
        files, size = self._db.execute(SQL["stored"]).fetchone()
        return files, size

    def name_drain(self, token: str, app: str) -> None:
        self._db.execute(SQL["name_drain"], {"token": token, "app": app})

    def drains(self) -> list[tuple[str, str]]:
        return self._db.execute(SQL["drains"]).fetchall()

    def oldest_files(self) -> list[tuple[int, str, str, int, int, int]]:
        """Return id, name, shape, rows, bytes and last time of every file, oldest first."""
        return self._db.execute(SQL["oldest_files"]).fetchall()

    def drop_file(self, file: int) -> None:
        self._db.execute(SQL["drop_file"], {"id": file})

    def add_frames(self, frames: Iterable[tuple[str, int]]) -> None:
        """Remember requests by their frame id and when they came, in seconds."""
        self._db.executemany(SQL["add_frame"], [{"id": frame, "at": at} for frame, at in frames])

    def frames(self, since: int) -> list[str]:
        return [frame for (frame,) in self._db.execute(SQL["frames"], {"since": since})]

    def forget_frames(self, before: int) -> None:
        self._db.execute(SQL["forget_frames"], {"before": before})

    def count(self, name: str, count: int) -> None:
        """Add to a total of the whole store."""
        self._db.execute(SQL["add_total"], {"name": name, "count": count})

    def total(self, name: str) -> int:
        (count,) = self._db.execute(SQL["total"], {"name": name}).fetchone()
        return int(count)
