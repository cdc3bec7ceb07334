"""How is one live database moved alone, with no estate around it?

Everything that ``offramp pump`` says and does, as functions over a ``Pair``. No state is kept beside the two databases: the target
tells who is primary, the receiving side how its link does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from .. import postgres
from ..errors import OutsideError, RefusedError, UsageError, WaitingError
from ..kit import sqlbook
from ..kit.secret import without_password
from ..postgres import Connection, translated
from . import link as links
from . import reviving, turning
from .checking import check
from .fencing import fence, fenced, unfence
from .model import Concern, Event, FenceMark, LinkStatus
from .moves import DRAIN_POLL_SECONDS, Interrupt, Report, Sides, runner
from .observing import AFTER_TROUBLE_SECONDS, Observer
from .places import Place
from .proving import Proof, prove
from .removal import leftovers, remove
from .session import Means, rest
from .standing import Primary, Standing, standing
from .status import drained, resume, status
from .turning import SILENCE_SECONDS, Turned

_BOOK = sqlbook.load("offramp.pump", "sql/alone.sql")
APPLICATION = "offramp-pump"
# Compiling one query of the catalogue took 0.8 s of a switch that takes 0.2 s without.
PINS = {"jit": "off"}
DRAIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two databases and the name of what moves between them."""

    name: str
    source: Place
    target: Place
    means: Means = field(default_factory=Means)


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """One side as it stands. ``kept_bytes`` is what schema ``offramp`` takes there; ``fenced_at`` is when writers were shut out."""

    url: str
    version: str
    database: str
    role: str
    bytes: int
    kept_bytes: int
    fenced_at: datetime | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a move would meet. ``begun`` is true when the link exists already."""

    source: ServerSeen
    target: ServerSeen
    tables: int
    rows: int
    concerns: tuple[Concern, ...]
    begun: bool

    @property
    def blocking(self) -> tuple[Concern, ...]:
        return tuple(concern for concern in self.concerns if concern.blocking)


@dataclass(frozen=True, slots=True)
class Overview:
    """How a pair does: who is primary, whether a pump runs, and its link's status (None before it has begun)."""

    name: str
    primary: Primary
    epoch: int
    switch_opened_at: datetime | None
    running: bool
    source: ServerSeen
    target: ServerSeen
    link: LinkStatus | None

    @property
    def primary_fenced(self) -> bool:
        side = self.source if self.primary == "source" else self.target
        return side.fenced_at is not None


@dataclass(frozen=True, slots=True)
class Fenced:
    """A primary closed to writers; ``drained`` when the standby has every write there will be."""

    primary: Primary
    mark: FenceMark
    drained: bool


@dataclass(frozen=True, slots=True)
class Unfenced:
    """``switch_taken_back`` is true when a switch had begun and was undone."""

    primary: Primary
    switch_taken_back: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken away, by name, and what is left (nothing, unless somebody is in the way)."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resynced:
    table: str


@dataclass(frozen=True, slots=True)
class Revived:
    tables: int


@contextmanager
def opened(pair: Pair) -> Iterator[Sides]:
    """Open both sides. Raises UnreachableError or CredentialsRejectedError."""
    with (
        postgres.connect(pair.source.ask(), application_name=APPLICATION, pins=PINS) as source,
        postgres.connect(pair.target.ask(), application_name=APPLICATION, pins=PINS) as target,
    ):
        yield Sides(source, target)


def look(pair: Pair) -> Overview:
    """Return how the pair does. Raises UsageError when the target is fed under another name."""
    with opened(pair) as sides:
        now = standing(sides.target, pair.name)
        seen = status(sides.receiver(now), now.feeding)
        if seen is None:
            _demand_name(sides.receiver(now), pair.name)
        source, target = _server(sides.source, pair.source), _server(sides.target, pair.target)
        if seen is not None and not seen.log_bytes:
            origin = source if now.primary == "source" else target
            seen = replace(seen, log_bytes=origin.kept_bytes)
        return Overview(
            pair.name, now.primary, now.epoch, now.opened_at, _runs(sides.receiver(now), now), source, target, seen
        )


def preflight(pair: Pair) -> Checked:
    """Return everything that will not carry by itself, with the fix; changes nothing."""
    with opened(pair) as sides:
        now = standing(sides.target, pair.name)
        begun = status(sides.receiver(now), now.feeding) is not None
        if not begun:
            _demand_name(sides.target, pair.name)
        tables = postgres.tables(sides.source)
        return Checked(
            source=_server(sides.source, pair.source),
            target=_server(sides.target, pair.target),
            tables=len(tables),
            rows=sum(table.rows for table in tables),
            concerns=check(sides.source, sides.target),
            begun=begun,
        )


def follow(pair: Pair, observer: Observer, *, stop: Callable[[], bool], report: Report) -> None:
    """Keep the standby equal to the primary until ``stop()``, and turn round when a switch makes the standby the primary.

    Trouble with either server is waited out. Raises RefusedError when the move must not begin or cannot go on.
    """
    with observer.looking():
        while not stop():
            if (now := _standing(pair, report)) is None:
                rest(pair.means.clock, AFTER_TROUBLE_SECONDS, stop)
                continue
            forward = now.direction == "forward"
            report_running(now, report)
            try:
                links.run(
                    now.feeding,
                    (pair.source if forward else pair.target).ask,
                    (pair.target if forward else pair.source).ask,
                    stop=_either(stop, observer, now),
                    report=report,
                    means=pair.means if forward else replace(pair.means, owner=None),
                )
            except RefusedError as error:
                raise _with_our_words(error, observer) from error


def _with_our_words(error: RefusedError, observer: Observer) -> RefusedError:
    """A dead link is begun again by another command here than where links are services."""
    seen = observer.seen
    if seen is None or seen.link is None or seen.link.phase != "dead":
        return error
    return RefusedError(
        error.message, hint="`offramp pump revive` installs capture again and has every table read anew."
    )


def _either(stop: Callable[[], bool], observer: Observer, now: Standing) -> Callable[[], bool]:
    return lambda: stop() or observer.turned(now)


def report_running(now: Standing, report: Report) -> None:
    report(Event("link runs", {"direction": now.direction, "epoch": now.epoch, "primary": now.primary}))


def _standing(pair: Pair, report: Report) -> Standing | None:
    try:
        with postgres.connect(pair.target.ask(), application_name=APPLICATION) as target:
            return standing(target, pair.name)
    except OutsideError as error:
        report(Event("link interrupted", {"because": error.message}))
        return None


def shut(pair: Pair, *, seconds: float) -> Fenced:
    """Close the primary to writers and see whether the standby gets everything, within ``seconds`` for each.

    Raises WaitingError when writers in flight do not end in time, RefusedError before the link has begun.
    """
    clock = pair.means.clock
    with _switching(pair) as (sides, now):
        _demand_begun(sides, now)
        origin, receiver = sides.origin(now), sides.receiver(now)
        mark = fence(origin, link_name=pair.name, epoch=now.epoch + 1, deadline_seconds=seconds, clock=clock)
        until = clock.monotonic() + (DRAIN_SECONDS if _runs(receiver, now) else 0.0)
        while not (done := drained(receiver, now.feeding, mark)) and clock.monotonic() < until:
            clock.sleep(DRAIN_POLL_SECONDS)
        return Fenced(now.primary, mark, done)


def let_in(pair: Pair, *, seconds: float) -> Unfenced:
    """Let writers into the primary again; a switch that was not committed is taken back."""
    with _switching(pair) as (sides, now):
        if now.opened_at is not None:
            turning.take_back(sides, now, lambda _: None)
            return Unfenced(now.primary, True)
        if now.epoch and not turning.complete(sides, now):
            # The switch was committed: its last moves let writers in, and nobody else may.
            turning.settle(sides, now, clock=pair.means.clock, report=lambda _: None)
            return Unfenced(now.primary, False)
        unfence(sides.origin(now), deadline_seconds=seconds, clock=pair.means.clock)
        return Unfenced(now.primary, False)


def finish(pair: Pair, *, seconds: float, report: Report, interrupt: Interrupt = lambda _: None) -> Turned:
    """Make the target the primary, with the way back armed before its first write."""
    return _turn(pair, "target", seconds, report, interrupt)


def back(pair: Pair, *, seconds: float, report: Report, interrupt: Interrupt = lambda _: None) -> Turned:
    """Make the source the primary again, with every write that the target took."""
    return _turn(pair, "source", seconds, report, interrupt)


def _turn(pair: Pair, to: Primary, seconds: float, report: Report, interrupt: Interrupt) -> Turned:
    clock = pair.means.clock
    with _switching(pair) as (sides, now):
        if now.primary == to:
            if now.opened_at is not None:
                # Somebody began the opposite switch; that one has to be settled, not this one made.
                turning.take_back(sides, now, report)
            elif now.epoch:
                turning.settle(sides, now, clock=clock, report=report)
            elif to == "source":
                raise RefusedError("The source is the primary already: nothing was finished yet.")
            return Turned(pair.name, to, now.epoch, None, {}, already=True)
        return turning.turn(sides, now, seconds=seconds, clock=clock, report=report, interrupt=interrupt)


def verify(pair: Pair, *, wait: bool, seconds: float, progress: Callable[[Proof], None]) -> Proof:
    """Return what was verified; with ``wait``, once everything was since this call. Errors are those of ``prove``."""
    with opened(pair) as sides:
        now = standing(sides.target, pair.name)
        _demand_begun(sides, now)
        return prove(sides, now, wait=wait, seconds=seconds, clock=pair.means.clock, progress=progress)


def resync(pair: Pair, table: str) -> Resynced:
    """Let the running link read a table again as a whole. Raises UsageError when it has no such table."""
    with opened(pair) as sides:
        now = standing(sides.target, pair.name)
        _demand_begun(sides, now)
        receiver = sides.receiver(now)
        seen = status(receiver, now.feeding)
        names = [known.name for known in seen.tables] if seen else []
        wanted = table if "." in table else f"public.{table}"
        if not resume(receiver, now.feeding, wanted):
            raise UsageError(
                f"The link has no table {wanted}.",
                hint=f"It has {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}.",
            )
        return Resynced(wanted)


def revive(pair: Pair) -> Revived:
    """Let a link begin again whose capture gave up. Raises RefusedError when it did not, WaitingError when a table cannot be locked."""
    with opened(pair) as sides:
        now = standing(sides.target, pair.name)
        _demand_begun(sides, now)
        return Revived(reviving.revive(sides.origin(now), sides.receiver(now), now.feeding))


def clear(pair: Pair) -> Removed:
    """Take everything of ours off both sides. Raises WaitingError while a pump runs or a switch is on its way."""
    with _switching(pair) as (sides, now):
        for link, receiver in ((now.feeding, sides.receiver(now)), (now.returning, sides.origin(now))):
            if where := runner(receiver, link):
                raise WaitingError(f"A pump still runs here ({where}).", hint="Stop it first, with Ctrl-C or SIGTERM.")
        there = leftovers(sides.source), leftovers(sides.target)
        for connection in (sides.source, sides.target):
            remove(connection)
        return Removed(*there, left=(*leftovers(sides.source), *leftovers(sides.target)))


@contextmanager
def _switching(pair: Pair) -> Iterator[tuple[Sides, Standing]]:
    """Open both sides as the only one who may change who is primary. Raises WaitingError when somebody else does."""
    clock = pair.means.clock
    with opened(pair) as sides:
        # A running pump takes this lock for a moment now and then.
        until = clock.monotonic() + 5.0
        while not turning.lock(sides.target, pair.name):
            if clock.monotonic() > until:
                raise WaitingError(
                    f"Somebody else is switching {pair.name} at this moment.", hint="Look at `offramp pump status`."
                )
            clock.sleep(0.05)
        yield sides, standing(sides.target, pair.name)


def _demand_begun(sides: Sides, now: Standing) -> None:
    if status(sides.receiver(now), now.feeding) is None:
        _demand_name(sides.receiver(now), now.name)
        raise RefusedError("Nothing moves between these two yet.", hint="Begin with `offramp pump start`.")


def _demand_name(receiver: Connection, name: str) -> None:
    """Raise UsageError when the database receives a link of another name, which is likely the one meant."""
    with translated("the receiving side"):
        row = receiver.execute(_BOOK["links_exist"]).fetchone()
        names = [str(found[0]) for found in receiver.execute(_BOOK["names"])] if row and row[0] else []
    if names and name not in names:
        raise UsageError(f"There is no link {name} here, but {' and '.join(names)}.", hint=f"Say --name {names[0]}.")


def _server(connection: Connection, place: Place) -> ServerSeen:
    with translated(f"the {place.side}"):
        row = connection.execute(_BOOK["server"]).fetchone()
    assert row is not None
    version, database, role, size, kept = row
    mark = fenced(connection)
    url = without_password(place.ask().reveal())
    return ServerSeen(url, version, database, role, size, kept, mark.at if mark else None)


def _runs(receiver: Connection, now: Standing) -> bool:
    seen = status(receiver, now.feeding)
    return seen is not None and seen.beat_age_seconds < SILENCE_SECONDS and bool(runner(receiver, now.feeding))
