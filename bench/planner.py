"""Does the scratch planner's cost equal the source's, and an imagined index's the real one's? ``python -m bench.planner``.

The world is the tests' (tests/process/planner_world.py), on every PostgreSQL from 14 on that this machine has.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from offramp import postgres
from offramp.assess.database import facts, plans, search
from offramp.assess.database.scratch import binaries, outline
from offramp.assess.database.scratch.planner import Planner, planner
from offramp.assess.database.scratch.server import SUPERUSER
from offramp.kit.secret import Secret
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/process"))
import planner_world as world

RESULTS = Path(__file__).with_name("results-planner.md")
# What other kinds of index cost rests on pages that only a superuser may read: published, not promised.
OTHER_KINDS = """
create index customer_tags on customer using gin (tags);
create index customer_words on customer using gin (words);
create index customer_open on customer using gist (open);
create index event_2026_brin on event_2026 using brin (day);
create index customer_hash on customer using hash (email);
analyze customer;
analyze event;
"""
OTHER_STATEMENTS = {
    "GIN, array": "select id from customer where tags @> '{t3}'",
    "GIN, two elements": "select id from customer where tags @> '{t3,t5}'",
    "GIN, text search": "select id from customer where words @@ 'word7'::tsquery",
    "GiST, range": "select id from customer where open @> '2026-01-03 12:00'::timestamptz",
    "BRIN, range": "select * from event_2026 where day between '2026-05-01' and '2026-05-03'",
    "hash": "select id from customer where email = 'customer9@example.test'",
}


@dataclass
class Measured:
    """One version's figures: cost at the source and here, by name."""

    version: str
    rows: int
    equal: dict[str, tuple[float, float]] = field(default_factory=dict)
    imagined: dict[str, tuple[float, float, int, int]] = field(default_factory=dict)
    others: dict[str, tuple[float, float]] = field(default_factory=dict)
    outline_seconds: float = 0.0
    scratch_seconds: float = 0.0
    hypopg: dict[str, float] | None = None


def measure(major: int, scale: int) -> Measured:
    folder = Path(tempfile.mkdtemp(prefix="offramp-bench-"))
    folder.chmod(0o755)
    try:
        # Statistics must not be taken anew between the two questions.
        with Postgres(folder / "source", programs.postgres_of(major), settings={"autovacuum": "off"}) as server:
            with server.connect() as connection:
                connection.execute("create role app login password 'app'")
                connection.execute("create database app owner app")
            with psycopg.connect(server.url("app", "app", "app"), autocommit=True) as source:
                world.fill(source, scale)
                return _compare(server, source)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compare(server: Postgres, source: psycopg.Connection) -> Measured:
    row = source.execute("select current_setting('server_version'), (select count(*) from purchase)").fetchone()
    assert row is not None
    made = Measured(*row)
    for scratch in _scratches(server, made):
        made.equal = _costs(source, scratch, world.STATEMENTS)
        made.imagined = dict(_imagined(source, scratch))
        made.hypopg = _hypopg(server, scratch)
    source.execute(OTHER_KINDS)
    for scratch in _scratches(server, Measured("", 0)):
        made.others = _costs(source, scratch, OTHER_STATEMENTS)
    return made


def _scratches(server: Postgres, made: Measured) -> Iterator[Planner]:
    began = time.perf_counter()
    with postgres.connect(Secret(server.url("app", "app", "app")), application_name="offramp bench") as looking:
        found = outline.read(looking)
    made.outline_seconds = time.perf_counter() - began
    began = time.perf_counter()
    with planner(found, binaries.installed(os.environ["PATH"])) as scratch:
        made.scratch_seconds = time.perf_counter() - began
        yield scratch


def _costs(source: psycopg.Connection, scratch: Planner, some: dict[str, str]) -> dict[str, tuple[float, float]]:
    return {
        name: (plans.explain(source, text).total_cost, plans.explain(scratch.session, text).total_cost)
        for name, text in some.items()
    }


def _imagined(source: psycopg.Connection, scratch: Planner) -> Iterator[tuple[str, tuple[float, float, int, int]]]:
    with scratch.server.connect(SUPERUSER) as connection:
        known = facts.read(connection, scratch.outline.relations)
    for name, (candidate, text) in world.CANDIDATES.items():
        wanted = search.wanted(known, candidate)
        with scratch.imagining(wanted, "offramp_tried"):
            here = plans.explain(scratch.session, text).total_cost
        with source.transaction(force_rollback=True):
            source.execute(sql.SQL(wanted.ddl).format(name=sql.Identifier("really")))
            there = plans.explain(source, text).total_cost
            row = source.execute(world.PAGES).fetchone()
        assert row is not None
        yield name, (there, here, row[0], sum(size[1] for size in wanted.sizes))


def _hypopg(server: Postgres, scratch: Planner) -> dict[str, float] | None:
    """Return what hypopg says of the same indexes, None where the source has no hypopg."""
    with server.connect("app") as connection:
        if not connection.execute("select from pg_available_extensions where name = 'hypopg'").fetchall():
            return None
        connection.execute("create extension hypopg")
        with scratch.server.connect(SUPERUSER) as own:
            known = facts.read(own, scratch.outline.relations)
        found = {}
        for name, (candidate, text) in world.CANDIDATES.items():
            ddl = search.wanted(known, candidate).ddl.replace("{name} ", "")
            connection.execute("select hypopg_create_index(%s)", [ddl])
            found[name] = plans.explain(connection, text).total_cost
            connection.execute("select hypopg_reset()")
        return found


def deviation(there: float, here: float) -> float:
    return abs(here - there) / there if there else 0.0


def report(all_measured: Sequence[Measured], command: str) -> str:
    lines = ["# The scratch planner beside the source", ""]
    lines += ["Costs as EXPLAIN prints them, in the planner's units. No row is on the scratch server.", ""]
    for made in all_measured:
        worst = max(deviation(*pair) for pair in made.equal.values())
        lines += [f"## PostgreSQL {made.version}, {made.rows:,} purchases", ""]
        lines += [
            f"{len(made.equal)} statements, largest deviation **{worst:.4%}**. Outline read in {made.outline_seconds:.2f} s, scratch server ready "
            f"in {made.scratch_seconds:.1f} s.", "", "| statement | source | scratch | deviation |", "|---|---|---|---|",
        ]  # fmt: skip
        lines += [f"| {name} | {a:.2f} | {b:.2f} | {deviation(a, b):.4%} |" for name, (a, b) in made.equal.items()]
        off = [deviation(a, b) for a, b, _, _ in made.imagined.values()]
        lines += [
            "",
            f"Imagined indexes: deviation of the cost median {statistics.median(off):.2%}, largest {max(off):.2%}.",
            "",
        ]
        lines += [
            "| index | real cost | imagined | deviation | real pages | imagined | hypopg |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, (a, b, real, guessed) in made.imagined.items():
            other = f"{made.hypopg[name]:.2f}" if made.hypopg else "-"
            lines.append(f"| {name} | {a:.2f} | {b:.2f} | {deviation(a, b):.2%} | {real} | {guessed} | {other} |")
        if made.hypopg is None:
            lines += ["", "hypopg is not installed for this server, so there is no cross-check with it."]
        lines += ["", "Existing indexes of other kinds (a limit, not a promise):", ""]
        lines += ["| statement | source | scratch | deviation |", "|---|---|---|---|"]
        lines += [f"| {name} | {a:.2f} | {b:.2f} | {deviation(a, b):.2%} |" for name, (a, b) in made.others.items()]
        lines.append("")
    return "\n".join([*lines, f"Made by `{command}`.", ""])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.planner", description=__doc__)
    parser.add_argument("--scale", type=int, default=1, help="how many times the tests' rows")
    parser.add_argument("--majors", default="", help="such as 15,17; all that this machine has when left out")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    majors = [int(each) for each in options.majors.split(",") if each]
    majors = majors or sorted({17, 18, *(each for each in programs.machine_postgres() if each >= 14)})
    text = report(
        [measure(major, options.scale) for major in majors], f"python -m bench.planner --scale {options.scale}"
    )
    options.results.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
