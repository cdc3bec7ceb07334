"""A database with what planners care about, and twenty statements over it: the world of the scratch planner's tests and bench."""

from __future__ import annotations

import re

import psycopg

from offramp.assess.database.candidates import Candidate, Key

SCHEMA = """
create extension citext;
create type mood as enum ('calm', 'glad', 'tired');
create domain cents as integer;
create table customer (
    id bigint primary key, email citext not null unique, name text not null, country char(2) not null, mood mood, tags text[] not null,
    gone text, born date, score numeric(8, 2), profile jsonb not null, open tstzrange, words tsvector
);
alter table customer drop column gone;
create table purchase (
    id uuid primary key, customer_id bigint not null references customer, state varchar(12) not null, placed_at timestamptz not null,
    total cents not null, note text, shop integer not null
);
create index purchase_placed on purchase (placed_at desc);
create index purchase_open on purchase (placed_at) where state = 'open';
create index customer_lower on customer (lower(name));
create index customer_prefix on customer (name text_pattern_ops);
create index customer_country on customer (country, born);
create table line (
    purchase_id uuid not null, number smallint not null, sku integer not null, amount real, primary key (purchase_id, number)
);
create index line_sku on line (sku) include (amount);
create table event (id bigint not null, day date not null, kind text not null, primary key (id, day)) partition by range (day);
create table event_2025 partition of event for values from ('2025-01-01') to ('2026-01-01');
create table event_2026 partition of event for values from ('2026-01-01') to ('2027-01-01');
create index event_kind on event (kind, day);
create table parent (id integer primary key, label text);
create table child (extra integer) inherits (parent);
create statistics purchase_shop (ndistinct, dependencies) on customer_id, shop, state from purchase;
create view open_purchase as select p.*, c.name as buyer from purchase p join customer c on c.id = p.customer_id where p.state = 'open';
create materialized view spending as select customer_id, sum(total)::bigint as total from purchase group by 1 with no data;
create index spending_total on spending (total);
"""

ROWS = """
insert into customer
select n, 'customer' || n || '@example.test', (array['Ada', 'Grace', 'Linus', 'Edsger'])[1 + n % 4] || ' ' || md5(n::text),
       (array['de', 'us', 'us', 'us', 'fr'])[1 + n % 5], (array[null, 'calm', 'glad', 'tired'])[1 + n % 4]::mood,
       array['t' || n % 7, 't' || n % 13], date '1960-01-01' + n % 15000, n % 997 / 3.0, jsonb_build_object('n', n % 50),
       case when n % 3 = 0 then tstzrange('2026-01-01'::timestamptz + n * interval '1 minute',
                                          '2026-01-02'::timestamptz + n * interval '1 minute') end,
       to_tsvector('simple', 'word' || n % 90 || ' other' || n % 11)
  from generate_series(1, 12000) n;
insert into purchase
select md5(n::text)::uuid, 1 + (n::bigint * 7919) % 12000 % (1 + n % 12000),
       (array['paid', 'paid', 'paid', 'sent', 'paid', 'sent', 'open'])[1 + n % 7],
       '2025-01-01'::timestamptz + n * interval '13 minutes', n % 5000, case when n % 10 = 0 then repeat('x', n % 60) end, n % 40
  from generate_series(1, 60000) n;
insert into line
select md5((1 + n / 2)::text)::uuid, n % 2, (n::bigint * n) % 3000, n from generate_series(2, 100000) n;
insert into event select n, '2025-01-01'::date + n % 700, 'kind' || n % 25 from generate_series(1, 40000) n;
insert into parent select n, 'p' || n from generate_series(1, 3000) n;
insert into child select n, 'c' || n, n % 10 from generate_series(3001, 9000) n;
refresh materialized view spending;
"""

STATEMENTS = {
    "key": "select * from customer where id = 42",
    "key, generic": "select * from purchase where id = $1",
    "citext key": "select id from customer where email = 'Customer7@example.test'",
    "range": "select count(*) from purchase where placed_at between '2025-03-01' and '2025-04-01'",
    "range, generic": "select * from purchase where placed_at >= $1 and placed_at < $2",
    "any": "select * from purchase where shop = any ('{3,5,8}') and state <> 'paid'",
    "prefix": "select id from customer where name like 'Ada 1%'",
    "infix": "select id from customer where name like '%77%'",
    "order by limit": "select id, total from purchase order by placed_at desc limit 20",
    "filter, order, limit": "select * from purchase where customer_id = 17 order by placed_at limit 5",
    "aggregate": "select shop, count(*), sum(total) from purchase group by shop having count(*) > 10",
    "join": "select c.name, p.total from customer c join purchase p on p.customer_id = c.id where c.country = 'fr' and p.state = 'sent'",
    "three joins": "select c.id, sum(l.amount) from customer c join purchase p on p.customer_id = c.id join line l on l.purchase_id = p.id"
    " where c.born > '1995-06-01' and l.sku < 100 group by c.id",
    "left join": "select p.id from purchase p left join line l on l.purchase_id = p.id where l.purchase_id is null and p.shop = 4",
    "partial": "select * from purchase where state = 'open' and placed_at > '2026-02-01'",
    "expression": "select id from customer where lower(name) = 'ada 1679091c5a880faf6fb5e6087eb1b2dc'",
    "partitioned": "select kind, count(*) from event where day >= '2026-02-01' and kind = 'kind3' group by kind",
    "partitioned, generic": "select * from event where kind = $1 and day = $2",
    "exists": "select id from customer c where exists (select from purchase p where p.customer_id = c.id and p.total > 4900)",
    "scalar subquery": "select id from purchase where total = (select max(total) from purchase where shop = 3)",
    "array": "select id from customer where tags @> '{t3}' and mood = 'glad'",
    "several columns": "select count(*) from purchase where customer_id = 5 and shop = 5 and state = 'paid'",
    "index only": "select sku, amount from line where sku between 50 and 90",
    "inheritance": "select * from parent where id = 4000",
    "view": "select buyer, total from open_purchase where total > 4990",
    "materialised view": "select * from spending where total > 60000 order by total",
    "text search": "select id from customer where words @@ 'word7'::tsquery",
    "range type": "select id from customer where open @> '2026-01-03'::timestamptz",
    "numeric range": "select id from customer where score < 12.5 or score is null",
    "update": "update purchase set note = $1 where customer_id = $2",
}


def fill(connection: psycopg.Connection, scale: int = 1) -> None:
    """Make, fill (``scale`` times the tests' rows) and analyse the world as the connection's role."""
    connection.execute(SCHEMA.encode())
    connection.execute(
        re.sub(
            r"(?<=generate_series\()(\d+), (\d+)", lambda found: _scaled(int(found[1]), int(found[2]), scale), ROWS
        ).encode()
    )
    connection.execute("vacuum analyze")


def _scaled(low: int, high: int, scale: int) -> str:
    return f"{low if low < 3 else (low - 1) * scale + 1}, {high * scale}"


def _candidate(table: str, *columns: str, include: tuple[str, ...] = (), predicate: str = "") -> Candidate:
    return Candidate(("public", table), tuple(Key(column, column) for column in columns), include, predicate)


# What might be built, and a statement that it serves.
CANDIDATES = {
    "a reference": (_candidate("purchase", "customer_id"), "select * from purchase where customer_id = $1"),
    "a reference and an order": (
        _candidate("purchase", "customer_id", "placed_at"),
        "select * from purchase where customer_id = $1 order by placed_at limit 5",
    ),
    "few values": (_candidate("purchase", "shop"), "select * from purchase where shop = 7"),
    "a covering one": (
        _candidate("purchase", "shop", include=("total",)),
        "select shop, total from purchase where shop between 5 and 9",
    ),
    "a partial one": (
        _candidate("purchase", "customer_id", predicate="note is not null"),
        "select * from purchase where note is not null and customer_id < 400",
    ),
    "text": (_candidate("customer", "name"), "select id from customer where name > 'Linus f' and name < 'Linus g'"),
    "numbers that do not share keys": (_candidate("customer", "score"), "select id from customer where score < 4"),
    "a partitioned table": (_candidate("event", "kind", "id"), "select * from event where kind = 'kind4' and id < 900"),
    "a join": (
        _candidate("line", "number", "sku"),
        "select c.id from customer c join purchase p on p.customer_id = c.id join line l on l.purchase_id = p.id where l.number = 1 and l.sku = 4",
    ),
}

# The pages of the index ``really`` and of its parts.
PAGES = """
select sum(relpages)::integer
  from pg_class
 where relkind = 'i'
   and oid in (select 'really'::regclass union select inhrelid from pg_inherits where inhparent = 'really'::regclass)
"""
