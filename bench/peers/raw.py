"""The physical limit: ``psql COPY | psql COPY`` into bare tables, then the keys. What any copy must at least do."""

from __future__ import annotations

from collections.abc import Callable

from ..clusters import Side
from ..stage import Pipe, Stage

BIG = "pgbench_accounts"
DEFINITIONS = {
    BIG: "(aid int not null, bid int, abalance int, filler char(84)) with (fillfactor = 100)",
    "pgbench_branches": "(bid int not null, bbalance int, filler char(88)) with (fillfactor = 100)",
    "pgbench_tellers": "(tid int not null, bid int, tbalance int, filler char(84)) with (fillfactor = 100)",
    "pgbench_history": "(tid int, bid int, aid int, delta int, mtime timestamp, filler char(22), hid bigserial)",
    "heartbeat": "(id int, ts timestamptz not null)",
    "bulk": "(id bigint, n int, v text)",
}
KEYS = {
    BIG: "aid", "pgbench_branches": "bid", "pgbench_tellers": "tid", "pgbench_history": "hid", "heartbeat": "id", "bulk": "id",
}  # fmt: skip


def one_stream(stage: Stage, source: Side, target: Side) -> None:
    """Every table in one binary stream of its own, one after the other."""
    _small(source, target)
    target.run(f"create table {BIG} {DEFINITIONS[BIG]}")
    _pipe(source, target, f"copy {BIG} to stdout (format binary)", f"copy {BIG} from stdin (format binary)").wait()
    _keys(target)


def two_streams(stage: Stage, source: Side, target: Side) -> None:
    """The big table in two streams, each half of its pages."""
    _small(source, target)
    target.run(f"create table {BIG} {DEFINITIONS[BIG]}")
    pages = source.value(f"select pg_relation_size('{BIG}') / 8192")
    assert isinstance(pages, int)
    halves = [f"ctid < '({pages // 2},0)'", f"ctid >= '({pages // 2},0)'"]
    pipes = [
        _pipe(
            source, target,
            f"copy (select * from {BIG} where {half}) to stdout (format binary)", f"copy {BIG} from stdin (format binary)",
        )
        for half in halves
    ]  # fmt: skip
    for pipe in pipes:
        pipe.wait()
    _keys(target)


def frozen(stage: Stage, source: Side, target: Side) -> None:
    """One stream with FREEZE into a table of the same transaction: the cheapest way to write, which cannot be split."""
    _small(source, target)
    create = f"create table {BIG} {DEFINITIONS[BIG]}"
    into = ["-c", "begin", "-c", create, "-c", f"copy {BIG} from stdin (format binary, freeze)", "-c", "commit"]
    Pipe(_psql("-c", f"copy {BIG} to stdout (format binary)"), source.env(), _psql(*into), target.env()).wait()
    _keys(target)


WAYS: dict[str, Callable[[Stage, Side, Side], None]] = {
    "1 stream": one_stream,
    "2 streams": two_streams,
    "1 stream, FREEZE": frozen,
}


def _small(source: Side, target: Side) -> None:
    for table in (name for name in DEFINITIONS if name != BIG):
        target.run(f"create table {table} {DEFINITIONS[table]}")
        _pipe(
            source, target, f"copy {table} to stdout (format binary)", f"copy {table} from stdin (format binary)"
        ).wait()


def _keys(target: Side) -> None:
    target.run(*(f"alter table {table} add primary key ({key})" for table, key in KEYS.items()))


def _psql(*words: str) -> list[str]:
    return ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", *words]


def _pipe(source: Side, target: Side, out: str, into: str) -> Pipe:
    return Pipe(_psql("-c", out), source.env(), _psql("-c", into), target.env())
