"""Fifty switches and twenty rollbacks under writes: how long were writers held, and was every write there once, with no error?

``python -m many_switches --switches 50 --rollbacks 20 --tables 40``. A rollback is a switch back to Heroku; every switch has an epoch
of its own. Two databases switch together; what a hold costs grows with their tables, so there are more than the three written to.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from switch_lab import NAMES, Direction, Lab, Writers, lost, switching

from offramp import postgres as pg
from offramp import pump
from offramp.cutover import settle
from offramp.design.model import CutoverPlan
from offramp.errors import OfframpError
from offramp.kit import processes
from offramp.rehearsal.servers import postgres, programs

# Four clients, each in turn on both databases.
WRITERS, PAUSE_SECONDS = 4, 0.015
PLAN = CutoverPlan(deadline_seconds=10, max_lag_seconds=2)


@dataclass
class Held:
    """Milliseconds per switch, by direction, and of each move."""

    by_direction: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    by_move: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    writes: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def table(self) -> str:
        lines = [f"{'':12} {'p50':>8} {'p99':>8} {'most':>8}   milliseconds"]
        held = {"all": [one for ones in self.by_direction.values() for one in ones], **self.by_direction}
        for name, found in held.items():
            lines.append(f"held, {name:7} {_line(found)}   {len(found)} switches")
        lines += [f"  {name:11} {_line(found)}" for name, found in self.by_move.items()]
        rate = self.writes / self.seconds if self.seconds else 0.0
        lines.append(
            f"{self.writes:,} acknowledged writes, {rate:.0f} a second: {len(self.lost)} lost or doubled, {len(self.errors)} failed"
        )
        return "\n".join(lines)


def _line(found: Sequence[float]) -> str:
    ordered = sorted(found)
    p99 = ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)]
    return f"{statistics.median(ordered):8.1f} {p99:8.1f} {ordered[-1]:8.1f}"


def run(folder: Path, switches: int, rollbacks: int, tables: int) -> Held:
    """Switch there and back so often: as many rollbacks as asked for, each followed by a switch; the rest is gone back quietly too.

    Each database has so many ``tables`` besides those that are written to, with a key, a sequence and a foreign key.
    """
    found = Held()
    with ExitStack() as stack:
        heroku = stack.enter_context(postgres.Postgres(folder / "heroku", programs.source_postgres(), tls=True))
        rds = stack.enter_context(postgres.Postgres(folder / "rds", programs.target_postgres()))
        lab = Lab(folder, heroku, rds)
        lab.make()
        for name in NAMES:
            with psycopg.connect(lab.url("heroku", name).reveal(), autocommit=True) as conn:
                for number in range(tables):
                    conn.execute(
                        f"create table more_{number} (id bigserial primary key, parent bigint references parent)"
                    )
        lab.start_pooler()
        stack.callback(lab.close)
        writers = [Writers(lab.port, pause_seconds=PAUSE_SECONDS) for _ in range(WRITERS)]
        began = time.monotonic()
        for one in writers:
            one.start()
        try:
            lab.start_links("forward", 0)
            for _ in range(switches + rollbacks):
                _once(lab, found)
                if any(one.errors for one in writers):
                    break
        finally:
            for one in writers:
                one.halt.set()
            for one in writers:
                one.join(30)
        found.seconds = time.monotonic() - began
        for one in writers:
            # Each transaction inserts two rows and updates one.
            found.writes += 3 * sum(len(tokens) for tokens in one.acknowledged.values())
            found.errors += one.errors
            found.lost += lost(lab, one, lab.primary()[0])
    return found


def _once(lab: Lab, found: Held) -> None:
    side, epoch = lab.primary()
    direction: Direction = "forward" if side == "heroku" else "reverse"
    lab.wait_live(direction, epoch)
    with switching(lab.folder, direction, epoch + 1, PLAN) as switch:
        try:
            settle.perform(switch, lambda point: None)
        except OfframpError as error:
            raise AssertionError(f"{error.message}; the links say: {lab.link_logs()}") from error
    with pg.connect(lab.url("aws", NAMES[0]), application_name="offramp lab") as conn:
        record = pump.read_switch(conn)
    assert record is not None
    assert record.held_ms is not None
    found.by_direction["there" if direction == "forward" else "back"].append(record.held_ms)
    for name, spent in record.moves.items():
        found.by_move[name].append(spent)
    lab.start_links("reverse" if direction == "forward" else "forward", epoch + 1)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--switches", type=int, default=50)
    parser.add_argument("--rollbacks", type=int, default=20)
    parser.add_argument("--tables", type=int, default=40, help="in each of the two databases, besides those written to")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="offramp-switches-") as name:
        found = run(processes.own_directory(Path(name)), options.switches, options.rollbacks, options.tables)
    print(found.table())
    for one in [*found.errors, *found.lost[:10]]:
        sys.stderr.write(f"{one}\n")
    return 1 if found.errors or found.lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
