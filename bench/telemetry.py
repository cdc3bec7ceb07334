"""How fast are logs taken in, how small are they kept, how quickly is a request found, and is anything lost?

    python -m bench.telemetry [--lines 10000000] [--lookup-lines 5000000] [--kills 20] [--folder FOLDER] [--results bench/results-telemetry.md]

Rates are lines per second of CPU time of one core, which other work on the machine disturbs least; wall time is told beside it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np

from offramp.assess.gather.latencies import task_sizes
from offramp.assess.latency import assess
from offramp.assess.latency.facts import Facts
from offramp.assess.prices import book
from offramp.telemetry import importing, pieces
from offramp.telemetry.store import Store

from . import kills, week
from .report import Section, conditions

OBJECTIVE_MS = 1000.0
RESULTS = Path(__file__).parent / "results-telemetry.md"


@dataclass(frozen=True)
class Measured:
    """One figure beside what it should be."""

    what: str
    figure: str
    aim: str = ""


def one_core(path: Path, folder: Path) -> list[Measured]:
    """From a drain's bodies to a Parquet file on disk in this process, one piece at a time; the median piece counts."""
    rates, bytes_per_line = [], []
    saved = pieces.look(path, None)
    for number, (found, _, _) in enumerate(pieces.read(saved, 0)):
        if number == 5:
            break
        begun = time.process_time()
        sealed = importing.seal_pieces(found, folder / f"one-{number}", 1, True)
        rates.append(sum(file.rows for file in sealed) / (time.process_time() - begun))
        bytes_per_line += [file.bytes / file.rows for file in sealed]
    return [
        Measured(
            "wire to Parquet, lines/s of one core",
            f"{statistics.median(rates):,.0f} [{min(rates):,.0f} - {max(rates):,.0f}]",
            "100,000",
        ),
        Measured("kept, bytes a router line", f"{statistics.median(bytes_per_line):.1f}", "<= 80"),
    ]


def duckdb_alone(path: Path) -> list[Measured]:
    """The other design: messages cut in Python, everything else by DuckDB's regular expressions."""
    (found, _, _) = next(pieces.read(pieces.look(path, None), 0))
    begun = time.process_time()
    from offramp.telemetry import framing

    messages = np.array([message.decode() for message in framing.split(found[0].content).messages], dtype=object)
    with duckdb.connect() as db, tempfile.TemporaryDirectory() as folder:
        db.execute("set threads = 1")
        db.register("raw", {"line": messages})
        db.execute(DUCKDB_SEAL.replace("$path", f"{folder}/x.parquet"))
    rate = len(messages) / (time.process_time() - begun)
    return [Measured("the same with DuckDB's regular expressions instead of Python's", f"{rate:,.0f}")]


DUCKDB_SEAL = r"""
copy (
  with read as (
    select regexp_extract(line, '^<\d+>1 (\S+) host heroku router - (at=\w+(?: code=\w+ desc="[^"]*")?) method=(\S*) path="([^"]*)"'
             || ' host=(\S*) request_id=(\S*) fwd="([^"]*)" dyno=(\S*) connect=(\d*)(?:ms)? service=(\d*)(?:ms)? status=(\d*)'
             || ' bytes=(\d*)(.*)$',
           ['at', 'head', 'method', 'path', 'host', 'request_id', 'fwd', 'dyno', 'connect', 'service', 'status', 'bytes', 'tail']) as f
      from raw
  )
  select epoch_us(try_cast(left(f.at, 26) as timestamp)) as time_us, f.head, f.method, f.path, f.host, f.request_id,
         regexp_replace(f.fwd, '\.\d+(,|$)', '.0\1', 'g') as fwd, f.dyno, try_cast(f.connect as integer) as connect,
         try_cast(f.service as integer) as service, try_cast(f.status as smallint) as status, try_cast(f.bytes as bigint) as bytes, f.tail,
         regexp_replace(split_part(f.path, '?', 1), '/[^/]*\d[^/]*', '/{id}', 'g') as route
    from read
   order by time_us
) to '$path' (format parquet, compression zstd, compression_level 1, row_group_size 65536, dictionary_size_limit 200000)
"""


def whole_week(files: Sequence[Path], folder: Path) -> list[Measured]:
    """Import every file with a process per core, then diagnose every app from its router lines, sizes included."""
    with Peak() as peak, Store(folder) as store:
        begun, lines = time.monotonic(), 0
        done = store.take(files, now=time.time(), workers=os.cpu_count() or 1)
        taken = time.monotonic() - begun
        lines = sum(each.lines for each in done)
        read, reading, begun = 0, 0.0, time.monotonic()
        sizes = task_sizes(book.load("us-east-1", folder))
        for app in store.apps():
            before = time.monotonic()
            router = store.router(app)
            reading += time.monotonic() - before
            read += len(router)
            assess(router, Facts(), OBJECTIVE_MS, sizes)
        assessed = time.monotonic() - begun
        kept = store.coverage()
    assert lines == read, f"{lines} lines went in and {read} came out"
    return [
        Measured(
            f"import of {lines:,} lines of {len(files)} apps",
            f"{taken:.0f} s, {lines / taken:,.0f} lines/s",
        ),
        Measured("diagnosis of all these apps, sizes included", f"{assessed:.0f} s"),
        Measured("import and diagnosis together", f"{taken + assessed:.0f} s", "< 180 s"),
        Measured("of it, all router lines as arrays", f"{reading:.1f} s"),
        Measured(
            "memory of all processes at the most, shared pages once each", f"{peak.bytes / 2**20:,.0f} MB", "< 1 GB"
        ),
        Measured("kept, bytes a line, whole store", f"{kept.stored_bytes / kept.lines:.1f}", "<= 80"),
    ]


def lookup(files: Sequence[Path], folder: Path, tries: int = 30) -> list[Measured]:
    """Find request ids spread over everything that is kept."""
    with Store(folder) as store:
        total = store.coverage().lines
        ids = [_id_of(path, share) for path in files for share in (0.1, 0.5, 0.9)]
        store.request(ids[0])
        spent = []
        for request_id in (ids * tries)[:tries]:
            begun = time.monotonic()
            found = store.request(request_id)
            spent.append((time.monotonic() - begun) * 1000)
            assert [request_id] == [line.request_id for line in found]
    ordered = sorted(spent)
    return [
        Measured(
            f"a request found among {total:,} lines",
            f"p50 {statistics.median(ordered):.0f} ms, slowest of {tries} {ordered[-1]:.0f} ms",
            "<= 50 ms",
        )
    ]


def _id_of(path: Path, share: float) -> str:
    with path.open("rb") as file:
        file.seek(int(path.stat().st_size * share))
        return file.read(2000).split(b" request_id=")[1][:36].decode()


class Peak:
    """The most memory that this process and its children had together, by their proportional set size, looked at twice a second."""

    def __init__(self) -> None:
        self.bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            self.bytes = max(self.bytes, sum(_memory(pid) for pid in (os.getpid(), *_children(os.getpid()))))


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return [each for child in found for each in (child, *_children(child))] if found else []


def _memory(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--lookup-lines", type=int, default=5_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--week", type=Path, help="a folder that bench.week wrote, to spare writing it again")
    parser.add_argument("--folder", type=Path, help="where the stores are made; about 4 GB for the ordinary sizes")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    command = " ".join(
        [
            "python -m bench.telemetry",
            f"--lines {options.lines}",
            f"--lookup-lines {options.lookup_lines}",
            f"--kills {options.kills}",
        ]
    )
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="offramp-bench-") as made:
        rows = measure(options, Path(made))
    section = Section(
        "telemetry",
        "Logs: taken in, kept, asked",
        ("what", "measured", "aim"),
        [(row.what, row.figure, row.aim) for row in rows],
    )
    versions = f"Python {sys.version.split()[0]}, DuckDB {duckdb.__version__}, NumPy {np.__version__}"
    print(section.plain())
    options.results.write_text(f"{section.markdown()}\n\n{conditions(command, versions, datetime.now(UTC), load)}\n")
    return 0


def measure(options: argparse.Namespace, folder: Path) -> list[Measured]:
    files = sorted((options.week or folder / "week").glob("*.log")) if options.week else [
        written.path for written in week.write(folder / "week", options.lines)
    ]  # fmt: skip
    busiest = max(files, key=lambda path: path.stat().st_size)
    rows = one_core(busiest, folder) + duckdb_alone(busiest)
    rows += whole_week(files, folder / "week-store")
    if options.lookup_lines == options.lines:
        rows += lookup(files, folder / "week-store")
    else:
        shutil.rmtree(folder / "week-store")
        half = [written.path for written in week.write(folder / "half", options.lookup_lines)]
        with Store(folder / "half-store") as store:
            store.take(half, now=time.time(), workers=os.cpu_count() or 1)
        rows += lookup(half, folder / "half-store")
    done = kills.run(folder / "kills", options.kills)
    rows.append(
        Measured(f"acknowledged lines lost over {done.kills} kill -9", f"{done.lost} of {done.acknowledged:,}", "0")
    )
    rows.append(Measured("lines kept twice over the same kills, their requests repeated", str(done.doubled), "0"))
    rows.append(
        Measured(
            "answer to a request of 100 lines, flushed to disk, 16 senders",
            f"p50 {done.p50_ms:.1f} ms, p99 {done.p99_ms:.1f} ms",
            "milliseconds",
        )
    )
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
