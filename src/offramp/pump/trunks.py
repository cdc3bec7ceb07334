"""How do partitioned tables, which hold no rows themselves, follow the origin's schema?

What is altered at the top of a tree reaches its members by itself, and cannot be altered at a member. So partitioned tables
come before their partitions, without capture and without a line in the ledger; their pictures are kept like those of other tables.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from psycopg import sql

from ..kit import sqlbook
from ..postgres import Connection
from . import changes, picture, rules
from .changes import Change
from .picture import Album, Kept, Picture

_BOOK = sqlbook.load("offramp.pump", "sql/branches.sql")
Attempt = Callable[[Iterable[Change], Callable[[], None]], str]


@dataclass(frozen=True, slots=True)
class Trunks:
    """``attempt`` does changes and keeps what they come to, in one transaction, and returns what went wrong.

    ``adopted`` tells what of the origin's picture the receiver has already; ``free`` as for ``rules.outstanding``.
    """

    origin: Connection
    receiver: Connection
    album: Album
    attempt: Attempt
    adopted: Callable[[Picture, Picture], Picture]
    report: Callable[[str, Iterable[Change]], None]
    snapshot: str
    free: bool

    def follow(self, found: Iterable[Picture]) -> dict[str, str]:
        """Carry over what partitioned tables became; returns what could not be, by name. Parents before their partitions."""
        todo = sorted((new for new in found if new.kind == "p"), key=lambda new: new.oid)
        said = self._drop({new.oid for new in todo})
        while todo:
            trouble = {new.full_name: why for new in todo if (why := self._follow(new))}
            left = [new for new in todo if new.full_name in trouble]
            if len(left) == len(todo):
                return said | trouble
            todo = left
        return said

    def _drop(self, alive: set[int]) -> dict[str, str]:
        """What was dropped at the origin goes, once nothing hangs on it."""
        said: dict[str, str] = {}
        for oid, kept in self.album.pictures().items():
            if kept.picture.kind != "p" or oid in alive:
                continue
            drop = sql.SQL("drop table if exists {}").format(changes.table_name(kept.picture))
            trouble = self.attempt((Change("dropped", drop),), functools.partial(self.album.forget, oid))
            if trouble:
                said[kept.picture.full_name] = trouble
            else:
                self.report(kept.picture.full_name, (Change("dropped", drop),))
        return said

    def put_on(self, found: Iterable[Picture]) -> dict[str, str]:
        """Put on indexes and constraints that are new; what rows still break is tried again at the next call."""
        kept = self.album.pictures()
        said: dict[str, str] = {}
        for new in found:
            had = kept.get(new.oid)
            if new.kind == "p" and had is not None and not had.complete and had.settled and (there := self._there(new)):
                said[new.full_name] = self._put_on(had.picture, new, there)
        return {name: trouble for name, trouble in said.items() if trouble}

    def _follow(self, new: Picture) -> str:
        kept = self.album.pictures([new.oid]).get(new.oid)
        if kept is not None and kept.complete and kept.picture == new:
            return ""
        there = self._there(kept.picture if kept else new) or self._there(new)
        if there is None:
            return self._carry(new, changes.created(new, None).changes, changes.created(new, None).base)
        old = self._old(kept, new, there)
        plan = changes.carry(old, self._with_values(new), there, keyed=True)
        off = [step for foreign in (True, False) for step in changes.taken_off(old, new, there, foreign=foreign)]
        steps, base = (*off, *plan.changes), changes.base(old, new)
        if kept is not None and not steps and base == kept.picture:
            return ""  # Only rules are left, and kept anew it would have to settle anew.
        return self._carry(new, steps, base)

    def _with_values(self, new: Picture) -> Picture:
        """Only tables that hold rows remember which value a column gave to the rows that were there before it."""
        rows = self.origin.execute(_BOOK["missing"], {"root": new.oid})
        found: dict[str, str] = {str(name): value for name, value in rows}
        return replace(
            new,
            columns=tuple(
                replace(column, missing=found[column.name], has_missing=True) if column.name in found else column
                for column in new.columns
            ),
        )

    def _old(self, kept: Kept | None, new: Picture, there: Picture) -> Picture:
        return kept.picture if kept is not None else self.adopted(new, there)

    def _carry(self, new: Picture, steps: tuple[Change, ...], base: Picture) -> str:
        complete = not rules.outstanding(base, new, free=self.free)
        trouble = self.attempt(steps, lambda: self.album.keep(new.oid, base, complete=complete, seen=self.snapshot))
        if not trouble and steps:
            self.report(new.full_name, steps)
        return trouble

    def _put_on(self, base: Picture, new: Picture, there: Picture) -> str:
        left: list[str] = []
        for rule in rules.outstanding(base, new, free=self.free):
            change = Change(rule.what, rule.statement)
            trouble = "" if rules.stands(rule, new, there) else self.attempt((change,), lambda: None)
            if trouble:
                left.append(f"{rule.what}: {trouble}")
                continue
            base = rules.put_on(base, new, rule)
            self.report(new.full_name, (change,))
        complete = not rules.outstanding(base, new, free=self.free)
        self.album.keep(new.oid, base, complete=complete, seen=self.snapshot)
        return "; ".join(left)

    def _there(self, wanted: Picture) -> Picture | None:
        oid = picture.named(self.receiver, wanted.schema, wanted.name)
        return picture.tables(self.receiver, [oid]).get(oid) if oid is not None else None
