"""How does the receiver's schema follow the origin's while rows flow?

One pass looks at the origin, compares with the pictures kept at the receiver, and carries the difference over: what is gone comes
off first, then names, types, tables and columns, then views, at last the rules on rows that have caught up. Each table's part is
one transaction with its line in the ledger, so a pass that was killed is simply done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import psycopg
from psycopg import sql

from .. import postgres
from ..errors import WaitingError
from ..postgres import Table
from . import branches, capture, changes, fingerprint, picture, rules, shape, things, trunks
from .adopting import adopted, guessed, key_moved, own_key
from .changes import Carry, Change
from .model import Event
from .picture import Album, Kept, Picture, Scenery, Thing
from .rules import Rule
from .session import Session
from .state import Moved
from .things import Step, When

CHANGED = "Changed: "
# A look that something moved under is taken again.
LOOKS = 5
# Capture's lock at the origin is tried for this long, while all other tables wait too.
LOCK_SECONDS = 1.5
# How often a change is tried while somebody reads the receiver's table.
TRIES = 3
# When this many tables and more than half of all vanish at once, it is rather a mistake than a migration.
MANY = 5
GONE_REMEDY = "drop it on the receiving side too and the link lets go of it"
LATE = ("policy", "rule", "statistics", "materialized view")
# Refusals that are the change's own fault or the rows'; anything else is the line's or the server's.
OWN_FAULTS = ("0A", "22", "23", "2B", "3F", "42", "55", "P0", "XX")


class RestlessError(Exception):
    """The origin's schema changed each time it was looked at."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The origin's schema at one moment; ``things`` is None when only tables changed."""

    snapshot: str
    fingerprints: Mapping[int, str]
    scenery: str
    things: tuple[Thing, ...] | None
    pictures: Mapping[int, Picture]
    tables: Mapping[int, Table]
    new: tuple[int, ...]


@dataclass
class Pass:
    """One pass of carrying over. ``copying``: tables in the state ``copy`` may stay so, since their copy goes on afterwards."""

    session: Session
    copying: bool = False
    failed: dict[tuple[str, int, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.receiver, self.ledger = self.session.receiver, self.session.ledger
        self.album = Album(self.receiver, self.session.link)
        self.album.create()
        self.moved: dict[int, Moved] = {moved.relid: moved for moved in self.ledger.tables()}
        self.kept: dict[int, Kept] = dict(self.album.pictures())
        self.scenery = self.album.scenery()
        row = self.ledger.link()
        self.indexed = row is not None and row.indexed

    # What there is to do ------------------------------------------------------------------------------------------------

    def run(self, relids: Iterable[int] = ()) -> bool:
        """Carry over all that changed, and look at ``relids`` even if nothing did; True when tables' states may differ now."""
        wanted = set(relids)
        seen = self._look(wanted)
        gone = [relid for relid in self.moved if relid not in seen.fingerprints]
        changed = [
            r for r in seen.pictures if r in self.moved and (r in wanted or self._changed(r, seen.fingerprints[r]))
        ]
        self._adopt(seen, changed)
        steps = self._steps(seen)
        if not self.indexed and (gone or changed or seen.new or steps):
            self.session.archive = None  # What was dumped before the copy is not what is to be built after it.
        self._do(steps, "views off")
        self._take_off(seen, changed, gone)
        self._drop(gone)
        self._do(steps, "renames")
        self._do(steps, "before tables")
        self._leave_names(seen, changed)
        self._hang(branches.leaving)
        self._report_waits(self._trunks(seen).follow(seen.pictures.values()))
        for relid in sorted(changed, key=lambda relid: len(seen.pictures[relid].parents)):
            self._adapt(seen, relid)
        for relid in seen.new:
            self._join(seen, relid)
        self._do(steps, "before tables", again=True)
        self._do(steps, "after tables")
        put_on = self._put_on_rules(seen)
        if self.indexed:
            self._report_waits(self._trunks(seen).put_on(seen.pictures.values()))
        self._hang(branches.joining)
        self._do(steps, "types off")
        self._keep_scenery(seen, steps)
        return bool(gone or changed or seen.new or put_on)

    def _look(self, wanted: set[int]) -> Seen:
        for _ in range(LOOKS):
            try:
                seen = self._glance(wanted)
            except psycopg.Error as error:
                # A definition that is printed while its object goes away.
                if (error.sqlstate or "")[:2] not in OWN_FAULTS:
                    raise
                continue
            if self._still(seen):
                return seen
        raise RestlessError

    def _glance(self, wanted: set[int]) -> Seen:
        origin, known = self.session.origin, list(self.moved)
        with picture.one_moment(origin):
            snapshot = picture.snapshot(origin)
            unknown = picture.new_tables(origin, known)
            # Partitioned tables hold no rows, so the ledger does not know them; the album does.
            trunks_known = {relid for relid in unknown if relid in self.kept}
            new = tuple(relid for relid in unknown if relid not in trunks_known)
            prints = fingerprint.read(origin, [*known, *unknown])
            look = (
                wanted
                | {relid for relid in known if relid in prints and self._differs(relid, prints[relid])}
                | set(unknown)
            )
            scenery = fingerprint.scenery(origin)
            return Seen(
                snapshot,
                prints,
                scenery,
                picture.things(origin) if self._stale(scenery) else None,
                picture.tables(origin, [relid for relid in look if relid in prints]),
                {table.oid: table for table in postgres.tables(origin, list(look))},
                new,
            )

    def _stale(self, scenery: str) -> bool:
        kept = self.scenery
        known = kept is not None and (kept.system, kept.fingerprint) == (self.session.server.system, scenery)
        return not known or bool(kept and kept.left_over)

    def _differs(self, relid: int, print_: str) -> bool:
        moved, kept = self.moved[relid], self.kept.get(relid)
        unfinished = kept is None or (not kept.complete and self.indexed and kept.settled and moved.state == "live")
        return unfinished or self._changed(relid, print_)

    def _changed(self, relid: int, print_: str) -> bool:
        moved = self.moved[relid]
        held = moved.state == "paused" and (moved.held_because or "").startswith(CHANGED)
        return held or moved.fingerprint != print_

    def _adopt(self, seen: Seen, changed: list[int]) -> None:
        """Begin to keep pictures: a table that is what it was when the link began was carried over as far as it is here."""
        fresh = [
            relid for relid in seen.pictures if relid in self.moved and relid not in self.kept and relid not in changed
        ]
        if not fresh:
            return
        oids = [table.oid for table in postgres.tables(self.receiver)]
        theirs = {(there.schema, there.name): there for there in picture.tables(self.receiver, oids).values()}
        with self.receiver.transaction():
            for relid in fresh:
                new, moved = seen.pictures[relid], self.moved[relid]
                if (there := theirs.get((moved.schema, moved.name))) is None:
                    continue
                had = adopted(new, there)
                self.album.keep(relid, had, complete=not self._outstanding(had, new), seen=seen.snapshot)
        self.kept = dict(self.album.pictures())

    def _outstanding(self, had: Picture, new: Picture) -> tuple[Rule, ...]:
        return rules.outstanding(had, new, free=self.session.replica)

    def _still(self, seen: Seen) -> bool:
        """Whether the definitions, which are of the present, belong to the moment of the fingerprints."""
        origin = self.session.origin
        again = fingerprint.read(origin, list(seen.pictures))
        return all(again.get(relid) == seen.fingerprints[relid] for relid in seen.pictures) and (
            seen.things is None or fingerprint.scenery(origin) == seen.scenery
        )

    # Things -------------------------------------------------------------------------------------------------------------

    def _steps(self, seen: Seen) -> tuple[Step, ...]:
        if seen.things is None:
            return ()
        there, kept = picture.things(self.receiver), self.scenery
        old = kept.things if kept else things.adopted(seen.things, there)
        steps = things.steps(old, seen.things, there)
        if self.indexed:
            return steps
        # The dump that brings the indexes brings these as well.
        late = [step for step in steps if step.identity[0] in LATE]
        self.failed.update({step.identity: f"{step.what}: waits for the indexes" for step in late})
        return tuple(step for step in steps if step.identity[0] not in LATE)

    def _do(self, steps: tuple[Step, ...], when: When, *, again: bool = False) -> None:
        """Do the steps of one stage; those that need each other find their order by being tried again while any succeeds."""
        todo = [step for step in steps if step.when == when and (not again or step.identity in self.failed)]
        while todo:
            left = [step for step in todo if not self._step(step)]
            if len(left) in (0, len(todo)):
                return
            todo = left

    def _step(self, step: Step) -> bool:
        owner = None if step.as_receiver else self.session.means.owner
        trouble = step.what
        for statement in (step.statement, step.instead):
            if statement is None:
                continue
            if not (trouble := self._try((Change(step.what, statement),), owner)):
                self.failed.pop(step.identity, None)
                self.session.report(Event("schema change carried over", {"what": step.what}))
                return True
        self.failed[step.identity] = trouble
        return False

    def _keep_scenery(self, seen: Seen, steps: tuple[Step, ...]) -> None:
        if seen.things is None:
            return
        kept = self.scenery
        was = {thing.identity: thing for thing in kept.things} if kept else {}
        left = [thing for thing in was.values() if thing.identity in self.failed]
        done = [thing for thing in seen.things if thing.identity not in self.failed]
        said = tuple(dict.fromkeys(self.failed.values()))
        for sentence in said:
            if kept is None or sentence not in kept.left_over:
                self.session.report(Event("schema change not carried over", {"because": sentence}))
        self.album.keep_scenery(Scenery(self.session.server.system, seen.scenery, (*done, *left), said))

    # Tables -------------------------------------------------------------------------------------------------------------

    def _there(self, relid: int, name: tuple[str, str] | None = None) -> Picture | None:
        """Return the receiver's table that takes this table's rows, or that has this name and takes nobody else's."""
        moved = self.moved[relid]
        oid = picture.named(self.receiver, moved.schema, moved.name)
        if oid is None and name and not any((m.schema, m.name) == name for m in self.moved.values()):
            oid = picture.named(self.receiver, *name)
        return picture.tables(self.receiver, [oid]).get(oid) if oid is not None else None

    def _take_off(self, seen: Seen, changed: list[int], gone: list[int]) -> None:
        """Drop constraints, indexes and triggers that are no more: a foreign key holds two tables, so those of all go first."""
        for foreign in (True, False):
            for relid in (*gone, *changed):
                kept, new = self.kept.get(relid), seen.pictures.get(relid)
                if kept is None or (relid in gone and not foreign) or (there := self._there(relid)) is None:
                    continue
                off = changes.taken_off(kept.picture, new, there, foreign=foreign)
                if off and not self._try(off, self.session.means.owner):
                    self._report(self.moved[relid].full_name, off)

    def _drop(self, gone: list[int]) -> None:
        """A table that was dropped at the origin, and that is certain since its drop is committed, goes here as well.

        Not so when the origin is another server than before, or when most of the tables vanish at once: a person must say so.
        """
        theirs = {relid: there for relid in gone if (there := self._there(relid))}
        if theirs and (why := self._doubtful(len(gone))):
            for relid in theirs:
                self._hold(self.moved[relid], f"the table is no more at the origin, but {why}; {GONE_REMEDY}")
            gone, theirs = [relid for relid in gone if relid not in theirs], {}
        names = sql.SQL(", ").join(changes.table_name(there) for there in theirs.values())
        drop = Change("dropped", sql.SQL("drop table {}").format(names))
        trouble = self._try((drop,), self.session.means.owner) if theirs else ""
        for relid in gone:
            name = self.moved.pop(relid).full_name
            self.album.forget(relid)
            if trouble and relid in theirs:
                self.session.report(Event("table left behind", {"table": name, "because": trouble}))
            else:
                self._report(name, (drop,))

    def _doubtful(self, gone: int) -> str | None:
        if gone and self.scenery is not None and self.scenery.system != self.session.server.system:
            return "the origin is another server than before"
        if gone >= MANY and gone * 2 > len(self.moved):
            return f"{gone} of {len(self.moved)} tables vanished at once"
        return None

    def _leave_names(self, seen: Seen, changed: list[int]) -> None:
        """Tables that exchange their names pass through names that nobody has."""
        wanted = {(seen.pictures[relid].schema, seen.pictures[relid].name): relid for relid in changed}
        wanted |= {
            (seen.pictures[relid].schema, seen.pictures[relid].name): relid
            for relid in seen.new
            if relid in seen.pictures
        }
        for relid in changed:
            moved = self.moved[relid]
            if wanted.get((moved.schema, moved.name), relid) == relid or (there := self._there(relid)) is None:
                continue
            aside = f"offramp_renamed_{relid}"
            with self.session.still_ours():
                picture.prepare(self.receiver, self.session.means.owner)
                self.receiver.execute(
                    sql.SQL("alter table {} rename to {}").format(changes.table_name(there), sql.Identifier(aside))
                )
                self.receiver.execute("set local role none")
                self.album.rename(relid, moved.schema, aside)
            self.moved[relid] = replace(moved, name=aside)

    def _adapt(self, seen: Seen, relid: int) -> None:
        new, moved = seen.pictures[relid], self.moved[relid]
        there = self._there(relid, (new.schema, new.name))
        table = seen.tables.get(relid)
        if table is None:
            self._hold(moved, "it is not a table that can be followed any more")
            return
        if there is None and relid not in self.kept:
            self._make(seen, moved, table)  # It could not be made when it came.
            return
        if there is None:
            self._hold(
                moved, f"table {new.full_name} does not exist on the receiving side; make it there, or rename it alike"
            )
            return
        old = self._old(relid, new, there, seen)
        plan = changes.carry(old, new, there, keyed=bool(table.key))
        off = [step for foreign in (True, False) for step in changes.taken_off(old, new, there, foreign=foreign)]
        plan = replace(plan, changes=(*off, *plan.changes))
        known = relid in self.kept or moved.fingerprint == seen.fingerprints[relid]
        unknown = None if known else "what it was before is not known"
        reload = (
            plan.reload
            or unknown
            or key_moved(moved, old, table, new)
            or self._disturbed(moved, seen.fingerprints[relid])
        )
        reload = reload or branches.unseen(self.session.origin, table)
        if (print_ := self._captured(table, moved, seen.fingerprints[relid], reload is not None)) is None:
            return
        if moved.state == "paused":
            reload = reload or "it was held back"
        self._commit(seen, moved, table, plan, there, print_, reload)

    def _old(self, relid: int, new: Picture, there: Picture, seen: Seen) -> Picture:
        """Return what was last carried over; what nobody kept is what the receiver has under the same name."""
        if kept := self.kept.get(relid):
            return kept.picture
        if self.moved[relid].fingerprint == seen.fingerprints[relid]:
            return adopted(new, there)
        return guessed(new, there)

    @staticmethod
    def _disturbed(moved: Moved, print_: str) -> str | None:
        same = fingerprint.triggers_of(print_) == fingerprint.triggers_of(moved.fingerprint)
        return None if same else "somebody changed our triggers, so changes may have gone by unseen"

    def _captured(self, table: Table, moved: Moved, print_: str, anew: bool) -> str | None:
        """Return the table's fingerprint with its capture standing; None when the table had to be held for that."""
        session = self.session
        try:
            with session.still_ours():
                made = capture.install(
                    session.origin, session.link, (table,), stop=session.stop, clock=session.clock, seconds=LOCK_SECONDS
                )
        except WaitingError as error:
            self._hold(moved, f"its triggers must be made anew, and {error.message}")
            return None
        if not made and not anew:
            return print_
        after = fingerprint.read(session.origin, [table.oid]).get(table.oid, "")
        if fingerprint.shape_of(after) != fingerprint.shape_of(print_):
            raise RestlessError
        return after

    def _commit(
        self, seen: Seen, moved: Moved, table: Table, plan: Carry, there: Picture, print_: str, reload: str | None
    ) -> None:
        new, had = seen.pictures[moved.relid], plan.base
        steps = [*plan.changes, *self._key(table, new, plan.base, there)]
        if reload:
            had, off = rules.without_late_checks(plan.base, there)
            steps.extend(changes.checks_off(new, off))

        def keep() -> None:
            self.album.rename(moved.relid, new.schema, new.name)
            self.ledger.set_shape(table, print_)
            self.album.keep(moved.relid, had, complete=not self._outstanding(had, new), seen=seen.snapshot)
            if plan.changes:
                self.ledger.dirty_table(moved.relid)
            if reload or (moved.state == "copy" and not self.copying):
                self.ledger.set_table(moved.relid, "reload")

        trouble = self._patiently(steps, keep)
        if trouble and reload and any(change.instead for change in steps):
            emptied = Change("emptied, to be read again", sql.SQL("delete from {}").format(changes.table_name(there)))
            trouble = self._patiently([emptied, *(replace(c, statement=c.instead or c.statement) for c in steps)], keep)
        if trouble:
            self._hold(moved, f"{trouble}; make the same change on the receiving side and the link goes on by itself")
            return
        self._report(new.full_name, steps)
        if not steps and not reload:
            return
        self.session.report(
            Event(
                "table adapted",
                {"table": new.full_name, "reload": bool(reload), **({"because": reload} if reload else {})},
            )
        )

    def _patiently(self, steps: list[Change], keep: Callable[[], None]) -> str:
        trouble = ""
        for _ in range(TRIES):
            trouble = self._try(steps, self.session.means.owner, keep)
            if "lock timeout" not in trouble:
                break
        return trouble

    def _key(self, table: Table, new: Picture, had: Picture, there: Picture) -> tuple[Change, ...]:
        """Rows are put in place by their key, so a new one cannot wait; rows that break it are read again."""
        if not (table.key and table.key_definition and self.indexed) or there is new or not own_key(table, new):
            return ()
        oid = table.key_constraint or table.key_index
        names = {c.name for c in new.constraints if c.oid == oid} | {i.name for i in new.indexes if i.oid == oid}
        if oid in {c.oid for c in had.constraints} | {i.oid for i in had.indexes}:
            return ()
        if names & ({c.name for c in there.constraints} | {i.name for i in there.indexes}):
            return ()
        statement = sql.SQL(table.key_definition)  # As the origin's catalogue prints it.
        return (Change("key built", statement, statement),)

    def _join(self, seen: Seen, relid: int) -> None:
        """A table that came after the link began: make it, capture it, and have its rows read."""
        table, new = seen.tables.get(relid), seen.pictures.get(relid)
        if table is None or new is None or not shape.holds_rows(table):
            return
        self.ledger.add(table, "paused", because=f"{CHANGED}new")
        moved = next((m for m in self.ledger.tables() if m.relid == relid), None)
        if moved is None:
            return
        self.moved[relid] = moved
        oid = picture.named(self.receiver, new.schema, new.name)
        if oid is not None and picture.tables(self.receiver, [oid]):
            self._adapt(seen, relid)
        else:
            self._make(seen, moved, table)

    def _make(self, seen: Seen, moved: Moved, table: Table) -> None:
        new = seen.pictures[moved.relid]
        if (print_ := self._captured(table, moved, seen.fingerprints[moved.relid], anew=True)) is None:
            return
        plan = changes.created(new, table.key_definition if table.key and own_key(table, new) else None)
        self._commit(seen, moved, table, plan, new, print_, "it is new")

    def _put_on_rules(self, seen: Seen) -> bool:
        """Put on what rows have caught up with; what they still break is tried again in the next pass."""
        if not self.indexed:
            return False
        done = False
        states = {moved.relid: moved for moved in self.ledger.tables()}
        for relid, kept in self.album.pictures(list(seen.pictures)).items():
            if not kept.complete and kept.settled and relid in states and states[relid].state == "live":
                done = self._put_on(seen, relid, kept.picture, states[relid]) or done
        return done

    def _put_on(self, seen: Seen, relid: int, base: Picture, moved: Moved) -> bool:
        new, done, left = seen.pictures[relid], False, []
        for rule in self._outstanding(base, new):
            there = self._there(relid)
            if there is None:
                return done
            trouble = (
                ""
                if rules.stands(rule, new, there)
                else self._try((Change(rule.what, rule.statement),), self.session.means.owner)
            )
            if trouble:
                left.append(f"{rule.what}: {trouble}")
                continue
            base, done = rules.put_on(base, new, rule), True
            self._report(moved.full_name, (Change(rule.what, rule.statement),))
        self.album.keep(relid, base, complete=not self._outstanding(base, new), seen=seen.snapshot)
        for sentence in left:
            self.session.report(Event("schema change waits", {"table": moved.full_name, "because": sentence}))
        return done

    # Trees --------------------------------------------------------------------------------------------------------------

    def _trunks(self, seen: Seen) -> trunks.Trunks:
        return trunks.Trunks(
            self.session.origin, self.receiver, self.album, lambda steps, keep: self._try(steps, self.session.means.owner, keep),
            adopted, self._report, seen.snapshot, self.session.replica,
        )  # fmt: skip

    def _hang(self, which: branches.Which) -> None:
        """Attach and detach members as at the origin; what rows do not allow yet is tried again in the next pass."""

        def attempt(table: str, change: Change) -> str:
            if not (trouble := self._try((change,), self.session.means.owner)):
                self._report(table, (change,))
            return trouble

        self._report_waits(branches.follow(self.session.origin, self.receiver, which, attempt))

    def _report_waits(self, said: Mapping[str, str]) -> None:
        for table, because in said.items():
            self.session.report(Event("schema change waits", {"table": table, "because": because}))

    # The receiver -------------------------------------------------------------------------------------------------------

    def _try(self, steps: Iterable[Change], owner: str | None, keep: Callable[[], None] | None = None) -> str:
        """Do the steps and ``keep`` in one transaction; returns what went wrong, empty when nothing did."""
        what = ""
        try:
            # A link whose switch is done must not carry over what the way back takes off the old primary.
            with self.session.still_ours():
                picture.prepare(self.receiver, owner)
                for step in steps:
                    what = step.what
                    self.receiver.execute(step.statement)
                self.receiver.execute("set local role none")
                if keep is not None:
                    keep()
        except psycopg.Error as error:
            if (error.sqlstate or "")[:2] not in OWN_FAULTS:
                raise
            return f"{what}: {error.diag.message_primary or 'refused'}"
        return ""

    def _hold(self, moved: Moved, because: str) -> None:
        """Stop this one table and keep the reason."""
        if moved.held_because != f"{CHANGED}{because}":
            self.session.report(Event("table held", {"table": moved.full_name, "because": because}))
        self.ledger.set_table(moved.relid, "paused", because=f"{CHANGED}{because}")

    def _report(self, table: str, steps: Iterable[Change]) -> None:
        for step in steps:
            self.session.report(Event("schema change carried over", {"table": table, "what": step.what}))
