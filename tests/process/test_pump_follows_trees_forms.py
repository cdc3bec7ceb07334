"""Can a member's row-level capture ever fail the application, and does it note each key, whatever happens to the table?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from offramp import postgres
from offramp.kit.secret import Secret
from offramp.postgres import Table
from offramp.pump import functions, guarding
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres

NUMBER = 7
# The key is not where the root has it: "pad" came first, and one column was dropped before the leaf was attached.
SCHEMA = """
drop schema if exists offramp cascade;
drop schema if exists elsewhere cascade;
drop table if exists ev, leaf, bare cascade;
create schema offramp;
create table offramp.log_1 (xid xid8 not null, t int not null, op "char" not null, k1 text, k2 text);
create table ev (pad int, id int not null, note varchar(20), big bytea, at timestamptz not null default '2024-01-01',
                 primary key (id, at)) partition by range (at);
create table leaf (gone int, pad int, id int not null, at timestamptz not null default '2024-01-01', big bytea, note varchar(20));
alter table leaf drop gone;
alter table ev attach partition leaf for values from ('2024-01-01') to ('2025-01-01');
"""
CHANGES = (
    "alter table ev rename id to ident",
    "alter table ev rename note to words",
    "alter table ev add extra int default 5",
    "alter table ev add extra float default random()",
    "alter table ev alter id type bigint",
    "alter table ev alter id type text using id::text",
    "alter table ev alter note type text, alter pad type bigint",
    "alter table ev drop pad",
    "alter table ev drop id",
    "alter table ev drop pad, drop id, drop note, drop big",
    "alter table ev drop constraint ev_pkey",
    "alter table leaf rename to other",
    "create schema elsewhere; alter table leaf set schema elsewhere",
    "alter table ev detach partition leaf; alter table leaf alter at type timestamp, alter id type numeric; "
    "alter table ev alter id type numeric",
)


@pytest.fixture(scope="module", params=[15, 17, 18])
def server(request: pytest.FixtureRequest, module_folder: Path) -> Iterator[Postgres]:
    with Postgres(module_folder / str(request.param), programs.postgres_of(request.param)) as started:
        yield started


def install(server: Postgres, name: str = "leaf") -> Table:
    """Make the trigger functions and triggers of one member, with the statements that the pump uses."""
    with postgres.connect(Secret(server.url()), application_name="test") as admin:
        table = next(table for table in postgres.tables(admin) if table.name == name)
        assert table.in_tree
        guarding.install(admin)
        admin.execute(functions.function_texts(table, NUMBER, 1, by_row=True))
        for operation, level in (("insert", "row"), ("update", "row"), ("delete", "row"), ("truncate", "statement")):
            admin.execute(
                sql.SQL("create trigger {} after {} on {} for each {} execute function {}()").format(
                    sql.Identifier(f"offramp_{operation}"), sql.SQL(operation), sql.Identifier(table.schema, table.name),
                    sql.SQL(level), functions.function(NUMBER, operation),
                )
            )  # fmt: skip
    return table


def logged(server: Postgres) -> list[tuple[str, str | None, str | None]]:
    with server.connect() as admin:
        return admin.execute("select op::text, k1, k2 from offramp.log_1 order by k1, k2").fetchall()


def write(app: psycopg.Connection, number: int) -> None:
    """Insert, update and delete one row, whatever the table and its key are called by now, as a driver prepares it."""
    row = app.execute(
        "select coalesce(i.inhparent, c.oid)::regclass::text,"
        "       (select attname from pg_attribute where attrelid = c.oid and attname in ('id', 'ident') and not attisdropped)"
        "  from pg_class c left join pg_inherits i on i.inhrelid = c.oid where c.relname in ('leaf', 'other') and c.relkind = 'r'"
    ).fetchone()
    assert row is not None
    table, key = sql.SQL(row[0]), sql.Identifier(row[1]) if row[1] else None
    where = sql.SQL("{}::text = {}").format(key, sql.Literal(str(number))) if key else sql.SQL("true")
    if key is None:
        app.execute(sql.SQL("insert into {} default values").format(table), prepare=True)
    else:
        value = sql.Literal(str(number))
        app.execute(sql.SQL("insert into {} ({}) values ({})").format(table, key, value), prepare=True)
    app.execute(sql.SQL("update {} set at = at + interval '1 s' where {}").format(table, where), prepare=True)
    app.execute(sql.SQL("delete from {} where {}").format(table, where), prepare=True)


def warm(app: psycopg.Connection) -> None:
    """Fire often enough that every plan is a kept one."""
    for number in range(8):
        write(app, number)


def in_a_session_that_fired_before(app: psycopg.Connection, other: psycopg.Connection, change: str) -> None:
    warm(app)
    app.execute(change)


def changed_by_another_session(app: psycopg.Connection, other: psycopg.Connection, change: str) -> None:
    warm(app)
    other.execute(change)


def in_a_session_that_comes_later(app: psycopg.Connection, other: psycopg.Connection, change: str) -> None:
    other.execute(change)


WAYS: tuple[Callable[[psycopg.Connection, psycopg.Connection, str], None], ...] = (
    in_a_session_that_fired_before,
    changed_by_another_session,
    in_a_session_that_comes_later,
)


@pytest.mark.parametrize("change", CHANGES)
def test_the_application_writes_on_after_every_change_of_the_table(server: Postgres, change: str) -> None:
    """E54, G74, G75: no statement fails, in sessions that fired the triggers before, in one transaction, prepared."""
    for way in WAYS:
        with server.connect() as app, server.connect() as other:
            app.execute(SCHEMA)
            install(server)
            way(app, other, change)
            for number in (60, 61):
                write(app, number)
    with server.connect() as app:
        app.execute(SCHEMA)
        install(server)
        warm(app)
        with app.transaction():
            write(app, 70)
            app.execute(change)
            write(app, 71)

        entries = logged(server)

    # Three times two keys and a key of its own before the change, and no fewer entries after it.
    assert len(entries) >= 8 * 4 + 2 * 4


def test_keys_and_only_keys_are_noted_in_a_leaf_of_another_column_order(server: Postgres) -> None:
    """E54: an update enters the old key only when it differs, a row that moves away is entered where it was."""
    with server.connect() as app:
        app.execute(SCHEMA)
        app.execute("create table next partition of ev for values from ('2025-01-01') to ('2026-01-01')")
        install(server)
        app.execute("set datestyle = 'SQL, DMY'; set timezone = 'Asia/Tokyo'")
        app.execute("insert into ev (id, at) values (1, '2024-03-04 05:06:07+00'), (2, '2024-03-04 05:06:07+00')")
        app.execute("update ev set note = 'x' where id = 1")
        app.execute("update ev set id = 3 where id = 1")
        app.execute("update ev set at = '2025-06-01' where id = 2")
        app.execute("truncate ev")
    with postgres.connect(Secret(server.url()), application_name="test") as reader:
        found = reader.execute("select op::text, k1, k2::timestamptz from offramp.log_1 order by op, k1").fetchall()

    assert [(op, k1) for op, k1, _ in found] == [
        ("k", "1"), ("k", "1"), ("k", "1"), ("k", "2"), ("k", "2"), ("k", "3"), ("w", None),
    ]  # fmt: skip
    assert {at.isoformat() for _, _, at in found if at is not None} == {"2024-03-04T05:06:07+00:00"}


@pytest.mark.parametrize("at", ["infinity", "-infinity", "0044-03-15 12:00:00.000001+00 BC", "12024-03-01 00:00+00"])
def test_every_moment_comes_back_from_the_text_that_was_noted(server: Postgres, at: str) -> None:
    """D48: a key of time, under whatever settings the application has."""
    with server.connect() as app:
        app.execute(SCHEMA)
        app.execute("drop table leaf; create table leaf partition of ev default")
        install(server)
        app.execute("set datestyle = 'German'; set timezone = 'America/New_York'")
        app.execute("insert into ev (id, at) values (1, %s::timestamptz)", (at,))
        row = app.execute("select count(*) from ev join offramp.log_1 l on l.k2::timestamptz = ev.at").fetchone()

    assert row == (1,)


def test_a_change_of_the_key_type_is_noted_by_sessions_that_keep_an_old_plan(server: Postgres) -> None:
    with server.connect() as app, server.connect() as other:
        app.execute(SCHEMA)
        install(server)
        warm(app)
        other.execute("truncate offramp.log_1")
        other.execute("alter table ev alter id type bigint")
        app.execute("insert into ev (id) values (5000000000)")

    assert [key for _, key, _ in logged(server)] == ["5000000000"]


def test_a_transaction_with_an_older_snapshot_survives_a_change_of_the_key_type(server: Postgres) -> None:
    with server.connect() as app, server.connect() as other:
        app.execute(SCHEMA)
        install(server)
        warm(app)
        app.execute("begin isolation level repeatable read")
        app.execute("select count(*) from pg_class")
        other.execute("alter table ev alter id type bigint")
        app.execute("insert into ev (id) values (77)")
        app.execute("commit")

    assert ("k", "77") in [(op, key) for op, key, _ in logged(server)]


def test_a_large_value_beside_the_key_is_not_touched(server: Postgres) -> None:
    """D50: a row of 100 MB is noted at the cost of its key."""
    with server.connect() as app:
        app.execute(SCHEMA)
        install(server)
        app.execute("alter table ev alter big set storage external")
        app.execute("alter table leaf alter big set storage external")
        app.execute("insert into ev (id, big) select 1, decode(repeat('ab', 100 * 1024 * 1024), 'hex')")
        app.execute("set statement_timeout = '250ms'")  # Reading the value takes longer, making text of it far longer.
        app.execute("update ev set note = 'seen' where id = 1")
        app.execute("reset statement_timeout")
        app.execute("delete from ev where id = 1")

    assert [key for _, key, _ in logged(server)] == ["1", "1", "1"]


def test_a_large_value_is_not_touched_either_after_a_change_of_the_key_type(server: Postgres) -> None:
    """D50: where keys cannot be noted for nothing any more, the whole table is to be read again."""
    with server.connect() as app:
        app.execute(SCHEMA)
        install(server)
        app.execute("alter table leaf alter big set storage external")
        app.execute("insert into ev (id, big) select 1, decode(repeat('ab', 100 * 1024 * 1024), 'hex')")
        app.execute("alter table ev alter id type bigint")
        app.execute("truncate offramp.log_1")
        app.execute("set statement_timeout = '250ms'")
        app.execute("update ev set note = 'seen' where id = 1")

    assert logged(server) == [("w", None, None)]


def test_rows_without_a_key_are_noted_as_images_after_every_change_too(server: Postgres) -> None:
    """D45, E62: whole rows' text follows the columns as they are."""
    with server.connect() as app:
        app.execute(SCHEMA)
        app.execute("create table bare (a int, b text); create table leaf_bare () inherits (bare)")
        install(server, "leaf_bare")
        for change in ("select", "alter table bare alter a type bigint", "alter table bare drop b, add c date"):
            app.execute(change)
            for _ in range(7):
                app.execute("insert into leaf_bare (a) values (1)", prepare=True)
                app.execute("update bare set a = a + 1", prepare=True)
                app.execute("delete from bare", prepare=True)
        app.execute("drop table bare cascade")

    assert [op for op, _, _ in logged(server)].count("+") == [op for op, _, _ in logged(server)].count("-") == 3 * 7 * 2


def test_members_of_1600_columns_and_of_one_are_captured(server: Postgres) -> None:
    """D49: the nulls that pad a row must not make it wider than a statement may be."""
    wide = ", ".join(f"c{n} int" for n in range(1598))
    with server.connect() as app:
        app.execute(SCHEMA)
        app.execute(
            f"drop table ev; create table ev ({wide}, id int primary key, at timestamptz default now()) partition by range (id)"
        )
        app.execute("create table leaf partition of ev for values from (0) to (100)")
        install(server)
        app.execute("insert into ev (id) values (1)")
        app.execute("update ev set id = 2")

    assert [key for _, key, _ in logged(server)] == ["1", "1", "2"]
