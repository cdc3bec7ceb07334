"""How does an empty server come to plan like the source? Its schema is made, its statistics entered, its files stretched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from ....kit import sqlbook
from ....postgres import Connection
from ..model import Shortfall
from . import bytestrings, pages, sizes
from .model import Outline, Relation, Step
from .server import DATABASE, PLANNER, SUPERUSER, Server

_SQL = sqlbook.load(__package__, "sql/carry.sql")


@dataclass(frozen=True, slots=True)
class Carried:
    """What came across; ``shortfalls`` name what did not, with the reason."""

    shortfalls: tuple[Shortfall, ...]


def carry(server: Server, outline: Outline) -> Carried:
    """Build the outline on an empty, running server, which is restarted once.

    Raises psycopg.Error only for what a healthy server never refuses; objects that cannot be made are told as shortfalls.
    """
    said = [*_versions(server, outline), *_database(server, outline)]
    with server.connect(SUPERUSER) as connection:
        said += _extensions(connection, outline)
    with server.connect(PLANNER) as connection:
        connection.execute(_SQL["lenient"])
        said += _steps(connection, outline.steps)
    with server.connect(SUPERUSER) as connection:
        enter_relations(connection, server.major, outline.relations)
        said += _columns(connection, server.major, outline)
        said += bytestrings.enter(connection, outline.extended)
        files = relation_files(connection, server.files)
    server.stop()
    shape(outline, files)
    server.start()
    return Carried(tuple(said))


def enter_relations(connection: Connection, major: int, relations: Iterable[Relation]) -> None:
    """Enter pages and rows of tables and indexes."""
    query = _SQL["relation_statistics_18" if major >= 18 else "relation_statistics"]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            query,
            [
                {"schema": r.schema, "name": r.name, "relpages": r.relpages, "reltuples": r.reltuples, "all_visible": r.all_visible}
                for r in relations
            ],
        )  # fmt: skip


def relation_files(connection: Connection, folder: Path) -> Mapping[tuple[str, str], Path]:
    """Return where tables and indexes lie; the partitioned have no file."""
    rows = connection.execute(_SQL["relations"]).fetchall()
    return {(str(schema), str(name)): folder / str(path) for schema, name, _, path in rows if path is not None}


def shape(outline: Outline, files: Mapping[tuple[str, str], Path]) -> None:
    """Stretch every file to its size at the source. The server must be stopped."""
    for relation in outline.relations:
        if path := files.get(relation.full_name):
            write(path, relation)


def write(path: Path, relation: Relation) -> None:
    """Give one relation's file the source's size and, for a B-tree, its height. Nobody may have read it before."""
    if relation.method == "btree":
        height = sizes.likely_height(relation.pages) if relation.height is None else relation.height
        pages.write_btree(path, relation.pages, height)
    else:
        # Other kinds of index open their first page, which stays.
        pages.stretch(path, relation.pages if relation.kind != "i" else max(relation.pages, pages.present(path)))


def _versions(server: Server, outline: Outline) -> Iterator[Shortfall]:
    if server.major != outline.origin.major:
        yield Shortfall(
            f"The source is PostgreSQL {outline.origin.major}, and {server.major} planned for it; costs may differ a little.",
            f"Install PostgreSQL {outline.origin.major} on this machine.",
        )


def _database(server: Server, outline: Outline) -> Iterator[Shortfall]:
    origin = outline.origin
    with server.connect(SUPERUSER, "postgres") as connection:
        connection.execute(_SQL["planner_role"])
        named = {"encoding": sql.Literal(origin.encoding)}
        locales = {"collate": sql.Literal(origin.collate), "ctype": sql.Literal(origin.ctype)}
        try:
            connection.execute(sql.SQL(_SQL["database"]).format(**named, **locales))
        except psycopg.Error:
            connection.execute(sql.SQL(_SQL["database_plain"]).format(**named))
            yield Shortfall(
                f"The locale {origin.collate} is not on this machine, so the scratch server compares text by bytes; "
                "ranges over text may be judged a little differently.",
                f"Install the locale {origin.collate}.",
            )
    with server.connect(SUPERUSER, DATABASE) as connection:
        connection.execute(_SQL["own_public"])


def _extensions(connection: Connection, outline: Outline) -> Iterator[Shortfall]:
    for name, schema in outline.extensions:
        named = {"schema": sql.Identifier(schema), "name": sql.Identifier(name)}
        if schema not in ("public", "pg_catalog"):
            connection.execute(sql.SQL(_SQL["extension_schema"]).format(**named))
        try:
            connection.execute(sql.SQL(_SQL["extension"]).format(**named))
        except psycopg.Error:
            made = [each for each in outline.stand_ins if each[0] == name]
            for _, space, kind in made:
                connection.execute(
                    sql.SQL(_SQL["stand_in"]).format(schema=sql.Identifier(space), name=sql.Identifier(kind))
                )
            stead = f"; its types {', '.join(each[2] for each in made)} are stood in for by text" if made else ""
            yield Shortfall(
                f"The extension {name} is not on this machine{stead}.", f"Install {name} for this PostgreSQL."
            )


def _steps(connection: Connection, steps: Sequence[Step]) -> Iterator[Shortfall]:
    """Run the steps in order, and those that fail again as long as that makes others succeed."""
    left = list(steps)
    while left:
        failed = [(step, why) for step in left if (why := _try(connection, step))]
        if len(failed) == len(left):
            for step, why in failed:
                yield Shortfall(f"The {step.kind} {step.name} is not on the scratch server: {why}.")
            return
        left = [step for step, _ in failed]


def _try(connection: Connection, step: Step) -> str:
    try:
        # The source's own schema, as its catalogue prints it, run as a role without rights.
        connection.execute(sql.SQL(step.ddl))
    except psycopg.Error as error:
        return error.diag.message_primary or type(error).__name__
    return ""


def _columns(connection: Connection, major: int, outline: Outline) -> Iterator[Shortfall]:
    query = _SQL["column_statistics_18" if major >= 18 else "column_statistics"]
    rows = [asdict(each) for each in outline.statistics]
    yield from _all_or_each(connection, query, rows)


def _all_or_each(connection: Connection, query: str, rows: Sequence[Mapping[str, object]]) -> Iterator[Shortfall]:
    """Enter all rows at once; when one is refused, enter them one by one and tell which. The refusal may quote a value: not told."""
    try:
        _enter(connection, query, rows)
    except psycopg.Error:
        for row in rows:
            try:
                _enter(connection, query, [row])
            except psycopg.Error as error:
                where = f"{row['schema']}.{row['relation']}.{row['column']}"
                yield Shortfall(f"The statistics of {where} could not be carried (SQLSTATE {error.sqlstate}).")


def _enter(connection: Connection, query: str, rows: Sequence[Mapping[str, object]]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(query.encode(), rows)
