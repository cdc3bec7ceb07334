"""Do partitions and inheriting tables hang together at the receiver as they do at the origin? And what must be done about it?

Rows are followed member by member, so the structure of a tree is a matter of its own. What left its parent leaves first, lest
bounds that hold no more refuse rows; what joined a parent joins last, when its rows are those that the origin let in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import args_row

from ..kit import sqlbook
from ..postgres import Connection, Table
from . import capture, trees
from .changes import Change
from .model import Concern

_BOOK = sqlbook.load("offramp.pump", "sql/branches.sql")
# The dump and the fence lock each table once; a batch locks a member, its indexes and its staging at the receiver.
SOURCE_LOCKS, TARGET_LOCKS = 1, 4
Name = tuple[str, str]
Tree = Mapping[tuple[str, str], "Branch"]


@dataclass(frozen=True, slots=True)
class Branch:
    """One member of a tree. ``bound`` is a partition's; ``parents`` come in the order of inheritance."""

    name: Name
    bound: str | None
    parents: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Take ``branch`` from under ``parent``, or put it there. ``bound`` is the partition's, at the side that has it."""

    branch: Name
    parent: Name
    joins: bool
    bound: str | None

    @property
    def full_name(self) -> str:
        return ".".join(self.branch)

    @property
    def change(self) -> Change:
        """Return the statement that takes the step."""
        if self.joins:
            block = "attach" if self.bound is not None else "inherit"
        else:
            block = "detach" if self.bound is not None else "no_inherit"
        statement = sql.SQL(_BOOK[block]).format(
            table=sql.Identifier(*self.branch),
            parent=sql.Identifier(*self.parent),
            bound=sql.SQL(self.bound or ""),  # As the origin's catalogue prints it.
        )
        return Change(f"{'attached to' if self.joins else 'taken from'} {'.'.join(self.parent)}", statement)


Which = Callable[[Tree, Tree], Iterable[Step]]


def read(side: Connection) -> tuple[Branch, ...]:
    """Return the application's tables, each with what it hangs on."""
    with side.cursor(row_factory=args_row(_branch)) as cursor:
        return tuple(cursor.execute(_BOOK["branches"]))


def _branch(schema: str, name: str, bound: str | None, parents: list[list[str]]) -> Branch:
    return Branch((schema, name), bound, tuple((at[0], at[1]) for at in parents))


def leaving(here: Tree, there: Tree) -> Iterator[Step]:
    """Return what must leave its parent at the receiver, where it hangs otherwise than at the origin."""
    for branch in there.values():
        now = here.get(branch.name)
        for parent in branch.parents if now is not None else ():
            if now is not None and parent in here and (parent not in now.parents or branch.bound != now.bound):
                yield Step(branch.name, parent, joins=False, bound=branch.bound)


def joining(here: Tree, there: Tree) -> Iterator[Step]:
    """Return what the receiver has on its own and the origin under a parent that the receiver has too."""
    for branch in here.values():
        now = there.get(branch.name)
        for parent in branch.parents if now is not None else ():
            if now is not None and parent in there and parent not in now.parents:
                yield Step(branch.name, parent, joins=True, bound=branch.bound)


def follow(
    origin: Connection, receiver: Connection, which: Which, attempt: Callable[[str, Change], str]
) -> Mapping[str, str]:
    """Take the steps that ``which`` finds, each by ``attempt``, which returns what went wrong; returns that by table."""
    if not (_grown(origin) or _grown(receiver)):
        return {}
    here, there = ({branch.name: branch for branch in read(side)} for side in (origin, receiver))
    said = {step.full_name: attempt(step.full_name, step.change) for step in which(here, there)}
    return {name: trouble for name, trouble in said.items() if trouble}


def _grown(side: Connection) -> bool:
    row = side.execute(_BOOK["grown"]).fetchone()
    return bool(row and row[0])


def concerns(source: Connection, target: Connection) -> Iterator[Concern]:
    """Yield what a preflight has to say of trees: members whose rows live elsewhere, and too many members for one transaction."""
    for (name,) in source.execute(_BOOK["foreign_members"]).fetchall():
        yield Concern(
            name,
            "It is a foreign table in a tree: its rows live elsewhere and are not followed, nor are writes to it.",
            "Detach it, or move that other database too.",
            False,
        )
    rows = [source.execute(_BOOK["locks"]).fetchone(), target.execute(_BOOK["locks"]).fetchone()]
    members = rows[0][0] if rows[0] else 0
    for side, row, each in zip(("source", "target"), rows, (SOURCE_LOCKS, TARGET_LOCKS), strict=True):
        if row is not None and members * each > row[1]:
            yield Concern(
                f"{side} server",
                f"A transaction that touches all {members} members of trees takes {members * each} locks, and there is room for {row[1]}.",
                "Raise max_locks_per_transaction there, or drop partitions that nobody needs.",
                side == "source",
            )


def unseen(origin: Connection, table: Table) -> str | None:
    """Return why changes of this table may have gone by: it is in a tree now, and its capture is still that of a lone table.

    A statement trigger is silent when the statement names the parent, and says too much when it names the table's own child.
    """
    known = capture.register(origin).get(table.oid)
    if not table.in_tree or known is None or trees.by_row(known.definition):
        return None
    return "it is part of a tree of tables now, and changes made by way of its parent went by unseen"
