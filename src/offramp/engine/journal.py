"""What was decided, what was tried, and by whom? One SQLite file that survives kill -9.

Ask the world what is true; ask the journal what was decided. A lost journal costs the explanations and the decisions, never data:
points of no return are written in the target database too. Nothing in it is secret.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from ..errors import OutsideError, UsageError, WaitingError
from ..kit import sqlbook
from ..kit.clock import Clock
from .redact import redact

SCHEMA_VERSION = 1
BUSY_SECONDS = 10.0

Kind = Literal["stage", "verdict", "began", "ended", "failed"]
Value = str | int | float | bool | None

_SQL = sqlbook.load("offramp.engine", "journal.sql")


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer that a person gave; ``at`` is in seconds since the epoch."""

    id: int
    at: float
    name: str
    answer: str
    who: str
    why: str

    def to_json(self) -> dict[str, Value]:
        return {"at": self.at, "name": self.name, "answer": self.answer, "who": self.who, "why": self.why}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the explaining log, written under the lease with number ``fence``."""

    id: int
    at: float
    fence: int
    goal: str
    kind: Kind
    text: str
    keys: tuple[tuple[str, Value], ...]

    def to_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "at": self.at,
            "fence": self.fence,
            "goal": self.goal,
            "kind": self.kind,
            "text": self.text,
            "keys": dict(self.keys),
        }


class Journal:
    """An open journal. One connection, used by the thread that opened it; a context manager.

    Raises UsageError when the place cannot be written, OutsideError when the disk is full or the file is not a journal.
    """

    def __init__(self, path: Path, clock: Clock, *, read_only: bool = False) -> None:
        """Open ``path``, creating it unless ``read_only``; a read-only journal that does not exist reads as empty."""
        self.path = path
        self.clock = clock
        self._db = _connect(path, read_only=read_only) if not read_only or path.exists() else _empty()
        try:
            with self.guarded():
                self._prepare(read_only)
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()

    def _prepare(self, read_only: bool) -> None:
        # Decisions must outlive a power cut, and there are few of them: pay for the fsync.
        self._db.execute("pragma synchronous = full")
        version = int(self._db.execute("pragma user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            raise UsageError(f"{self.path} was written by a newer offramp.", hint="Upgrade offramp and try again.")
        if version == SCHEMA_VERSION:
            return
        if read_only:
            # Whoever made the file was killed before its first table: there is nothing to read yet.
            self._db.close()
            self._db = _empty()
        _until_unlocked(self._db, "pragma journal_mode = wal", self.clock)
        self._db.executescript(_SQL["create"])

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Translate SQLite's errors into ours, naming the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise explained(error, self.path) from error

    def execute(self, statement: str, values: Mapping[str, Value]) -> list[tuple[Value, ...]]:
        """Run one named statement of the book in its own transaction and return its rows."""
        with self.guarded():
            return self._db.execute(_SQL[statement], dict(values)).fetchall()

    def decide(self, name: str, answer: str, *, who: str, why: str = "") -> Decision:
        """Record an answer. Decisions are people's, so they need no lease and may be given while a controller runs."""
        at = self.clock.now()
        row: dict[str, Value] = {"at": at, "name": name, "answer": answer, "who": who, "why": redact(why)}
        ((number,),) = self.execute("decide", row)
        return Decision(_whole(number), at, name, answer, who, redact(why))

    def decisions(self) -> dict[str, str]:
        """The latest answer to each decision's name."""
        return {str(name): str(answer) for name, answer in self.execute("decisions", {})}

    def history(self, name: str | None = None) -> tuple[Decision, ...]:
        """Every answer ever given, oldest first."""
        rows = self.execute("decision_history", {"name": name})
        return tuple(
            Decision(_whole(number), _real(at), str(about), str(answer), str(who), str(why))
            for number, at, about, answer, who, why in rows
        )

    def write(self, fence: int, goal: str, kind: Kind, text: str, **keys: Value) -> None:
        """Add a line under the lease numbered ``fence``. Raises WaitingError when another controller took the lease."""
        row: dict[str, Value] = {"at": self.clock.now(), "fence": fence, "goal": goal, "kind": kind}
        if not self.execute("write", {**row, "text": redact(text), "keys": json.dumps(keys)}):
            raise WaitingError(
                "Another controller has taken over this migration.",
                hint="This one stopped before it changed anything more; see `offramp status`.",
            )

    def last_verdict(self, goal: str) -> tuple[str, str, str] | None:
        """The word, the reason and the question (or nothing) that were last written for ``goal``."""
        rows = self.execute("last_verdict", {"goal": goal})
        return (str(rows[0][0]), str(rows[0][1]), str(rows[0][2])) if rows else None

    def questions(self) -> dict[str, tuple[str, ...]]:
        """Every decision that a run has asked for, with the answers that it takes."""
        return {str(name): tuple(str(answers).split()) for name, answers in self.execute("questions", {})}

    def unfinished(self) -> tuple[str, ...]:
        """The goals whose last deed began and did not end, the one that began last first."""
        return tuple(str(goal) for (goal,) in self.execute("unfinished", {}))

    def reached(self) -> frozenset[str]:
        """The names of the stages that a controller has entered at some time."""
        return frozenset(str(goal) for (goal,) in self.execute("reached", {}))

    def entries(self, *, last: int, goal: str | None = None) -> tuple[Entry, ...]:
        """The last lines, oldest first; of one goal and the goals under it when ``goal`` is given."""
        rows = self.execute("entries", {"goal": goal, "last": last})
        return tuple(_entry(row) for row in reversed(rows))


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    try:
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        mode = "ro" if read_only else "rwc"
        uri = f"{path.resolve().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except OSError as error:
        raise UsageError(
            f"The journal {path} cannot be created: {error.strerror or error}.",
            hint="Choose a directory that you may write with `offramp --dir DIR`.",
        ) from error


def _empty() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def _until_unlocked(db: sqlite3.Connection, statement: str, clock: Clock) -> None:
    """SQLite does not wait for the lock that a change of journal mode needs, so ask again until the deadline."""
    deadline = clock.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if _primary(error) != sqlite3.SQLITE_BUSY or clock.monotonic() > deadline:
                raise
            clock.sleep(0.02)


def _primary(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def explained(error: sqlite3.Error, path: Path) -> UsageError | OutsideError:
    """Return the error that tells a person what happened to the file at ``path``."""
    match _primary(error):
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOLFS:
            return OutsideError(
                f"The journal {path} cannot be written: {error}.",
                hint="Free some disk space and run the same command again; it goes on where it stopped.",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return OutsideError(
                f"The journal {path} is damaged: {error}.",
                hint="Restore it from a backup, or move it aside and decide again; what is true is read from the clouds.",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return UsageError(
                f"The journal {path} cannot be opened for writing: {error}.",
                hint="Choose a directory that you may write with `offramp --dir DIR`.",
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return OutsideError(
                f"The journal {path} is locked by another program: {error}.",
                hint="Find it with `fuser`, then run the same command again.",
            )
        case _:
            return OutsideError(f"The journal {path} did not answer: {error}.", hint="Look at the file with `sqlite3`.")


def _entry(row: tuple[Value, ...]) -> Entry:
    number, at, fence, goal, kind, text, keys = row
    # The table's check constraint admits these words only.
    word: Kind = str(kind)  # type: ignore[assignment]
    pairs = tuple(json.loads(str(keys)).items())
    return Entry(_whole(number), _real(at), _whole(fence), str(goal), word, str(text), pairs)


def _whole(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _real(value: Value) -> float:
    assert isinstance(value, (int, float))
    return float(value)
