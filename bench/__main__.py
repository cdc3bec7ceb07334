"""``make bench``: the pump's initial copy beside the raw pipe, on the same two servers, interleaved.

The limit is ``psql COPY | psql COPY`` into a table without keys, then the primary key and ANALYZE: what any copy must at least do.
Prints a table and writes it to ``bench/RESULTS.md`` with the command that made it. Figures are ratios, since machines are noisy.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from offramp import postgres as pg
from offramp import pump
from offramp.kit import processes
from offramp.kit.secret import Secret
from offramp.pump import Link
from offramp.rehearsal.servers import postgres, programs

LINK = Link("bench", "forward", 0)
RESULTS = Path(__file__).parent / "RESULTS.md"
TABLE = "create table account (aid int, bid int, abalance int, filler char(84))"
KEY = "alter table account add primary key (aid)"
TUNED = {"shared_buffers": "256MB", "max_wal_size": "4GB", "maintenance_work_mem": "256MB"}


def prepare(source: postgres.Postgres, target: postgres.Postgres, rows: int) -> None:
    """Fill the source as pgbench does its accounts, and make the roles that a move has."""
    with source.connect() as admin:
        admin.execute("create role owner login password 'owner'")
        admin.execute("create database bench owner owner")
    with target.connect() as admin:
        admin.execute("create role master login password 'master' createdb createrole")
        admin.execute("create role app login password 'app'")
        admin.execute("grant app to master")
        admin.execute("grant set on parameter session_replication_role to master")
    with psycopg.connect(source.url("bench", "owner", "owner"), autocommit=True) as owner:
        owner.execute(TABLE)
        owner.execute("insert into account select i, 1 + i / 100000, 0, '' from generate_series(1, %s) i", (rows,))
        owner.execute(KEY)
        owner.execute("vacuum analyze account")


def fresh(target: postgres.Postgres) -> None:
    with target.connect() as admin:
        admin.execute("drop database if exists bench with (force)")
        admin.execute("create database bench owner master")
        admin.execute("checkpoint")


def psql(server: postgres.Postgres, user: str, command: str, **pipes: Any) -> subprocess.Popen[bytes]:
    """Start psql; the password, equal to the role's name here, goes through the environment and not the process list."""
    env = {
        **os.environ,
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": user,
        "PGPASSWORD": user,
        "PGDATABASE": "bench",
    }
    # The target's own psql has no TLS; the source's has, and speaks to both.
    return subprocess.Popen([programs.source_postgres() / "psql", "-XqAt", "-c", command], env=env, **pipes)


def raw(source: postgres.Postgres, target: postgres.Postgres) -> float:
    """Seconds of the raw pipe, key and statistics included."""
    fresh(target)
    began = time.monotonic()
    with psycopg.connect(target.url("bench", "master", "master"), autocommit=True) as master:
        master.execute(TABLE)
        with psql(source, "owner", "copy account to stdout", stdout=subprocess.PIPE) as reading:
            with psql(target, "master", "copy account from stdin", stdin=reading.stdout) as writing:
                if writing.wait():
                    raise SystemExit("the raw pipe failed")
        master.execute(KEY)
        master.execute("analyze account")
    return time.monotonic() - began


def pumped(source: postgres.Postgres, target: postgres.Postgres, folder: Path) -> float:
    """Seconds from the start of the link's process until it is live: schema, copy, keys, statistics, capture included."""
    fresh(target)
    env = {
        **os.environ,
        "SOURCE_URL": source.url("bench", "owner", "owner"),
        "TARGET_URL": target.url("bench", "master", "master"),
        "TARGET_OWNER": "app",
        "OFFRAMP_PG_BIN": str(programs.dump_tools(source.major)),
    }
    command = [
        sys.executable,
        "-m",
        "offramp.pump",
        "link",
        "--name",
        "bench",
        "--direction",
        "forward",
        "--epoch",
        "0",
    ]
    began = time.monotonic()
    link = processes.spawn(command, env=env, log=folder / "link.log")
    try:
        with pg.connect(Secret(env["TARGET_URL"]), application_name="bench") as receiver:

            def live() -> bool:
                status = pump.status(receiver, LINK)
                return status is not None and status.phase == "live"

            processes.wait_until(live, seconds=600, what="the live phase", every=0.05)
        spent = time.monotonic() - began
    finally:
        processes.stop(link)
    with pg.connect(Secret(env["SOURCE_URL"]), application_name="bench") as origin:
        pump.remove(origin)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="offramp-bench-"))
    folder.chmod(0o755)
    limits, ours = [], []
    try:
        with (
            postgres.Postgres(folder / "source", programs.source_postgres(), tls=True, settings=TUNED) as source,
            postgres.Postgres(folder / "target", programs.target_postgres(), settings=TUNED) as target,
        ):
            prepare(source, target, options.rows)
            for repeat in range(options.repeats):
                limits.append(raw(source, target))
                ours.append(pumped(source, target, folder))
                print(
                    f"repeat {repeat + 1}: raw {limits[-1]:.2f} s, pump {ours[-1]:.2f} s, ratio {ours[-1] / limits[-1]:.2f}"
                )
            versions = f"PostgreSQL {source.major} with TLS to {target.major}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratios = sorted(mine / limit for mine, limit in zip(ours, limits, strict=True))
    RESULTS.write_text(
        "# Results\n\n"
        "Ratios to the physical limit of the same run, median [lowest - highest]; machines are noisy, so absolute times are for orientation.\n\n"
        f"| what | pump | raw pipe | ratio | conditions |\n|---|---|---|---|---|\n"
        f"| initial copy of {options.rows:,} rows (pgbench accounts), key, statistics and capture included "
        f"| {statistics.median(ours):.2f} s | {statistics.median(limits):.2f} s "
        f"| {statistics.median(ratios):.2f} [{ratios[0]:.2f} - {ratios[-1]:.2f}] "
        f"| {options.repeats} interleaved repeats, {versions}, {os.cpu_count()} cores, {platform.machine()}, {datetime.now(UTC):%Y-%m-%d} |\n\n"
        f'Made by `make bench ARGS="--rows {options.rows} --repeats {options.repeats}"`.\n'
    )
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
