"""Something dies or is cut off in the middle of a switch: which ends are there, and what may a client see? All of it, or a sample.

``python -m wreckage --seed 1`` goes through every move, harm and direction, in an order of its own; ``--sample 8`` through so many;
``--jobs 3`` on so many estates beside one another. After a cell that broke a rule it goes on with a new estate.
The rules: a switch ends fully done or fully undone; nobody writes on both sides; each acknowledged write is there once and each that
was not told of at most once; clients see no error but of a server, pooler or line that was itself taken away.
"""

from __future__ import annotations

import argparse
import itertools
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from nursery import Child
from switch_lab import NAMES, Direction, Lab
from tcp_shim import Shim
from visitors import GATEWAY, Front, Visitor

from offramp.cutover.moves import MOVES
from offramp.kit import processes
from offramp.rehearsal.servers import postgres, programs

LINES = tuple(f"{who}/{side}" for who in ("controller", "pooler", "link") for side in ("heroku", "aws"))
HARMS = ("controller", "link", "pooler", "gateway", "heroku", "aws", *LINES)
POINTS = tuple(f"cutover/main#{move.name}:{when}" for move in MOVES for when in ("before", "after"))
HARM_SECONDS = 1.0
SETTLE_SECONDS = 60.0
# What a server, pooler or line that was taken away makes its clients see.
TAKEN_AWAY = ("57P01", "57P02", "57P03", "08006", "08P01", "08003", "08001", "08000", "58000", "53300", "")


@dataclass(frozen=True)
class Strike:
    """One cell of the matrix; ``answer`` is what the operator says when the switch was undone: try again, or leave it."""

    point: str
    harm: str
    direction: Direction
    answer: str

    def __str__(self) -> str:
        return f"{self.harm} at {self.point}, {self.direction}, then {self.answer}"


DIRECTIONS: tuple[Direction, ...] = ("forward", "reverse")
ANSWERS = ("again", "leave")


def matrix() -> list[Strike]:
    return [Strike(*cell) for cell in itertools.product(POINTS, HARMS, DIRECTIONS, ANSWERS)]


def client_url(port: int, name: str) -> str:
    return f"postgres://{name}:client@127.0.0.1:{port}/{name}?connect_timeout=5"


class Clients(threading.Thread):
    """One application through the pooler: writes again and again, connects anew after an error, and remembers what it was told."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(name=f"client-{name}", daemon=True)
        self.port, self.database, self.prefix = port, name, name
        self.acknowledged: list[str] = []
        self.unknown: list[str] = []
        self.errors: list[tuple[float, str, str]] = []
        self.halt = threading.Event()
        self._number = 0

    def run(self) -> None:
        while not self.halt.is_set():
            with suppress(psycopg.Error):
                self._session()
            self.halt.wait(0.05)

    def _session(self) -> None:
        with psycopg.connect(client_url(self.port, self.database), autocommit=True, prepare_threshold=None) as conn:
            while not self.halt.is_set():
                self._number += 1
                token = f"{self.prefix}{self._number}"
                try:
                    with conn.transaction():
                        conn.execute(
                            "insert into entry (token, parent) values (%s, 1 + %s %% 50)", (token, self._number)
                        )
                        conn.execute(
                            "update entry set version = version + 1 where id = 1 + %s %% 1000", (self._number,)
                        )
                except psycopg.Error as error:
                    # A commit whose answer was lost may have happened.
                    self.unknown.append(token)
                    self.errors.append((time.monotonic(), error.sqlstate or "", str(error).strip()))
                    raise
                self.acknowledged.append(token)
                time.sleep(0.01)


@dataclass
class Ruins:
    """The lab with lines that can be cut, and clients that survive what is done to them."""

    lab: Lab
    shims: dict[str, Shim]
    door: Shim
    """Stands before the pooler, as discovery does: it lets nobody in until a pooler that comes back is well."""
    front: Front
    clients: list[Clients | Visitor] = field(default_factory=list)
    left: list[Strike] = field(default_factory=list)
    """Cells that were not begun."""
    at: Strike | None = None

    def run(self, strikes: Sequence[Strike], say: object = print) -> list[str]:
        """Strike after strike on one estate until one breaks a rule; returns what broke, nothing when all went well."""
        assert callable(say)
        self.left = list(strikes)
        self.lab.start_links("forward", 0)
        while self.left:
            began, seen = time.monotonic(), [len(client.errors) for client in self.clients]
            self.at = strike = self._next()
            broken = self.strike(strike, seen)
            place = len(strikes) - len(self.left)
            say(f"{place}/{len(strikes)} {strike}: {'; '.join(broken) or 'well'} ({time.monotonic() - began:.1f} s)")
            if broken:
                return [f"{strike}: {one}" for one in broken]
        return self.count()

    def _next(self) -> Strike:
        """The first that begins where the last one ended, so that few ways have to be gone undisturbed in between."""
        wanted = "forward" if self.lab.primary()[0] == "heroku" else "reverse"
        found = next((strike for strike in self.left if strike.direction == wanted), self.left[0])
        self.left.remove(found)
        return found

    def strike(self, strike: Strike, seen: Sequence[int]) -> list[str]:
        lab = self.lab
        side, epoch = lab.primary()
        wanted: Direction = "forward" if side == "heroku" else "reverse"
        if wanted != strike.direction:
            # The way there is the other cell's business; it goes undisturbed.
            self._switch(wanted, epoch)
            side, epoch = lab.primary()
        lab.wait_live(strike.direction, epoch, 60)
        controller = lab.begin("perform", strike.direction, epoch + 1, strike.point)
        try:
            processes.wait_until(
                lambda: lab.reached.exists() or controller.poll() is not None, seconds=60, what=strike.point
            )
            with self.harmed(strike.harm, controller):
                lab.go_on.touch()
                time.sleep(HARM_SECONDS)
            controller.wait(90)
            said = controller.said()
        except subprocess.TimeoutExpired:
            controller.kill()
            said = "the controller never ended"
        return self._after(strike, side, epoch, seen, said)

    def _after(self, strike: Strike, side: str, epoch: int, seen: Sequence[int], said: str) -> list[str]:
        lab, broken = self.lab, []
        self._settle(strike.direction, epoch + 1)
        after, settled = lab.primary()
        arrived = "aws" if strike.direction == "forward" else "heroku"
        if (after, settled) not in ((side, epoch), (arrived, epoch + 1)):
            broken.append(f"{after} is primary in epoch {settled}, before it was {side} in {epoch}")
        if lab.sides() != {after}:
            broken.append(f"the pooler points at {lab.sides()}, the record says {after}")
        broken += self._open_sides(after)
        broken += self._wrong_errors(strike, seen)
        if after == side and strike.answer == "again":
            lab.wait_live(strike.direction, epoch, 60)
            self._switch(strike.direction, epoch)
        else:
            self._turn_links(after, settled)
        return broken + self._alive(said)

    def _switch(self, direction: Direction, epoch: int) -> None:
        self.lab.wait_live(direction, epoch, 60)
        self.lab.controller("perform", direction, epoch + 1)
        self._turn_links("aws" if direction == "forward" else "heroku", epoch + 1)

    def _turn_links(self, primary: str, epoch: int) -> None:
        direction: Direction = "forward" if primary == "heroku" else "reverse"
        self.lab.start_links(direction, epoch)
        self.lab.wait_live(direction, epoch, 60)

    def _settle(self, direction: Direction, epoch: int) -> None:
        """As the engine does: again and again, until it ends well."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                self.lab.controller("settle", direction, epoch)
                return
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def _open_sides(self, primary: str) -> list[str]:
        """The primary takes writes, the other side none."""
        broken = []
        for side in ("heroku", "aws"):
            for name in NAMES:
                with psycopg.connect(self.lab.app_url(side, name).reveal(), autocommit=True) as conn:
                    try:
                        conn.execute("update entry set version = version where id = 1")
                        takes = True
                    except psycopg.errors.ReadOnlySqlTransaction:
                        takes = False
                # Before the first switch nobody has closed AWS; nobody knows its address but the link either.
                if takes != (side == primary) and (takes is False or self.lab.primary()[1] > 0):
                    broken.append(
                        f"{name} on {side} {'takes' if takes else 'refuses'} writes, and {primary} is primary"
                    )
        return broken

    def _wrong_errors(self, strike: Strike, seen: Sequence[int]) -> list[str]:
        broken = []
        for client, before in zip(self.clients, seen, strict=True):
            for _, state, text in client.errors[before:]:
                innocent = strike.harm in ("link", "controller") or strike.harm.startswith(("link/", "controller/"))
                expected = (GATEWAY,) if strike.harm == "gateway" else () if innocent else TAKEN_AWAY
                if state not in expected:
                    broken.append(f"a client of {client.database} saw {state or 'no state'}: {text}")
        return broken[:3]

    def _alive(self, said: str) -> list[str]:
        """Everybody writes again."""
        counts = [len(client.acknowledged) for client in self.clients]
        try:
            processes.wait_until(
                lambda: all(len(c.acknowledged) > n + 3 for c, n in zip(self.clients, counts, strict=True)),
                seconds=20,
                what="every client's next writes",
            )
        except TimeoutError as error:
            last = [client.errors[-1:] for client in self.clients]
            return [f"{error}; last errors {last}; the controller said: {said[-500:]}"]
        return []

    def count(self) -> list[str]:
        """Each acknowledged write is there once, each other at most once."""
        for client in self.clients:
            client.halt.set()
        for client in self.clients:
            client.join(30)
        side, _ = self.lab.primary()
        broken = []
        for client in self.clients:
            with psycopg.connect(self.lab.app_url(side, client.database).reveal(), autocommit=True) as conn:
                rows: dict[str, int] = dict(
                    conn.execute(
                        "select token, count(*) from entry where token ~ ('^' || %s || '[0-9]') group by token",
                        (client.prefix,),
                    ).fetchall()
                )
            lost = [token for token in client.acknowledged if rows.get(token, 0) == 0]
            doubled = [token for token, times in rows.items() if times > 1]
            told = {*client.acknowledged, *client.unknown}
            strange = [token for token in rows if token not in told]
            broken += [f"{client.prefix}: lost {lost[:5]}" for _ in lost[:1]]
            broken += [f"{client.prefix}: doubled {doubled[:5]}" for _ in doubled[:1]]
            broken += [f"{client.prefix}: from nowhere {strange[:5]}" for _ in strange[:1]]
        return broken

    @contextmanager
    def harmed(self, harm: str, controller: Child) -> Iterator[None]:
        lab = self.lab
        if harm == "controller":
            controller.kill()
            yield
            return
        if harm in self.shims:
            self.shims[harm].cut(refuse=True)
            try:
                yield
            finally:
                self.shims[harm].mend()
            return
        if harm == "link":
            for link in lab.links.values():
                link.send_signal(signal.SIGKILL)
            yield  # ``wait_live`` starts them again, as ECS does.
        elif harm == "pooler":
            assert lab.pooler is not None
            self.door.cut(refuse=True)
            lab.kill_pooler()
            yield
            lab.start_pooler()
            self.door.mend()
        elif harm == "gateway":
            self.front.kill()
            yield
            self.front.start()
        else:
            server = lab.heroku if harm == "heroku" else lab.rds
            server.stop(immediately=True)
            yield
            server.start()


@contextmanager
def ruins(folder: Path) -> Iterator[Ruins]:
    with ExitStack() as stack:
        heroku = stack.enter_context(postgres.Postgres(folder / "heroku", programs.source_postgres(), tls=True))
        rds = stack.enter_context(postgres.Postgres(folder / "rds", programs.target_postgres()))
        shims = {
            line: stack.enter_context(Shim(heroku.port if line.endswith("heroku") else rds.port)) for line in LINES
        }
        lab = Lab(folder, heroku, rds, lines={line: shim.port for line, shim in shims.items()})
        lab.make()
        lab.start_pooler()
        stack.callback(lab.close)
        door = stack.enter_context(Shim(lab.port))
        front = stack.enter_context(Front(folder / "gateway", client_url(door.port, NAMES[0])))
        clients: list[Clients | Visitor] = [Clients(door.port, name) for name in NAMES]
        clients.append(Visitor(front.port, NAMES[0]))
        for client in clients:
            client.start()
        try:
            yield Ruins(lab, shims, door, front, clients)
        finally:
            for client in clients:
                client.halt.set()
            for client in clients:
                client.join(30)


def go_through(cells: Sequence[Strike]) -> list[str]:
    """All the cells, on a new estate after each that broke a rule."""
    broken: list[str] = []
    left, writes = list(cells), 0
    while left:
        with tempfile.TemporaryDirectory(prefix="offramp-wreckage-") as name:
            with ruins(processes.own_directory(Path(name))) as made:
                try:
                    broken += made.run(left, lambda line: print(line, flush=True))
                except Exception as error:  # A cell that could not be ended is a broken one too.
                    if made.at is None:
                        raise
                    broken.append(f"{made.at}: {type(error).__name__}: {error}")
                writes += sum(len(client.acknowledged) for client in made.clients)
                left = made.left
    print(f"{len(cells)} cells, {len(broken)} rules broken, {writes:,} acknowledged writes counted", flush=True)
    return broken


def beside_one_another(arguments: Sequence[str], jobs: int) -> int:
    """The same command ``jobs`` times, each with its part of the cells."""
    started = [
        subprocess.Popen([sys.executable, "-m", "wreckage", *arguments, "--part", f"{part}/{jobs}"])
        for part in range(1, jobs + 1)
    ]
    try:
        return max([one.wait() for one in started])
    finally:
        for one in started:
            if one.poll() is None:
                one.send_signal(signal.SIGINT)
        for one in started:
            one.wait()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=0, help="so many cells; all of them without it")
    parser.add_argument("--only", default="", help="cells whose description has this text")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="every Nth cell, from the Kth on")
    parser.add_argument("--jobs", type=int, default=1, help="so many estates beside one another")
    options = parser.parse_args(arguments)
    if options.jobs > 1:
        chosen = ["--seed", str(options.seed), "--sample", str(options.sample), "--only", options.only]
        return beside_one_another(chosen, options.jobs)
    cells = [cell for cell in matrix() if options.only in str(cell)]
    random.Random(options.seed).shuffle(cells)
    first, parts = (int(number) for number in options.part.split("/"))
    broken = go_through(cells[: options.sample or None][first - 1 :: parts])
    for one in broken:
        sys.stderr.write(f"{one}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
