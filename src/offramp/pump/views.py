"""How are materialised views filled on the receiving side, each after those that it reads?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from ..kit import sqlbook
from ..postgres import Connection, translated
from .attempts import refused
from .model import Concern

_BOOK = sqlbook.load("offramp.pump", "sql/views.sql")
View = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many views were filled, and which ones the server refused to fill."""

    filled: int
    left: tuple[Concern, ...]


def refresh_views(receiver: Connection, origin: Connection) -> Refreshed:
    """Fill the materialised views that are filled at the origin, and empty those that are not.

    A view that can be is refreshed without locking its readers out. Call it once the copy is complete, and again at the end of a
    switch, when nothing waits for it any more.
    """
    with translated("the receiving database"):
        filled = {(schema, name): populated for schema, name, populated in origin.execute(_BOOK["views"])}
        there = {
            (schema, name): (populated, unique)
            for schema, name, populated, unique in receiver.execute(_BOOK["views_to_refresh"])
        }
        emptied = {view: "empty" for view in there if filled.get(view) is False and there[view][0]}
        wanted = {
            view: "refresh_concurrently" if all(there[view]) else "refresh"
            for view in _ordered(receiver, tuple(filled))
            if view in there and filled.get(view)
        }
        left = {**_run(receiver, emptied), **_run(receiver, wanted)}
    return Refreshed(len(wanted) - len(left), tuple(_concern(*view, said) for view, said in left.items()))


def _run(receiver: Connection, views: dict[View, str]) -> dict[View, str]:
    """Refresh in the given order; returns what could not be. A view may read another through a function, so who fails waits."""
    while views:
        said = {
            view: answer
            for view, block in views.items()
            if (answer := refused(receiver, sql.SQL(_BOOK[block]).format(view=sql.Identifier(*view))))
        }
        if len(said) == len(views):
            return said
        views = {view: views[view] for view in said}
    return {}


def _concern(schema: str, name: str, said: str) -> Concern:
    return Concern(
        f"{schema}.{name}",
        f"This materialised view could not be filled: {said}.",
        "Functions that it calls must name schemas, or have a search_path of their own; then refresh it.",
        False,
    )


def _ordered(receiver: Connection, made: Sequence[View]) -> list[View]:
    """Return views of both kinds in the order in which they were ``made``, but each after those it reads.

    What a view reads through a function is not in the catalogue; it was made later than that, as a rule.
    """
    reads: dict[View, list[View]] = {}
    for schema, name, of_schema, of_name in receiver.execute(_BOOK["view_reads"]):
        reads.setdefault((schema, name), []).extend([(of_schema, of_name)] if of_name is not None else [])
    ordered: dict[View, None] = {}

    def put(view: View) -> None:
        if view not in ordered:
            for other in reads.get(view, []):
                put(other)
            ordered[view] = None

    for view in (*made, *reads):
        put(view)
    return list(ordered)
