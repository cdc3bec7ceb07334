"""Sums differ: which rows are it? Lists of keys and md5s from both sides, taken at the same moment, and a second look by key.

A row is only called different when its md5 is. Rows on one side of a range only are looked up on the other side by their key,
because two servers may sort a text differently: such a row is elsewhere, not missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from ..postgres import Connection, Table
from . import digest, shape
from .aside import both
from .model import Difference

Key = tuple[str, ...]
Images = Mapping[Key, str]
# Up to this many rows a list of md5s is as good as sums of parts.
LIST_ROWS = 20_000
MOST_BUCKETS = 65536
# A table whose differing rows are not told by so many lists is another table.
MOST_LISTS = 4


@dataclass(frozen=True, slots=True)
class Found:
    """Rows that differ, with their keys (empty for a table without one). ``wholesale`` when there are too many to name."""

    differences: tuple[Difference, ...] = ()
    keys: tuple[Key, ...] = ()
    wholesale: bool = False


SAME = Found()


def in_range(origin: Connection, receiver: Connection, table: Table, within: sql.Composable) -> Found:
    """Return what differs among rows whose keys lie in one range. Both connections look at the same moment."""
    here, there = both(lambda: keyed(origin, table, within), lambda: keyed(receiver, table, within))
    return _settle(origin, receiver, table, here, there)


def anywhere(origin: Connection, receiver: Connection, table: Table, rows: int) -> Found:
    """Return what differs in a whole table of about ``rows`` rows. The transactions must be allowed to scan it."""
    if rows <= LIST_ROWS:
        return _listed(origin, receiver, table, sql.SQL("true"))
    mask = _mask(rows)
    here, there = both(lambda: digest.buckets(origin, table, mask), lambda: digest.buckets(receiver, table, mask))
    wrong = [bucket for bucket in sorted(here.keys() | there.keys()) if here.get(bucket) != there.get(bucket)]
    at_once = max(LIST_ROWS * mask // rows, 1)
    found: dict[tuple[str, str], tuple[Difference, Key]] = {}
    for first in range(0, min(len(wrong), at_once * MOST_LISTS), at_once):
        listed = _listed(origin, receiver, table, digest.in_buckets(table, mask, wrong[first : first + at_once]))
        keys = listed.keys or ((),) * len(listed.differences)
        found |= {(one.key, one.kind): (one, key) for one, key in zip(listed.differences, keys, strict=True)}
    return Found(
        tuple(one for one, _ in found.values()),
        tuple(key for _, key in found.values()) if table.key else (),
        wholesale=len(wrong) > at_once * MOST_LISTS,
    )


def _mask(rows: int) -> int:
    """Return the highest bucket, so that a bucket holds some hundred rows and the buckets' sums fit in memory."""
    buckets = 1024
    while buckets < MOST_BUCKETS and buckets * 100 < rows:
        buckets *= 2
    return buckets - 1


def _listed(origin: Connection, receiver: Connection, table: Table, within: sql.Composable) -> Found:
    if table.key:
        return in_range(origin, receiver, table, within)
    here, there = both(lambda: bare(origin, table, within), lambda: bare(receiver, table, within))
    return Found(compare_bare(table, here, there))


def keyed(side: Connection, table: Table, within: sql.Composable) -> Images:
    """Return the md5 of each row by its key's text."""
    query = sql.SQL(digest.book("keyed_rows")).format(
        texts=key_texts(table, "t"), image=shape.image(table, "t"), source=digest.source(table), within=within
    )
    return {tuple(key): image for key, image in side.execute(query)}


def bare(side: Connection, table: Table, within: sql.Composable) -> Mapping[str, int]:
    """Return how often each row occurs, by its md5."""
    query = sql.SQL(digest.book("bare_rows")).format(
        image=shape.image(table, "t"), source=digest.source(table), within=within
    )
    return dict(side.execute(query).fetchall())


def key_texts(table: Table, alias: str) -> sql.Composed:
    return shape.comma(sql.SQL("{}::text").format(sql.Identifier(alias, key.name)) for key in table.key)


def _looked_up(side: Connection, table: Table, keys: Sequence[Key]) -> Mapping[Key, tuple[Key, str]]:
    """Return, for each of these keys that is there, the key as it stands there and the row's md5."""
    if not keys:
        return {}
    width = range(len(table.key))
    plain = [sql.Identifier(f"e{place}") for place in width]
    query = sql.SQL(digest.book("lookup")).format(
        texts=key_texts(table, "t"),
        image=shape.image(table, "t"),
        typed=shape.comma(
            sql.SQL("e.{}::{} as {}").format(plain[place], shape.type_of(column.base), alias)
            for place, column, alias in zip(width, table.key_columns, shape.key_aliases(table), strict=True)
        ),
        arrays=shape.comma(sql.SQL("{}::text[]").format(sql.Literal([key[place] for key in keys])) for place in width),
        plain=shape.comma(plain),
        source=digest.source(table),
        match=shape.match(table, "t", "k"),
    )
    return {keys[place - 1]: (tuple(key), image) for place, key, image in side.execute(query)}


def _settle(origin: Connection, receiver: Connection, table: Table, here: Images, there: Images) -> Found:
    found: dict[Key, Literal["missing", "extra", "changed"]] = {
        key: "changed" for key in here.keys() & there.keys() if here[key] != there[key]
    }
    alone, others = sorted(here.keys() - there.keys()), sorted(there.keys() - here.keys())
    at_receiver, at_origin = both(lambda: _looked_up(receiver, table, alone), lambda: _looked_up(origin, table, others))
    for key in alone:
        if key not in at_receiver:
            found[key] = "missing"
        elif at_receiver[key][1] != here[key]:
            found[key] = "changed"
    for key in others:
        if key not in at_origin:
            found[key] = "extra"
        elif at_origin[key][1] != there[key]:
            # Equal keys of other bytes, say a citext in another case, are one row: named as the origin writes it.
            found[at_origin[key][0]] = "changed"
    keys = tuple(sorted(found))
    return Found(tuple(Difference(table.full_name, ", ".join(key), found[key]) for key in keys), keys)


def compare_bare(table: Table, here: Mapping[str, int], there: Mapping[str, int]) -> tuple[Difference, ...]:
    """Return one difference per row whose count differs, named by its md5."""
    found: list[Difference] = []
    for image in sorted(here.keys() | there.keys()):
        more = here.get(image, 0) - there.get(image, 0)
        if more:
            found.append(
                Difference(table.full_name, f"{abs(more)} x row {image[:12]}", "missing" if more > 0 else "extra")
            )
    return tuple(found)
