"""How do statistics over several columns get in, when no server before 19 reads the text that it prints? As the bytes it keeps.

Layouts: statistics.h, mvdistinct.c and dependencies.c, unchanged from 10 to 18.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping

import psycopg

from ....kit import sqlbook
from ....postgres import Connection
from ..model import Shortfall
from .model import ExtendedStatistics

_SQL = sqlbook.load(__package__, "sql/bytestrings.sql")
_DISTINCT_MAGIC, _DEPENDENCIES_MAGIC = 0xA352BFA4, 0xB4549A2C


def enter(connection: Connection, extended: Iterable[ExtendedStatistics]) -> Iterator[Shortfall]:
    """Enter the extended statistics as superuser; yield those that could not be."""
    wanted = [each for each in extended if each.n_distinct or each.dependencies]
    if not wanted:
        return
    for cast in ("cast_distinct", "cast_dependencies"):
        connection.execute(_SQL[cast])
    for each in wanted:
        try:
            _enter(connection, each)
        except (psycopg.Error, ValueError, KeyError, struct.error) as error:
            yield Shortfall(
                f"The extended statistics {each.schema}.{each.name} could not be carried ({type(error).__name__})."
            )


def _enter(connection: Connection, each: ExtendedStatistics) -> None:
    row = connection.execute(_SQL["keys"], {"schema": each.schema, "name": each.name}).fetchone()
    if row is None:
        raise KeyError(each.name)
    # Numbers of columns differ where the source has dropped some; their order does not.
    places = dict(zip(each.keys, row[1], strict=True))
    connection.execute(
        _SQL["enter_15" if connection.info.server_version >= 150000 else "enter_14"],
        {
            "oid": row[0],
            "inherited": each.inherited,
            "distinct": distinct_bytes(each.n_distinct, places) if each.n_distinct else None,
            "dependencies": dependency_bytes(each.dependencies, places) if each.dependencies else None,
        },
    )


def distinct_bytes(text: str, places: Mapping[int, int]) -> bytes:
    """Return a pg_ndistinct from its text; ``places`` gives each column number here for the source's.

    >>> distinct_bytes('{"1, 2": 50}', {1: 1, 2: 3}).hex()
    'a4bf52a3010000000100000000000000000049400200000001000300'
    """
    items = json.loads(text)
    made = struct.pack("=III", _DISTINCT_MAGIC, 1, len(items))
    for columns, count in items.items():
        numbers = _numbers(columns.split(","), places)
        made += struct.pack(f"=di{len(numbers)}h", float(count), len(numbers), *numbers)
    return made


def dependency_bytes(text: str, places: Mapping[int, int]) -> bytes:
    """Return a pg_dependencies from its text."""
    items = json.loads(text)
    made = struct.pack("=III", _DEPENDENCIES_MAGIC, 1, len(items))
    for columns, degree in items.items():
        giving, _, given = columns.partition("=>")
        numbers = _numbers([*giving.split(","), given], places)
        made += struct.pack(f"=dh{len(numbers)}h", float(degree), len(numbers), *numbers)
    return made


def _numbers(columns: Iterable[str], places: Mapping[int, int]) -> list[int]:
    # Expressions have negative numbers, which are their own.
    return [number if number < 0 else places[number] for number in map(int, columns)]
